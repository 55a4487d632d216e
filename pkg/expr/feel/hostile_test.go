package feel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// TestWorkIsBounded evaluates what would take all time or memory. The limits are
// counted, so that it ends at the same place on every machine; what takes longer than
// expected is logged.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	const steps, bytes, deep = "more than 100000 steps", "bytes", "nested deeper than"
	for text, want := range map[string]string{
		"sum(for i in 1..1000000000 return i)":                                                                             steps,
		"count(for i in 1..1000, j in 1..1000, k in 1..1000 return 1)":                                                     steps,
		"every i in 1..1000000000 satisfies i > 0":                                                                         steps,
		"some i in -1000000000..0 satisfies i > 0":                                                                         steps,
		"[1..1000000000][item = 5]":                                                                                        "",
		"for d in date(\"0001-01-01\")..date(\"999999999-01-01\") return d":                                                steps,
		"{f: function(f, n) f(f, n + 1), r: f(f, 0)}.r":                                                                    deep,
		"{f: function(f, n) f(f, n) + f(f, n), r: f(f, 0)}.r":                                                              deep,
		"{f: function(f, n) if n = 0 then 1 else f(f, n - 1) + f(f, n - 1), r: f(f, 60)}.r":                                steps,
		"count(for i in 1..60 return if i = 1 then \"xxxxxxxxxx\" else partial[-1] + partial[-1])":                         bytes,
		"count(for i in 1..40 return if i = 1 then [1] else concatenate(partial[-1], partial[-1]))":                        "more than 100000",
		"count(for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])":                                   "",
		"string(for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])":                                  "",
		"count(for i in 1..60 return if i = 1 then {a: 1} else {a: partial[-1], b: partial[-1]})":                          "",
		"string join(for i in 1..90000 return \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\")":           steps,
		"for i in 1..60 return replace(if i = 1 then \"x\" else partial[-1], \"x\", \"xxxx\")":                             steps,
		"some i in 1..10000 satisfies matches(string join(for j in 1..3000 return \"a\"), \"(a*)*b\")":                     steps,
		"matches(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\", \"^(a+)+$\")":                                                  "",
		"split(string join(for i in 1..40000 return \"a;\"), \";\")[-1] = \"\" and count(for i in 1..100000 return i) > 1": steps,
		"2 ** 1000000":                                 "",
		"9 ** 9 ** 9 ** 9 ** 9":                        "",
		"for i in 1..100000 return 1.1 ** 0.33":        steps,
		"for i in 1..100000 return exp(i)":             steps,
		"decimal(1/3, 6000) + 1e6000":                  "",
		"1e6000 * 1e6000":                              "",
		"sort(for i in 1..50000 return -i)":            steps,
		"distinct values(for i in 1..20000 return i)":  steps,
		"duplicate values(for i in 1..20000 return i)": steps,
		"flatten(for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])": bytes,
		"for i in 1..99999 return for j in 1..99999 return for k in 1..99999 return 1":     steps,
		"partition(for i in 1..10000 return i, 1)":                                         "",
		"for i in 1..3000 return to json(partial)":                                         "",
		"context(for i in 1..50000 return {key: string(i), value: i})":                     steps,
		"string format(\"%.100f%.100f%.100f\", [1, 2, 3])":                                 "",
	} {
		e, err := feel.Compile(text)
		require.NoError(t, err, text)
		in := env(t, `{}`)
		start := time.Now()
		_, err = e.Evaluate(in)
		if spent := time.Since(start); spent > 50*time.Millisecond {
			t.Logf("%6d ms: %s", spent.Milliseconds(), text)
		}
		if want == "" {
			continue // ends by itself, or at one limit or another
		}
		require.ErrorContains(t, err, want, text)
		require.IsType(t, &expr.Error{}, err)
	}
}

// TestHostileSources: what is too deep or too long is refused when it is compiled, or
// runs within the limits.
func TestHostileSources(t *testing.T) {
	t.Parallel()
	const n = 100_000
	for _, text := range []string{
		strings.Repeat("(", n), strings.Repeat("[", n), strings.Repeat("{a:", n), strings.Repeat("-", n) + "1", "1" + strings.Repeat("+1", n),
		strings.Repeat("not(", n), strings.Repeat("if true then ", n), strings.Repeat("for x in ", n), "a" + strings.Repeat(".b", n), "a" + strings.Repeat("[1]", n),
		strings.Repeat("f(", n), "1" + strings.Repeat(" instance of number", n/10), strings.Repeat("function(x) ", n), strings.Repeat("a ", n), `"` + strings.Repeat("x", 1<<20) + `"`,
		"1" + strings.Repeat(" in (1)", n), "1" + strings.Repeat(" between 1 and 2", n), strings.Repeat("9", n), "/*" + strings.Repeat("*", n),
	} {
		start := time.Now()
		e, err := feel.Compile(text)
		if err == nil {
			_, err = e.Evaluate(env(t, `{}`))
		}
		if err != nil {
			require.IsType(t, &expr.Error{}, err)
			require.Less(t, len(err.Error()), 2000)
		}
		if spent := time.Since(start); spent > 100*time.Millisecond {
			t.Logf("%6d ms: %.20s", spent.Milliseconds(), text)
		}
	}
}
