package dmn_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// BenchmarkTable evaluates a table of 1,000 rules with three inputs, of which the
// last matches.
func BenchmarkTable(b *testing.B) {
	text := model(decision("a", `<decisionTable hitPolicy="FIRST">`+each(3, func(i int) string {
		return fmt.Sprintf(`<input><inputExpression typeRef="number"><text>i%d</text></inputExpression></input>`, i)
	})+"<output/>"+each(1000, func(i int) string {
		return fmt.Sprintf(`<rule><inputEntry><text>&gt; 0</text></inputEntry><inputEntry><text>-</text></inputEntry><inputEntry><text>[%d..%d]</text></inputEntry><outputEntry><text>%d</text></outputEntry></rule>`, i, i, i)
	})+"</decisionTable>"))
	m, err := dmn.Parse([]byte(text), dmn.Config{})
	require.NoError(b, err)
	c := expr.NewContextBuilder(3)
	for i := range 3 {
		c.Put(fmt.Sprintf("i%d", i), expr.Int(999))
	}
	scope, _ := c.Build().AsContext()
	b.ReportAllocs()
	for b.Loop() {
		result, err := m.Evaluate("a", &expr.Env{Scope: scope})
		require.NoError(b, err)
		require.Equal(b, "999", result.Value.Text())
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
