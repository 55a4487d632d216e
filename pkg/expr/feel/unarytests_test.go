package feel_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

func TestUnaryTests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tests, input, want string }{
		{`-`, `null`, `true`},
		{`5`, `5`, `true`},
		{`5`, `6`, `false`},
		{`"a", "b"`, `"b"`, `true`},
		{`not("a", "b")`, `"c"`, `true`},
		{`not("a", "b")`, `"a"`, `false`},
		{`< 5`, `4.9`, `true`},
		{`< 5, > 10`, `11`, `true`},
		{`< limit`, `4`, `true`},
		{`[1..3], 7`, `7`, `true`},
		{`(1..3]`, `1`, `false`},
		{`]1..3[`, `3`, `false`},
		{`!= 5`, `6`, `true`},
		{`? > 3 and ? < 6`, `5`, `true`},
		{`contains(?, "oo")`, `"foo"`, `true`},
		{`not(contains(?, "oo"))`, `"foo"`, `false`},
		{`not(flag) and ? > 1`, `2`, `false`},
		{`ids`, `2`, `true`},
		{`ids`, `9`, `false`},
		{`[]`, `[]`, `true`},
		{`null`, `null`, `true`},
		{`null`, `1`, `false`},
		{`< 5`, `"x"`, `null`},
		{`date("2024-01-01")`, `"2024-01-01"`, `null`},
		{`some x in ids satisfies x = ?`, `2`, `true`},
		{`ids[item > ?]`, `0`, `false`},
	} {
		tests, err := feel.CompileUnaryTests(c.tests)
		require.NoError(t, err, c.tests)
		input, err := expr.FromJSON([]byte(c.input))
		require.NoError(t, err)
		got, err := tests.Test(env(t, `{"limit": 5, "flag": true, "ids": [1, 2]}`), input)
		require.NoError(t, err, c.tests)
		text, err := got.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, c.want, string(text), "%s of %s", c.tests, c.input)
	}
}

func TestUnaryTestsNameTheirVariables(t *testing.T) {
	t.Parallel()
	tests, err := feel.CompileUnaryTests("< limit, ? = other")
	require.NoError(t, err)
	require.Equal(t, []string{"limit", "other"}, tests.Names())
	require.Equal(t, "< limit, ? = other", tests.Source())
}

func TestUnaryTestsErrors(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `<`, `1,`, `not(`, `- 1 -`, `1 2`} {
		_, err := feel.CompileUnaryTests(text)
		require.Error(t, err, text)
	}
}

// Tests against constants are applied without the program; they must say what it says.
func TestQuickTestsSayWhatTheProgramSays(t *testing.T) {
	t.Parallel()
	values := []string{
		`null`, `true`, `5`, `5.0`, `-3`, `4.9`, `1e30`, `"a"`, `"b"`, `""`, `date("2024-02-29")`, `time("10:00:00")`, `time("10:00:00Z")`,
		`date and time("2024-02-29T10:00:00")`, `duration("P1D")`, `duration("P1M")`, `[5]`, `{a: 5}`, `[1..5]`, `function(x) x`,
		`"` + strings.Repeat("long", 40) + `"`,
	}
	constants := []string{`5`, `-3`, `4.90`, `"a"`, `true`, `null`, `date("2024-02-29")`, `@"2024-03-01"`, `time("10:00:00")`, `duration("P1D")`, `duration("P1M")`, `date("never")`}
	var tests []string
	for _, c := range constants {
		tests = append(tests, c, "not("+c+")", c+`, "b"`, "= "+c, "!= "+c, "< "+c, "<= "+c, "> "+c, ">= "+c, "["+c+".."+c+"]", "("+c+".."+c+"]")
	}
	tests = append(tests, "[1..5)", "]1..5]", `not([1..4], 5)`, `["a".."b"]`, `[duration("P1D")..duration("P2D")]`)
	for _, text := range tests {
		quick, err := feel.CompileUnaryTests(text)
		require.NoError(t, err, text)
		// The same tests of a variable's value need the program.
		inner, negated := strings.CutPrefix(text, "not(")
		if negated {
			inner = strings.TrimSuffix(inner, ")")
		}
		slow, err := feel.CompileUnaryTests("slow, " + inner)
		require.NoError(t, err, text)
		for _, value := range values {
			v, err := feelValue(t, value)
			require.NoError(t, err)
			want, err := slow.Test(env(t, `{"slow": {"none": "of them"}}`), v)
			require.NoError(t, err)
			got, err := quick.Test(env(t, `{}`), v)
			require.NoError(t, err)
			if negated {
				require.Equal(t, want.IsTrue(), got.Kind() == expr.KindBoolean && !got.IsTrue(), "%s of %s", text, value)
				continue
			}
			require.Equal(t, want.IsTrue(), got.IsTrue(), "%s of %s", text, value)
		}
	}
}

func feelValue(t *testing.T, text string) (expr.Value, error) {
	t.Helper()
	e, err := feel.Compile(text)
	require.NoError(t, err, text)
	return e.Evaluate(&expr.Env{})
}
