package feel_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// env has the variables of a JSON object and a fixed clock.
func env(t testing.TB, variables string) *expr.Env {
	t.Helper()
	v, err := expr.FromJSON([]byte(variables))
	require.NoError(t, err)
	scope, ok := v.AsContext()
	require.True(t, ok)
	return &expr.Env{Scope: scope, Now: time.Date(2024, 2, 29, 10, 30, 0, 0, time.UTC), Seed: 7}
}

func evaluate(t testing.TB, text, variables string) expr.Value {
	t.Helper()
	e, err := feel.Compile(text)
	require.NoError(t, err, text)
	v, err := e.Evaluate(env(t, variables))
	require.NoError(t, err, text)
	return v
}

// requireAll evaluates each expression and compares string(…) of its value, so
// that kinds show: a string is quoted.
func requireAll(t *testing.T, variables string, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		text := evaluate(t, "string(["+c[0]+"])", variables)
		require.Equal(t, "["+c[1]+"]", text.Text(), c[0])
	}
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`1`, `1`}, {`-1.50`, `-1.5`}, {`.5`, `0.5`}, {`1.2e3`, `1200`}, {`true`, `true`}, {`null`, `null`},
		{`"a\"b\n\u00e9\U01F40E\d"`, `"a\"b\né🐎\\d"`}, {`[1, "a", [null]]`, `[1, "a", [null]]`},
		{`{a: 1, "b c": 2, d e: a + 1}`, `{a: 1, b c: 2, d e: 2}`}, {`[1..3]`, `[1..3]`}, {`]1..3[`, `(1..3)`}, {`(1..3]`, `(1..3]`},
		{`@"2024-02-29"`, `2024-02-29`}, {`@"P1Y"`, `P1Y`}, {`1 /* one */ + // two` + "\n 2", `3`},
	})
}

// A name that would not be read as it is written stands in quotes.
func TestLiteralOfAContext(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"a": `{a: 1}`, "a b": `{a b: 1}`, "a ": `{"a ": 1}`, " a": `{" a": 1}`, "a  b": `{"a  b": 1}`, "a-b": `{"a-b": 1}`, "1": `{"1": 1}`, "": `{"": 1}`,
	} {
		var b expr.ContextBuilder
		b.Put(key, expr.Int(1))
		require.Equal(t, want, feel.Literal(b.Build()), key)
	}
}

func TestArithmetic(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`1 + 2 * 3`, `7`}, {`(1 + 2) * 3`, `9`}, {`7 - 2 - 1`, `4`}, {`2 ** 3 ** 2`, `64`}, {`-2 ** 2`, `4`}, {`1 / 3`, `0.3333333333333333333333333333333333`},
		{`0.1 + 0.2`, `0.3`}, {`1 / 0`, `null`}, {`1 + "a"`, `null`}, {`"a" + "b"`, `"ab"`}, {`1 + null`, `null`}, {`10 - -3`, `13`},
	})
}

func TestLogicHasThreeValues(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`true and null`, `null`}, {`false and null`, `false`}, {`null or true`, `true`}, {`null or false`, `null`}, {`not(null)`, `null`},
		{`1 = 1.0`, `true`}, {`"a" = 1`, `null`}, {`null = null`, `true`}, {`1 != null`, `true`}, {`1 < "a"`, `null`}, {`"a" < "b"`, `true`},
		{`5 between 1 and 5`, `true`}, {`if null then 1 else 2`, `2`}, {`if 1 < 2 then "y" else "n"`, `"y"`},
	})
}

func TestVariablesPathsAndFilters(t *testing.T) {
	t.Parallel()
	requireAll(t, `{"order": {"lines": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 5}], "first name": "Joe"}, "date of birth": "x"}`, [][2]string{
		{`order.lines.sku`, `["a", "b"]`}, {`order.lines[1].qty`, `2`}, {`order.lines[-1].qty`, `5`}, {`order.lines[3]`, `null`},
		{`order.lines[qty > 3].sku`, `["b"]`}, {`order.lines[item.qty < 3].sku`, `["a"]`}, {`order.first name`, `"Joe"`}, {`date of birth`, `"x"`},
		{`sum(order.lines.qty)`, `7`}, {`order.nope`, `null`}, {`nobody`, `null`}, {`nobody.nothing`, `null`}, {"order.`first name`", `"Joe"`},
		{`is defined(order.nope)`, `false`}, {`is defined(order.lines)`, `true`}, {`is defined(nobody)`, `false`}, {`get or else(nobody, 3)`, `3`},
	})
}

func TestMembership(t *testing.T) {
	t.Parallel()
	requireAll(t, `{"x": 5}`, [][2]string{
		{`x in [1..5]`, `true`}, {`x in [1..5)`, `false`}, {`x in (1, 5)`, `true`}, {`x in [1, 5]`, `true`}, {`x in > 3`, `true`},
		{`x in (< 3, > 4)`, `true`}, {`x in ]5..9]`, `false`}, {`x in (1..5]`, `true`}, {`x in (5..6)`, `false`}, {`x in ((1..3), [5..9])`, `true`}, {`x in (5)`, `true`}, {`x in -1`, `false`}, {`"b" in ["a".."c"]`, `true`}, {`x in "a"`, `null`},
	})
}

