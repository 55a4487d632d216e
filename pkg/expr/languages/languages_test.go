package languages_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

func scope(t *testing.T) *expr.Env {
	t.Helper()
	v, err := expr.FromJSON([]byte(`{"a": 2, "key": "K1"}`))
	require.NoError(t, err)
	c, _ := v.AsContext()
	return &expr.Env{Scope: c}
}

func TestNotationPicksTheLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		dialect languages.Dialect
		want    string
	}{
		{"= a + 1", languages.Zeebe, `3`},
		{"  =a", languages.Zeebe, `2`},
		{"a + 1", languages.Zeebe, `"a + 1"`},
		{"5", languages.Zeebe, `"5"`},
		{"${a}", languages.Zeebe, `"${a}"`},
		{"${a}", languages.Camunda, `2`},
		{"#{a + 1}", languages.Camunda, `3`},
		{"order-${key}", languages.Camunda, `"order-K1"`},
		{"= a", languages.Camunda, `"= a"`},
		{"", languages.Camunda, `""`},
	} {
		e, err := languages.Compile(c.text, c.dialect)
		require.NoError(t, err, c.text)
		require.Equal(t, c.text, e.Source())
		v, err := e.Evaluate(scope(t))
		require.NoError(t, err, c.text)
		got, err := v.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, c.want, string(got), "%s %q", c.dialect, c.text)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		compile func(string) (expr.Expression, error)
		text    string
	}{
		{languages.CompileFEEL, "a = 2"}, {languages.CompileFEEL, "= a = 2"},
		{languages.CompileJUEL, "a == 2"}, {languages.CompileJUEL, "${a == 2}"},
	} {
		e, err := c.compile(c.text)
		require.NoError(t, err, c.text)
		v, err := e.Evaluate(scope(t))
		require.NoError(t, err, c.text)
		require.True(t, v.IsTrue(), c.text)
		require.Equal(t, []string{"a"}, languages.Names(e))
	}
}

func TestErrorsPointIntoTheText(t *testing.T) {
	t.Parallel()
	_, err := languages.Compile("= a +", languages.Zeebe)
	var at *expr.Error
	require.ErrorAs(t, err, &at)
	require.Equal(t, expr.Position{Line: 1, Column: 6}, at.Position)
	_, err = languages.Compile("x ${a +}", languages.Camunda)
	require.ErrorAs(t, err, &at)
	require.Equal(t, expr.Position{Line: 1, Column: 8}, at.Position)
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	e, err := languages.Compile("payment", languages.Zeebe)
	require.NoError(t, err)
	text, ok := languages.IsLiteral(e)
	require.True(t, ok)
	require.Equal(t, "payment", text)
	e, err = languages.Compile("= payment", languages.Zeebe)
	require.NoError(t, err)
	_, ok = languages.IsLiteral(e)
	require.False(t, ok)
}
