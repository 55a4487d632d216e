package feel_test

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

func ExampleCompile() {
	e, err := feel.Compile(`some line in order.lines satisfies line.qty > 4`)
	if err != nil {
		fmt.Println(err)
		return
	}
	variables, _ := expr.FromJSON([]byte(`{"order": {"lines": [{"qty": 1}, {"qty": 5}]}}`))
	scope, _ := variables.AsContext()
	v, err := e.Evaluate(&expr.Env{Scope: scope})
	fmt.Println(v, err, e.Names())
	// Output: true <nil> [order]
}

// Errors have the line and column of what is wrong.
func ExampleCompile_wrong() {
	_, err := feel.Compile("a +\n  and b")
	fmt.Println(err)
	// Output: expression "a +\n  and b", line 2, column 3: unexpected "and"; expected a value
}

// Names with spaces or operators have to be known.
func ExampleCompileWithNames() {
	e, err := feel.CompileWithNames("net-price + tax rate", "net-price", "tax rate")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Names())
	// Output: [net-price tax rate]
}

// Unary tests are the entries of decision tables.
func ExampleCompileUnaryTests() {
	tests, err := feel.CompileUnaryTests(`< 18, [65..120)`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, age := range []int64{17, 40, 65} {
		v, _ := tests.Test(&expr.Env{}, expr.Int(age))
		fmt.Println(age, v)
	}
	// Output:
	// 17 true
	// 40 false
	// 65 true
}

func ExampleLiteral() {
	e, _ := feel.Compile(`{due: @"2024-01-31" + @"P1M", "net-price": 10 / 4, tags: ["a", null]}`)
	v, _ := e.Evaluate(nil)
	fmt.Println(feel.Literal(v))
	// Output: {due: @"2024-02-29", "net-price": 2.5, tags: ["a", null]}
}