func TestLoops(t *testing.T) {
	t.Parallel()
	requireAll(t, `{"xs": [1, 2, 3]}`, [][2]string{
		{`for x in xs return x * 2`, `[2, 4, 6]`}, {`for x in xs, y in [10, 20] return x + y`, `[11, 21, 12, 22, 13, 23]`},
		{`for i in 3..1 return i`, `[3, 2, 1]`}, {`for i in 0..4 return if i = 0 then 1 else i * partial[-1]`, `[1, 1, 2, 6, 24]`},
		{`some x in xs satisfies x > 2`, `true`}, {`every x in xs satisfies x > 2`, `false`}, {`every x in [] satisfies false`, `true`},
		{`for x in xs, y in 1..x return y`, `[1, 1, 2, 1, 2, 3]`},
	})
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`(function(a, b) a - b)(5, 3)`, `2`}, {`{f: function(a: number, b: number) a - b, r: f(b: 1, a: 9)}.r`, `8`},
		{`for f in (for i in 1..3 return function(x) x * i) return f(10)`, `[10, 20, 30]`}, {`sort([3, 1, 2], function(a, b) a > b)`, `[3, 2, 1]`},
		{`{f: function(a: number) a, r: f("x")}.r`, `null`}, {`substring(string: "foobar", start position: 3)`, `"obar"`},
		{`[abs, floor][1](-3)`, `3`}, {`max(1, 2, 3)`, `3`}, {`max([1, 2, 3])`, `3`}, {`nobody(1)`, `null`},
	})
}

func TestStringsCountCodePoints(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`string length("🐎ab")`, `3`}, {`substring("🐎ab", 1, 1)`, `"🐎"`}, {`substring("foobar", -2, 1)`, `"a"`}, {`upper case("aé")`, `"AÉ"`},
		{`contains("foobar", "of")`, `false`}, {`substring before("foobar", "bar")`, `"foo"`}, {`split("a;b", ";")`, `["a", "b"]`},
		{`replace("abcd", "(ab)|(a)", "[1=$1][2=$2]")`, `"[1=ab][2=]cd"`}, {`matches("abc", "^A", "i")`, `true`}, {`string join(["a", null, "b"], "-")`, `"a-b"`},
	})
}

func TestTemporal(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`now()`, `2024-02-29T10:30:00Z`}, {`today() + duration("P1Y")`, `2025-02-28`}, {`date("2024-01-31") + duration("P1M")`, `2024-02-29`},
		{`date and time("2024-01-01T23:00:00") + duration("PT2H")`, `2024-01-02T01:00:00`}, {`date("2024-03-01") - date("2024-02-01")`, `P29D`},
		{`duration("P1Y") * 1.5`, `P1Y6M`}, {`duration("PT1H") / 2`, `PT30M`}, {`duration("P1D") > duration("PT23H")`, `true`},
		{`date("2024-02-30")`, `null`}, {`date(2024, 2, 29).weekday`, `4`}, {`time("23:30:00") + duration("PT1H")`, `00:30:00`},
		{`years and months duration(date("2020-02-28"), date("2024-02-29"))`, `P4Y1D`[:3]}, {`day of week(date("2024-02-29"))`, `"Thursday"`},
		{`date and time(date("2024-07-01"), time("10:00:00@Europe/Prague")).time offset`, `PT2H`}, {`last day of month(date("2024-02-01"))`, `2024-02-29`},
	})
}

func TestInstanceOf(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`1 instance of number`, `true`}, {`[1, 2] instance of list<number>`, `true`}, {`[1, "a"] instance of list<number>`, `false`},
		{`@"P1D" instance of days and time duration`, `true`}, {`null instance of Any`, `false`}, {`{a: 1} instance of context<a: number>`, `true`},
		{`[1..2] instance of range<number>`, `true`}, {`abs instance of function<number> -> number`, `true`},
		{`(function(a: number) a) instance of function<number> -> Any`, `true`}, {`(function(a: number) a) instance of function<string> -> Any`, `false`},
		{`(function(a) a) instance of function<string> -> Any`, `true`}, {`(function(a: number) a) instance of function<Any> -> Any`, `false`},
		{`(function(a: list<number>) a) instance of function<list<number>> -> Any`, `true`}, {`(function(a: list<number>) a) instance of function<list<string>> -> Any`, `false`},
		{`(function(a: context<a: string>) "") instance of function<context<a: string, b: string>> -> string`, `true`},
		{`(function(a: context<a: string, b: string>) "") instance of function<context<a: string>> -> string`, `false`},
		{`(function(a: number) a) instance of function<> -> Any`, `false`}, {`(function() 1) instance of function<> -> Any`, `true`},
	})
}

