package feel_test

import (
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
