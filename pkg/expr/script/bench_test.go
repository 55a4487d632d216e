package script_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr/script"
)

func BenchmarkEvaluate(b *testing.B) {
	for name, source := range map[string]string{
		"condition": "amount > 100 && status === 'open'",
		"mapping":   "order.lines.map(l => ({sku: l.sku, total: l.qty * price}))",
		"loop-1000": "var s = 0; for (var i = 0; i < 1000; i++) { s += i } s",
	} {
		b.Run(name, func(b *testing.B) {
			e, err := script.Compile(source)
			require.NoError(b, err)
			in := env(b)
			b.ReportAllocs()
			for b.Loop() {
				_, err := e.Evaluate(in)
				require.NoError(b, err)
			}
		})
	}
}
