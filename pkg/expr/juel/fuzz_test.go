package juel_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
)

// FuzzCompile looks for panics, for failures that are not *expr.Error, for values
// that depend on more than the input, and for work that grows faster than the text.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"${a.b[1] > 2 ? 'x' : \"y\"}", "#{empty x and not (y eq 3)} text", "${now().plusDays(2)}", "${S(a).prop('b').value()}", "${'", "\\${"} {
		f.Add(seed)
	}
	in := env(f, variables)
	in.Limits = expr.Limits{Steps: 2000, Depth: 50, Items: 1000, Bytes: 1 << 16}
	f.Fuzz(func(t *testing.T, text string) {
		requireLinear(t, text)
		e, err := juel.Compile(text)
		if err != nil {
			require.IsType(t, &expr.Error{}, err)
			return
		}
		first, err := e.Evaluate(in)
		if err != nil {
			require.IsType(t, &expr.Error{}, err)
			require.NotContains(t, err.Error(), "broke off", "a panic was caught")
		}
		again, _ := e.Evaluate(in)
		require.Equal(t, first.Text(), again.Text())
	})
}

// requireLinear compiles the text over and over in a row: allocations, which
// stand for steps, grow with its length and not with its square.
func requireLinear(t *testing.T, text string) {
	t.Helper()
	long := strings.Repeat(text, 1+4000/(len(text)+1))
	require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = juel.Compile(long) }), float64(1000+10*len(long)))
}
