package script_test

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/script"
)

func ExampleCompile() {
	e, err := script.Compile(`
		var total = order.lines.reduce((sum, l) => sum + l.qty * l.price, 0);
		execution.setVariable("total", total);
		total > 100 ? "large" : "small"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	variables, _ := expr.FromJSON([]byte(`{"order": {"lines": [{"qty": 2, "price": 30.5}, {"qty": 1, "price": 50}]}}`))
	scope, _ := variables.AsContext()
	set := writes{} // what it sets, by name
	v, err := e.Evaluate(&expr.Env{Scope: scope, Writer: set})
	fmt.Println(v, set["total"], err)
	// Output: large 111 <nil>
}

// What cannot run here is said when the model is deployed.
func ExampleCompile_refused() {
	_, err := script.Compile("var now = new java.util.Date()")
	fmt.Println(err)
	// Output: expression "var now = new java.util.Date()", line 1, column 15: java is not available in scripts; there is no Java here: use JavaScript's own objects (Date, Math, JSON), or make it a service task
}

// A loop without an end ends at a limit, which the script cannot catch.
func ExampleExpression_Evaluate() {
	e, _ := script.Compile("try { while (true); } catch (e) { 'caught' }")
	_, err := e.Evaluate(nil)
	fmt.Println(err)
	// Output: expression "try { while (true); } catch (e) { 'caught' }", line 1, column 19: the script takes more than 100000 steps
}
