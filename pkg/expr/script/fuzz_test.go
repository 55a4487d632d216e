package script_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/script"
)

// FuzzScript looks for panics, for failures that are not *expr.Error, and for values
// that depend on more than the input, such as what an earlier script has left.
func FuzzScript(f *testing.F) {
	for _, seed := range []string{
		"amount > 100 && status === 'open'", "var s = 0; for (const l of order.lines) { s += l.qty } s", "execution.setVariable('a', {b: [1]}); execution.getVariable('a').b",
		"let {id, lines: [first, ...rest]} = order", "`${status}` + [1, [2]] + {} + new Date(0)", "try { null.x } catch ({message}) { message } finally { 1 }",
		"'a-b'.replace(/(-)(b)?/g, (m, x) => x + '$1')", "(function f(n, ...a) { return n ? f(n - 1, ...a, n) : a })(5)", "switch (amount) { case 1: let x; default: x = 2 }",
		"a: for (var k in order) { for (;;) continue a }", "JSON.parse(JSON.stringify({a: [undefined, 1e21, 'é']}), (k, v) => v)", "[3, 1].sort().map(String).flatMap(x => [x]).join()",
		"Array.from(new Set([1, 1])).concat(Array(3)).fill(0, 1)", "new RegExp('[a-z]+', 'gi').exec('ab')?.index ?? -1", "x = y = 1, delete x, typeof x, void 0", "wide.id; serial",
		"Object.assign([], {length: 5})", "Math.max.apply(null, arguments)", "this.constructor.prototype.valueOf.call(1)", "function g() { 'use strict'; return this } g()",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := script.Compile(source)
		requireOrdinary(t, err)
		if err != nil {
			return
		}
		evaluate := func() string {
			in := env(t)
			in.Writer = writes{}
			in.Limits = expr.Limits{Steps: 5000, Depth: 50, Items: 1000, Bytes: 1 << 16}
			v, err := e.Evaluate(in)
			requireOrdinary(t, err)
			return v.Text()
		}
		require.Equal(t, evaluate(), evaluate())
	})
}

func requireOrdinary(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	require.IsType(t, &expr.Error{}, err)
	require.NotContains(t, err.Error(), "broke off")
}
