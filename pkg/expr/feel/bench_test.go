package feel_test

import (
	"testing"

	other "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// conditions are typical ones, in FEEL and in the language that they are compared
// with, which computes in float64 and has no limits of depth or bytes.
var conditions = []struct{ name, feel, other string }{
	{"compare", `amount > 100 and status = "open"`, `amount > 100 && status == "open"`},
	{"path", `order.total >= 1000 and order.customer.vip = true`, `order.total >= 1000 && order.customer.vip == true`},
	{"in", `status in ("open", "new", "held")`, `status in ["new", "held", "open"]`},
	{"arithmetic", `amount * 1.2 + order.total > 500`, `amount * 1.2 + order.total > 500`},
	{"some", `some line in order.lines satisfies line.qty > 4`, `any(order.lines, .qty > 4)`},
	{"function", `starts with(status, "op") and string length(status) < 10`, `status startsWith "op" && len(status) < 10`},
	{"if", `if amount > 100 then "large" else "small"`, `amount > 100 ? "large" : "small"`},
}

const conditionVariables = `{"amount": 250, "status": "open", "order": {"total": 1200, "customer": {"vip": true},
	"lines": [{"qty": 1}, {"qty": 2}, {"qty": 5}]}}`

func compiledCondition(b *testing.B, text string) (*feel.Expression, *expr.Env) {
	b.Helper()
	v, err := expr.FromJSON([]byte(conditionVariables))
	require.NoError(b, err)
	scope, _ := v.AsContext()
	e, err := feel.Compile(text)
	require.NoError(b, err)
	return e, &expr.Env{Scope: scope}
}

func BenchmarkConditions(b *testing.B) {
	for _, c := range conditions {
		b.Run(c.name+"/feel", func(b *testing.B) {
			e, env := compiledCondition(b, c.feel)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Evaluate(env); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/expr-lang", func(b *testing.B) {
			env := map[string]any{"amount": 250, "status": "open", "order": map[string]any{
				"total": 1200, "customer": map[string]any{"vip": true},
				"lines": []map[string]any{{"qty": 1}, {"qty": 2}, {"qty": 5}},
			}}
			program, err := other.Compile(c.other, other.Env(env))
			require.NoError(b, err)
			machine := vm.VM{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := machine.Run(program, env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParallel shows that evaluations, of eight goroutines on two processors,
// don't wait for each other: run it with -cpu 1,2 and compare.
func BenchmarkParallel(b *testing.B) {
	e, env := compiledCondition(b, conditions[0].feel)
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		mine := *env
		for pb.Next() {
			if _, err := e.Evaluate(&mine); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
