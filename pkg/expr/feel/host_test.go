package feel_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

func hostScope(t *testing.T, run func(args []expr.Value) (expr.Value, error)) *expr.Context {
	t.Helper()
	number, err := syntax.ParseType("number", nil)
	require.NoError(t, err)
	b := expr.NewContextBuilder(1)
	b.Put("f", expr.OfFunction(&feel.HostFunction{Params: []syntax.Parameter{{Name: "a", Type: number}, {Name: "b"}}, Run: run}))
	c, _ := b.Build().AsContext()
	return c
}

func TestHostFunctions(t *testing.T) {
	t.Parallel()
	scope := hostScope(t, func(args []expr.Value) (expr.Value, error) { return expr.List(args...), nil })
	for text, want := range map[string]string{
		`f(1, "x")`:           `[1,"x"]`,
		`f(b: "x", a: [1])`:   `[1,"x"]`,
		`f("no number", 1)`:   `null`,
		`f(1)`:                `null`,
		`f(c: 1, a: 2)`:       `null`,
		`[1,2][f(item, 0)=1]`: `[]`,
	} {
		e, err := feel.Compile(text)
		require.NoError(t, err)
		v, err := e.Evaluate(&expr.Env{Scope: scope})
		require.NoError(t, err, text)
		got, err := v.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, want, string(got), text)
	}
}

func TestErrorOfAHostFunctionEndsTheEvaluation(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	e, err := feel.Compile("[f(1, 2), 3]")
	require.NoError(t, err)
	_, err = e.Evaluate(&expr.Env{Scope: hostScope(t, func([]expr.Value) (expr.Value, error) { return expr.Null(), broken })})
	require.ErrorIs(t, err, broken)
}

// TestUsageIsShared: a host function that evaluates itself again hits the limits of
// depth and steps though every evaluation is a new one.
func TestUsageIsShared(t *testing.T) {
	t.Parallel()
	e, err := feel.Compile("f(1, 2)")
	require.NoError(t, err)
	env := &expr.Env{Used: &expr.Usage{}}
	env.Scope = hostScope(t, func([]expr.Value) (expr.Value, error) { return e.Evaluate(env) })
	_, err = e.Evaluate(env)
	require.ErrorContains(t, err, "deeper than 200 levels")
	env = &expr.Env{Used: &expr.Usage{}, Limits: expr.Limits{Steps: 40}, Scope: env.Scope}
	for range 100 {
		if _, err = feel.Invoke(env, mustFunction(t, "function(x) x + 1"), nil, []expr.Value{expr.Int(1)}); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, "more than 40 steps")
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := mustFunction(t, "function(a, b) a - b")
	for _, c := range []struct {
		names []string
		want  string
	}{{nil, "3"}, {[]string{"a", "b"}, "3"}, {[]string{"b", "a"}, "-3"}, {[]string{"a", "c"}, ""}} {
		v, err := feel.Invoke(nil, f, c.names, []expr.Value{expr.Int(5), expr.Int(2)})
		require.NoError(t, err)
		require.Equal(t, c.want, v.Text())
	}
	v, err := feel.Invoke(nil, mustFunction(t, "upper case"), nil, []expr.Value{expr.String("a")})
	require.NoError(t, err)
	require.Equal(t, "A", v.Text())
}

func mustFunction(t *testing.T, text string) expr.Function {
	t.Helper()
	e, err := feel.Compile(text)
	require.NoError(t, err)
	v, err := e.Evaluate(nil)
	require.NoError(t, err)
	f, ok := v.AsFunction()
	require.True(t, ok)
	return f
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	known := syntax.NewVocabulary([]string{"price/unit"})
	known.Declare("a-b", "order", "count")
	mark := known.Mark()
	known.Declare("order-line")
	env := &expr.Env{Scope: scopeOf(t, `{"a-b": 1, "order": {"price/unit": 2}, "order-line": 3, "line": 4, "count": 5, "price": 6}`)}
	eval := func(text string) string {
		e, err := feel.Options{Vocabulary: known}.Compile(text)
		require.NoError(t, err, text)
		v, err := e.Evaluate(env)
		require.NoError(t, err)
		return v.Text()
	}
	require.Equal(t, "6", eval("a-b + order.price/unit + order-line"))
	require.Equal(t, "[2]", eval("[order][price/unit > 1].price/unit"), "in a filter, members are names")
	require.Equal(t, "", eval("price/unit"))
	known.Undo(mark)
	require.Equal(t, "", eval("order-line"), "a subtraction of a number from a context")
	require.Equal(t, "1", eval("a-b"))
	require.Equal(t, "2", eval("count([1,2])"), "a variable that is no function does not hide one")
	require.False(t, known.Declares("order-line"))
	require.True(t, known.Declares("count"))
}

func scopeOf(t *testing.T, json string) *expr.Context {
	t.Helper()
	v, err := expr.FromJSON([]byte(json))
	require.NoError(t, err)
	c, _ := v.AsContext()
	return c
}
