package dmn_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// BenchmarkTable evaluates tables of three inputs, of which the last rule matches.
// The target for 100 rules is 30 µs.
func BenchmarkTable(b *testing.B) {
	for _, rules := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(rules), func(b *testing.B) { benchmarkTable(b, rules) })
	}
}

func benchmarkTable(b *testing.B, rules int) {
	text := model(decision("a", `<decisionTable hitPolicy="UNIQUE">`+
		`<input><inputExpression typeRef="number"><text>amount</text></inputExpression></input>`+
		`<input><inputExpression typeRef="string"><text>kind</text></inputExpression></input>`+
		`<input><inputExpression typeRef="number"><text>place</text></inputExpression></input>`+
		"<output/>"+each(rules, func(i int) string {
		return fmt.Sprintf(`<rule><inputEntry><text>&gt;= 10</text></inputEntry><inputEntry><text>"new", "old"</text></inputEntry><inputEntry><text>[%d..%d]</text></inputEntry><outputEntry><text>%d</text></outputEntry></rule>`, i, i, i)
	})+"</decisionTable>"))
	m, err := dmn.Parse([]byte(text), dmn.Config{})
	require.NoError(b, err)
	c := expr.NewContextBuilder(3)
	c.Put("amount", expr.Int(999))
	c.Put("kind", expr.String("old"))
	c.Put("place", expr.Int(int64(rules-1)))
	scope, _ := c.Build().AsContext()
	want := fmt.Sprint(rules - 1)
	b.ReportAllocs()
	for b.Loop() {
		result, err := m.Evaluate("a", &expr.Env{Scope: scope})
		require.NoError(b, err)
		if result.Value.Text() != want {
			b.Fatal(result.Value)
		}
	}
}

// BenchmarkParse compiles the models of the tests.
func BenchmarkParse(b *testing.B) {
	text := model(decision("a", `<decisionTable hitPolicy="FIRST"><input><inputExpression><text>x</text></inputExpression></input><output/>`+each(1000, func(i int) string {
		return fmt.Sprintf(`<rule><inputEntry><text>[%d..%d]</text></inputEntry><outputEntry><text>%d</text></outputEntry></rule>`, i, i, i)
	})+"</decisionTable>"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := dmn.Parse([]byte(text), dmn.Config{})
		require.NoError(b, err)
	}
}