func TestNamesWithOperators(t *testing.T) {
	t.Parallel()
	e, err := feel.CompileWithNames(`pre-tax + profit and loss * 2 - pre`, "pre-tax", "profit and loss", "pre")
	require.NoError(t, err)
	v, err := e.Evaluate(env(t, `{"pre-tax": 10, "profit and loss": 3, "pre": 1}`))
	require.NoError(t, err)
	require.Equal(t, "15", v.Text())
}

func TestSyntaxErrorsSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`1 +`:                              "line 1, column 4: the expression ends where a value is expected",
		`if a then b`:                      `"else" after then`,
		`(1, 2)`:                           `unexpected ","`,
		`[1, 2`:                            `"]" to close the list`,
		"1 +\n  )":                         "line 2, column 3",
		`"abc`:                             "is not closed",
		`{a: 1, a: 2}`:                     "two entries",
		`x instance of banana`:             "not a type",
		`function() external {}`:           "external functions",
		`a b(1`:                            `")" after the arguments`,
		`f(a: 1, 2)`:                       "cannot be mixed",
		``:                                 "a value is expected",
		strings.Repeat("(", 10_000):        "nested deeper",
		"1" + strings.Repeat("+1", 10_000): "nested operations",
	} {
		_, err := feel.Compile(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestStrictAndWarnings(t *testing.T) {
	t.Parallel()
	e, err := feel.Compile(`missing + 1`)
	require.NoError(t, err)
	var warnings []expr.Error
	v, err := e.Evaluate(&expr.Env{Warnings: &warnings})
	require.NoError(t, err)
	require.True(t, v.IsNull())
	require.Len(t, warnings, 2)
	require.Equal(t, `no variable is named "missing"`, warnings[0].Message)
	require.Equal(t, expr.Position{Line: 1, Column: 9}, warnings[1].Position)

	_, err = e.Evaluate(&expr.Env{Strict: true})
	require.ErrorContains(t, err, `no variable is named "missing"`)
}

func TestLimitsEndTheEvaluation(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`count(for i in 1..1000000 return 1)`:                                                         "more than 100000 steps",
		`count(for a in 1..1000, b in 1..1000 return 1)`:                                              "steps",
		`{f: function(g, n) g(g, n + 1), r: f(f, 0)}.r`:                                               "nested deeper than 200 levels",
		`for i in 1..60 return if i = 1 then "xxxxxxxx" else partial[-1] + partial[-1]`:               "more than 4194304 bytes",
		`for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]]`:                     "more than 4194304 bytes",
		`for i in 1..3000 return if i = 1 then 1 else [partial[-1]]`:                                  "nested deeper than",
		`{f: function(g) g(g)` + strings.Repeat("+1", 1500) + `, r: f(f)}.r`:                          "more than 100000 steps",
		`for i in 1..30000 return matches("` + strings.Repeat("a", 20000) + `", "(a{1,100}){1,10}b")`: "steps",
		`assert(1, false, "no way")`:                                                                  "no way",
	} {
		e, err := feel.Compile(text)
		require.NoError(t, err)
		_, err = e.Evaluate(&expr.Env{})
		require.ErrorContains(t, err, want, text)
	}
}

func TestSeedDecidesRandomness(t *testing.T) {
	t.Parallel()
	first := evaluate(t, `[uuid(), uuid(), random number()]`, `{}`)
	require.Equal(t, first.Text(), evaluate(t, `[uuid(), uuid(), random number()]`, `{}`).Text())
	ids, _ := first.AsList()
	require.NotEqual(t, ids[0].Text(), ids[1].Text())
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, ids[0].Text())
}

func TestFreeNames(t *testing.T) {
	t.Parallel()
	e, err := feel.Compile(`amount > limit and (for x in lines return x.qty + amount)[1] > 0 and count(lines) = 1`)
	require.NoError(t, err)
	require.Equal(t, []string{"amount", "limit", "lines"}, e.Names())
}

func BenchmarkCondition(b *testing.B) {
	e, err := feel.Compile(`amount > 100 and status = "open"`)
	require.NoError(b, err)
	env := env(b, `{"amount": 250, "status": "open", "other": [1, 2]}`)
	b.ReportAllocs()
	for b.Loop() {
		if v, err := e.Evaluate(env); err != nil || !v.IsTrue() {
			b.Fatal(v, err)
		}
	}
}

func TestManyGoroutinesShareAnExpression(t *testing.T) {
	t.Parallel()
	e, err := feel.Compile(`count(for x in 1..n return if matches(string(x), p) then x else null) + {f: function(y) y * n, r: f(2)}.r`)
	require.NoError(t, err)
	var all errgroup.Group
	for n := 1; n <= 8; n++ {
		all.Go(func() error {
			in := env(t, fmt.Sprintf(`{"n": %d, "p": "[%d]"}`, 10*n, n))
			for range 50 {
				v, err := e.Evaluate(in)
				if err != nil || v.Text() != strconv.Itoa(30*n) {
					return fmt.Errorf("n = %d gave %s, %w", n, v, err)
				}
			}
			return nil
		})
	}
	require.NoError(t, all.Wait())
}
