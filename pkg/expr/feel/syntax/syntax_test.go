package syntax_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// outline writes a tree of names, paths and operators with all parentheses.
func outline(n syntax.Node) string {
	switch n := n.(type) {
	case *syntax.Literal:
		return n.Value.Text()
	case *syntax.Name:
		return "<" + n.Name + ">"
	case *syntax.Path:
		return outline(n.Base) + ".<" + n.Member + ">"
	case *syntax.Binary:
		return "(" + outline(n.Left) + " " + n.Op + " " + outline(n.Right) + ")"
	case *syntax.Negation:
		return "-" + outline(n.Operand)
	case *syntax.Filter:
		return outline(n.Base) + "[" + outline(n.Condition) + "]"
	case *syntax.Range:
		return fmt.Sprintf("%t %s..%s %t", n.LowClosed, outline(n.Low), outline(n.High), n.HighClosed)
	case *syntax.List:
		parts := make([]string, len(n.Items))
		for i, item := range n.Items {
			parts[i] = outline(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *syntax.Call:
		return outline(n.Callee) + "()"
	}
	return fmt.Sprintf("%T", n)
}

func TestNamesDependOnWhatIsKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, names, want string }{
		{"a-b", "", "(<a> - <b>)"},
		{"a-b", "a-b", "<a-b>"},
		{"a - b", "a-b", "<a-b>"},
		{"a-b-c", "a-b", "(<a-b> - <c>)"},
		{"first name", "", "<first name>"},
		{"person.first name = last name", "", "(<person>.<first name> = <last name>)"},
		{"profit and loss", "", "(<profit> and <loss>)"},
		{"profit and loss", "profit and loss", "<profit and loss>"},
		{"x.rate/year", "rate/year", "<x>.<rate/year>"},
		{"date of birth", "date", "<date of birth>"},
		{"date and time(x)", "", "<date and time>()"},
		{"date and time", "date,time", "(<date> and <time>)"},
		{"line 2 + 1", "", "(<line 2> + 1)"},
		{"`a-b`.`c d`", "", "<a-b>.<c d>"},
		{"größe_1", "", "<größe_1>"},
	} {
		var names []string
		if c.names != "" {
			names = strings.Split(c.names, ",")
		}
		tree, err := syntax.Parse(c.text, syntax.Options{Names: names})
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, outline(tree), "%s knowing %q", c.text, c.names)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a or b and c":          "(<a> or (<b> and <c>))",
		"a = b + c * d ** e":    "(<a> = (<b> + (<c> * (<d> ** <e>))))",
		"a - b - c":             "((<a> - <b>) - <c>)",
		"-a ** b":               "(-<a> ** <b>)",
		"a.b[c].d":              "<a>.<b>[<c>].<d>",
		"f(x)(y)":               "<f>()()",
		"[1..2]":                "true 1..2 true",
		"]1..2[":                "false 1..2 false",
		"(1..2]":                "false 1..2 true",
		"]a..b[c]]":             "false <a>..<b>[<c>] true",
		"[]":                    "[]",
		"[]1..2[]":              "[false 1..2 false]",
		"=1":                    "1",
		"1//comment\n+/* x */2": "(1 + 2)",
	} {
		tree, err := syntax.Parse(text, syntax.Options{})
		require.NoError(t, err, text)
		require.Equal(t, want, outline(tree), text)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	host := map[string]syntax.Type{"tIds": syntax.ListOf(syntax.Type{})}
	for _, text := range []string{
		"number", "days and time duration", "list<list<date>>", "context<a b: number, c: Any>", "range<time>", "tIds", "Any",
	} {
		typ, err := syntax.ParseType(text, host)
		require.NoError(t, err, text)
		if text != "tIds" {
			require.Equal(t, text, typ.String())
		}
	}
	for _, text := range []string{"", "nummer", "list<", "number<string>", "list<number> x", "context<a>"} {
		_, err := syntax.ParseType(text, host)
		require.Error(t, err, text)
	}
}

func TestCoercion(t *testing.T) {
	t.Parallel()
	one := expr.Int(1)
	for _, c := range []struct {
		typ  string
		in   expr.Value
		want string
		ok   bool
	}{
		{"number", one, "1", true},
		{"number", expr.List(one), "1", true},
		{"list<number>", one, "[1]", true},
		{"list<string>", one, "", false},
		{"string", expr.Null(), "", true},
		{"number", expr.List(one, one), "", false},
		{"Any", expr.String("x"), "x", true},
	} {
		typ, err := syntax.ParseType(c.typ, nil)
		require.NoError(t, err)
		got, ok := typ.Coerce(c.in)
		require.Equal(t, c.ok, ok, "%s of %s", c.typ, c.in)
		require.Equal(t, c.want, got.Text())
	}
	day, _ := expr.ParseDate("2024-01-31")
	typ, err := syntax.ParseType("date and time", nil)
	require.NoError(t, err)
	got, ok := typ.Coerce(day)
	require.True(t, ok)
	require.Equal(t, "2024-01-31T00:00:00Z", got.Text())
}
