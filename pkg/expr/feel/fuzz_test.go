package feel_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// FuzzCompile looks for panics, for failures that are not *expr.Error, and for
// values that depend on more than the input.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`amount > 100 and status = "open"`, `for x in [1, 2], y in 1..x return partial[-1]`, `{a: 1, f: function(n: number) n ** 2, r: f(a)}`,
		`some i in ids satisfies i in (< 3, [5..9[, null)`, `ids[item > 1].x.y[1]`, `if a then b else c instance of list<number>`, `@"P1DT2H" * 2 + @"PT1S"`,
		`date and time(today(), time("10:00:00@Europe/Prague")).time offset`, `sort(ids, function(a, b) a > b)`, `replace("abc", "(b)|[a-z-[b]]", "$1")`,
		`a b c.d e`, "`x y` + 1 // c", `not(true) or false`, `]1..3[`, `]a..b[c]`, `-(-1) ** .5e1`, `"\u00e9\ud83d\udc0e\U01F40E"`, `string join(split("a;b", ";"), "-")`,
		`range("[1..2)") overlaps`, `decimal(1/3, 40)`, `mode([1,1,2]) + stddev(1,2)`, `context put({}, ["a", "b"], 1)`, `from json("[1,{\"a\":null}]")`,
	} {
		f.Add(seed)
	}
	in := env(f, `{"amount": 250, "status": "open", "ids": [1, 2, 3], "a": {"x": {"y": [1]}}, "b": null, "c": "2024-01-01", "a b c": 1}`)
	in.Limits = expr.Limits{Steps: 2000, Depth: 50, Items: 1000, Bytes: 1 << 16}
	f.Fuzz(func(t *testing.T, text string) {
		if tests, err := feel.CompileUnaryTests(text); err == nil {
			_, err = tests.Test(in, expr.Int(2))
			requireOrdinary(t, err)
		}
		e, err := feel.CompileWithNames(text, "a b c", "a-b")
		requireOrdinary(t, err)
		if err != nil {
			return
		}
		requireLinear(t, text)
		first, err := e.Evaluate(in)
		requireOrdinary(t, err)
		again, _ := e.Evaluate(in)
		require.Equal(t, first.Text(), again.Text())
	})
}

func requireOrdinary(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	require.IsType(t, &expr.Error{}, err)
	require.NotContains(t, err.Error(), "broke off", "a panic was caught")
}

// requireLinear compiles the text over and over in a row: allocations, which
// stand for steps, grow with its length and not with its square.
func requireLinear(t *testing.T, text string) {
	t.Helper()
	long := strings.Repeat(text+" ", 1+4000/(len(text)+1))
	require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = feel.CompileWithNames(long, "a b c", "a-b") }), float64(1000+10*len(long)))
}
