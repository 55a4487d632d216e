package feel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

func TestNumberFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`decimal(1/3, 2)`, `0.33`}, {`decimal(2.5, 0)`, `2`}, {`decimal(1234, -2)`, `1200`}, {`floor(-1.5)`, `-2`}, {`ceiling(-1.5)`, `-1`}, {`floor(1.56, 1)`, `1.5`},
		{`round up(-5.5, 0)`, `-6`}, {`round up(0.0001, 2)`, `0.01`}, {`round down(5.59, 1)`, `5.5`}, {`round half up(2.5, 0)`, `3`}, {`round half down(2.5, 0)`, `2`},
		{`abs(-3)`, `3`}, {`abs(@"-P1D")`, `P1D`}, {`modulo(-12, 5)`, `3`}, {`modulo(12, -5)`, `-3`}, {`modulo(10.1, 4.5)`, `1.1`}, {`modulo(1, 0)`, `null`},
		{`sqrt(16)`, `4`}, {`sqrt(-1)`, `null`}, {`log(0)`, `null`}, {`decimal(exp(1), 5)`, `2.71828`}, {`odd(-3)`, `true`}, {`even(2.5)`, `false`}, {`odd(1e30)`, `false`},
		{`number("1 000,5", " ", ",")`, `1000.5`}, {`number("1,000", ",")`, `1000`}, {`number("x")`, `null`}, {`number("1.5", ".", ".")`, `null`},
		{`[3][1] + [4]`, `null`}, {`floor([1.5])`, `1`}, {`random number() < 1`, `true`},
	})
}

func TestListFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`append([1], 2, [3])`, `[1, 2, [3]]`}, {`concatenate([1], [2, 3], 4)`, `[1, 2, 3, 4]`}, {`insert before([1, 3], 2, 2)`, `[1, 2, 3]`}, {`insert before([1, 3], -1, 2)`, `[1, 2, 3]`},
		{`remove([1, 2, 3], 2)`, `[1, 3]`}, {`remove([1], 5)`, `null`}, {`reverse([1, 2])`, `[2, 1]`}, {`index of([1, 2, 1], 1)`, `[1, 3]`}, {`union([1, 2], [2, 3])`, `[1, 2, 3]`},
		{`distinct values([1, "1", 1.0])`, `[1, "1"]`}, {`duplicate values([1, 2, 1, 1])`, `[1]`}, {`flatten([1, [2, [3]]])`, `[1, 2, 3]`}, {`sort([3, 1, 2])`, `[1, 2, 3]`},
		{`partition([1, 2, 3], 2)`, `[[1, 2], [3]]`}, {`sublist([1, 2, 3], 2)`, `[2, 3]`}, {`sublist([1, 2, 3], -2, 1)`, `[2]`}, {`sublist([1], 1, 5)`, `null`},
		{`list replace([1, 2], 2, 9)`, `[1, 9]`}, {`list replace([1, 2, 3], function(item, n) item > 1, 0)`, `[1, 0, 0]`}, {`list contains([1, null], null)`, `true`},
		{`count([1, [2]])`, `2`}, {`is empty([])`, `true`}, {`all([true, null])`, `null`}, {`any([null, true])`, `true`}, {`all([])`, `true`},
		{`min("b", "a")`, `"a"`}, {`max([])`, `null`}, {`sum([])`, `null`}, {`sum(1, 2)`, `3`}, {`sum([@"PT1H", @"PT30M"])`, `PT1H30M`}, {`product([2, 3])`, `6`}, {`mean([1, 2])`, `1.5`},
		{`median([3, 1, 2, 4])`, `2.5`}, {`stddev([2, 4, 7, 5])`, `2.081665999466132735282297706979931`}, {`stddev([1])`, `null`}, {`mode([6, 1, 9, 6, 1])`, `[1, 6]`},
	})
}

func TestStringFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`substring after("foobar", "ob")`, `"ar"`}, {`substring after("foobar", "x")`, `""`}, {`starts with("foobar", "fo")`, `true`}, {`ends with("foobar", "r")`, `true`},
		{`trim("  a ")`, `"a"`}, {`is blank(" ")`, `true`}, {`extract("references are 1234, 1256", "12[0-9]*")`, `["1234", "1256"]`}, {`to base64("FEEL")`, `"RkVFTA=="`},
		{`string join(["a", "b"], ", ", "[", "]")`, `"[a, b]"`}, {`string join(["a", 1])`, `null`}, {`substring("foobar", 0)`, `null`}, {`string(1.10)`, `"1.1"`},
		{`string([1, {a: "x"}, null])`, `"[1, {a: \"x\"}, null]"`}, {`string(null)`, `null`}, {`is(time("23:00:50z"), time("23:00:50+00:00"))`, `true`}, {`is(time("23:00:50z"), time("23:00:50"))`, `false`}, {`duration("PT4S").seconds`, `4`}, {`upper case(1)`, `null`}, {`lower case(["ABC"])`, `"abc"`},
		{`to json({a: [1, @"P1D"]})`, `"{\"a\":[1,\"P1D\"]}"`}, {`from json("{\"a\": 1.50}")`, `{a: 1.5}`}, {`from json("{")`, `null`},
	})
}

// TestPatterns has what XPath and Go write differently.
func TestPatterns(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`matches("a\u000Db", "a.b")`, `false`}, {`matches("a\nb", "a.b", "s")`, `true`}, {`matches("b", "[a-z-[aeiou]]")`, `true`}, {`matches("e", "[a-z-[aeiou]]")`, `false`},
		{`matches("E", "[a-z-[f]]", "i")`, `true`}, {`matches("F", "[a-z-[f]]", "i")`, `false`}, {`matches("helloworld", "hello world", "x")`, `true`}, {`matches("a.b", "a.b", "q")`, `true`},
		{`matches("axb", "a.b", "q")`, `false`}, {`matches("ж", "\p{IsCyrillic}")`, `true`}, {`matches("ж", "^\P{IsCyrillic}$")`, `false`}, {`matches("a1", "\i\d")`, `true`}, {`matches("x-", "[^\w]")`, `true`},
		{`matches("a", "[\D]")`, `true`}, {`matches("a", "(a")`, `null`}, {`matches("aa", "(a)\1")`, `null`}, {`matches("a", "a", "z")`, `null`}, {`matches("a", "[b")`, `null`}, {`matches("a", "(?=a)")`, `null`},
		{`replace("abracadabra", "a(.)", "a$1$1")`, `"abbraccaddabbra"`}, {`replace("a.b", ".", "$0", "q")`, `"a$0b"`}, {`replace("abc", "b", "\$")`, `"a$c"`}, {`replace("abc", "b", "$x")`, `null`},
		{`replace("abcdefghijkl", "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)", "$11$12")`, `"ka2l"`}, {`split("a1b22c", "\d+")`, `["a", "b", "c"]`},
	})
}

func TestContextFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`get value({a: {b: 1}}, ["a", "b"])`, `1`}, {`get value({a: 1}, "b")`, `null`}, {`get entries({a: 1})`, `[{key: "a", value: 1}]`}, {`context([{key: "a", value: 1}])`, `{a: 1}`},
		{`context([{key: "a", value: 1}, {key: "a", value: 2}])`, `null`}, {`context put({a: 1}, "b", 2)`, `{a: 1, b: 2}`}, {`context put({a: {b: 1}}, ["a", "c"], 2)`, `{a: {b: 1, c: 2}}`},
		{`context put({}, ["a", "b"], 1)`, `{a: {b: 1}}`}, {`context put({a: 1}, ["a", "b"], 1)`, `null`}, {`context merge([{a: 1, b: 1}, {b: 2}])`, `{a: 1, b: 2}`}, {`context put({}, [], 1)`, `null`},
	})
}

func TestTemporalFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`date("2024-02-29")`, `2024-02-29`}, {`date(date and time("2024-02-29T23:00:00"))`, `2024-02-29`}, {`date(2023, 2, 29)`, `null`}, {`time(10, 30, 1.5)`, `10:30:01.5`},
		{`time(10, 30, 0, @"PT1H")`, `10:30:00+01:00`}, {`time(25, 0, 0)`, `null`}, {`time(date and time("2024-02-29T23:00:00Z"))`, `23:00:00Z`}, {`date and time("2024-02-29")`, `2024-02-29T00:00:00`},
		{`date and time(date("2024-02-29"), time("10:00:00"))`, `2024-02-29T10:00:00`}, {`date and time(@"2024-02-29T10:00:00Z", "Europe/Prague")`, `2024-02-29T11:00:00@Europe/Prague`},
		{`date and time(@"2024-02-29T10:00:00", "Europe/Prague")`, `2024-02-29T10:00:00@Europe/Prague`}, {`date and time(@"2024-02-29T10:00:00", "Nowhere")`, `null`},
		{`years and months duration(@"2024-03-31", @"2023-01-30")`, `-P1Y2M`}, {`day of year(@"2024-12-31")`, `366`}, {`week of year(@"2005-01-01")`, `53`}, {`month of year(@"2024-02-01")`, `"February"`},
		{`@"2024-03-31T01:30:00@Europe/Prague" + @"PT1H"`, `2024-03-31T03:30:00@Europe/Prague`}, {`@"10:00:00Z" - @"09:00:00Z"`, `PT1H`}, {`@"10:00:00Z" - @"09:00:00"`, `null`},
		{`@"2024-01-31" - @"P1M"`, `2023-12-31`}, {`@"P1Y" + @"P1D"`, `null`}, {`@"P1Y" / @"P1M"`, `12`}, {`-@"P1Y"`, `-P1Y`}, {`@"PT1H" / 0`, `null`}, {`2 * @"PT1H"`, `PT2H`},
		{`@"2024-01-01T00:00:00Z" < @"2024-01-01T00:30:00+01:00"`, `false`}, {`is(@"10:00:00Z", @"11:00:00+01:00")`, `false`}, {`@"10:00:00Z" = @"11:00:00+01:00"`, `true`},
		{`@"2024-01-01T10:00:00@Europe/Prague".timezone`, `"Europe/Prague"`}, {`@"P1DT2H3M4.5S".seconds`, `4.5`}, {`@"-P1Y2M".months`, `-2`}, {`for d in @"2024-02-28"..@"2024-03-01" return d.day`, `[28, 29, 1]`},
	})
}

func TestRangeFunctions(t *testing.T) {
	t.Parallel()
	requireAll(t, `{}`, [][2]string{
		{`before(1, 10)`, `true`}, {`before([1..5), [5..9])`, `true`}, {`before([1..5], [5..9])`, `false`}, {`after([5..9], 5)`, `false`}, {`meets([1..5], [5..9])`, `true`}, {`met by([5..9], [1..5])`, `true`},
		{`overlaps([1..5], [3..8])`, `true`}, {`overlaps([1..5), [5..8])`, `false`}, {`overlaps before([1..5], [3..8])`, `true`}, {`overlaps after([3..8], [1..5])`, `true`},
		{`finishes(10, [1..10])`, `true`}, {`finished by([1..10], 10)`, `true`}, {`includes([1..10], [2..3])`, `true`}, {`during(5, [1..10])`, `true`}, {`starts([1..5], [1..9])`, `true`},
		{`started by([1..9], 1)`, `true`}, {`coincides([1..5], [1..5])`, `true`}, {`before(1, "a")`, `null`}, {`range("[1..5)").end`, `5`}, {`range("[5..1]")`, `null`}, {`range("[a..b]")`, `null`},
		{`(< 5).end included`, `false`}, {`[1..5].start`, `1`}, {`3 in range("[1..5]")`, `true`}, {`for i in [1..3) return i`, `[1, 2]`},
	})
}

func TestEveryFunctionIsKnownByItsName(t *testing.T) {
	t.Parallel()
	names := feel.FunctionNames()
	require.GreaterOrEqual(t, len(names), 90)
	for _, name := range names {
		_, err := feel.Compile(name + "(1, 2, 3, 4, 5, 6)")
		require.NoError(t, err, name)
	}
}

func TestArgumentsThatDoNotFitSayHow(t *testing.T) {
	t.Parallel()
	e, err := feel.Compile(`substring("abc")`)
	require.NoError(t, err)
	_, err = e.Evaluate(&expr.Env{Strict: true})
	require.ErrorContains(t, err, "1 arguments do not fit substring(string, start position, length)")
}
