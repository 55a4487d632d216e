package juel_test

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
)

func ExampleCompile() {
	e, err := juel.Compile("Order ${order.id}: #{empty order.lines ? 'nothing' : order.lines.size()}")
	if err != nil {
		fmt.Println(err)
		return
	}
	variables, _ := expr.FromJSON([]byte(`{"order": {"id": "o-1", "lines": ["a", "b"]}}`))
	scope, _ := variables.AsContext()
	v, err := e.Evaluate(&expr.Env{Scope: scope})
	fmt.Println(v, err)
	// Output: Order o-1: 2 <nil>
}

// There are no beans; the error names the one that is missed.
func ExampleCompile_bean() {
	_, err := juel.Compile("${orderService.check(order)}")
	fmt.Println(err)
	// Output: expression "${orderService.check(order)}", line 1, column 16: orderService.check() calls a method of the Java bean "orderService"; there are no beans here: make it a service task with a topic, or compute the value in a worker
}
