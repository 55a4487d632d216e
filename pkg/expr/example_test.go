package expr_test

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

// Models compile their expressions once and evaluate them with the variables of an
// instance, which are JSON.
func Example() {
	e, err := languages.Compile("= order.total * (1 + rate)", languages.Zeebe)
	if err != nil {
		fmt.Println(err)
		return
	}
	variables, err := expr.FromJSON([]byte(`{"order": {"total": 100.50}, "rate": 0.2}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	scope, _ := variables.AsContext()
	v, err := e.Evaluate(&expr.Env{Scope: scope})
	fmt.Println(v, v.Kind(), err)
	// Output: 120.6 number <nil>
}

// Numbers are decimals: they keep the digits they came with, and sums are exact.
func ExampleFromJSON() {
	v, _ := expr.FromJSON([]byte(`[0.1, 0.20, 12345678901234567890]`))
	items, _ := v.AsList()
	text, _ := expr.List(append(items, expr.Add(items[0], items[1]))...).AppendJSON(nil)
	fmt.Println(string(text))
	// Output: [0.1,0.20,12345678901234567890,0.30]
}

// A limit that is exceeded is an error that says which.
func ExampleLimits() {
	e, _ := languages.CompileFEEL("sum(for i in 1..1000000000 return i)")
	_, err := e.Evaluate(&expr.Env{Limits: expr.Limits{Steps: 1000}})
	fmt.Println(err)
	// Output: expression "sum(for i in 1..1000000000 return i)": the evaluation takes more than 1000 steps
}

// With Strict set, what would give null for a reason is an error with its place.
func ExampleEnv_strict() {
	e, _ := languages.CompileFEEL("amount > 100")
	var warnings []expr.Error
	v, err := e.Evaluate(&expr.Env{Warnings: &warnings})
	fmt.Println(v.IsNull(), err, warnings[0].Message)
	_, err = e.Evaluate(&expr.Env{Strict: true})
	fmt.Println(err)
	// Output:
	// true <nil> no variable is named "amount"
	// expression "amount > 100", line 1, column 1: no variable is named "amount"
}
