package dmn_test

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// dishes says what to eat: a table that requires an input.
const dishes = `<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="dinner" name="Dinner" namespace="urn:dinner">
  <inputData id="season-data" name="season"><variable name="season" typeRef="string"/></inputData>
  <decision id="dish" name="Dish">
    <variable name="dish"/>
    <informationRequirement><requiredInput href="#season-data"/></informationRequirement>
    <decisionTable id="dishes" hitPolicy="FIRST">
      <input><inputExpression><text>season</text></inputExpression></input>
      <output name="dish"/>
      <annotation name="why"/>
      <rule id="cold"><inputEntry><text>"winter", "autumn"</text></inputEntry><outputEntry><text>"soup"</text></outputEntry>
        <annotationEntry><text>it is cold</text></annotationEntry></rule>
      <rule id="warm"><inputEntry><text>-</text></inputEntry><outputEntry><text>"salad"</text></outputEntry>
        <annotationEntry><text/></annotationEntry></rule>
    </decisionTable>
  </decision>
</definitions>`

// given makes a scope of a JSON object.
func given(object string) expr.Scope {
	v, err := expr.FromJSON([]byte(object))
	if err != nil {
		panic(err)
	}
	c, _ := v.AsContext()
	return c
}

func ExampleParse() {
	model, err := dmn.Parse([]byte(dishes), dmn.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range model.Decisions {
		fmt.Println(d.ID, d.Name, "on line", d.Line)
	}
	for _, in := range model.Inputs {
		fmt.Println("needs", in.Name, "of type", in.Type)
	}
	// Output:
	// dish Dish on line 3
	// needs season of type string
}

// Everything that is wrong is told at once, with element and line.
func ExampleParse_problems() {
	_, err := dmn.Parse([]byte(`<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="m" name="M" namespace="urn:m">
  <decision id="a" name="a"><literalExpression id="sum"><text>1 +</text></literalExpression></decision>
  <decision id="b" name="b"><informationRequirement><requiredInput href="#nothing"/></informationRequirement>
    <literalExpression><text>1</text></literalExpression></decision>
</definitions>`), dmn.Config{})
	fmt.Println(err)
	// Output:
	// DMN model: 2 problems:
	// line 2: sum: the expression does not compile: expression "1 +", line 1, column 4: the expression ends where a value is expected
	// line 3: b: <requiredInput> refers to "#nothing", which the model does not have: draw the requirement again
}

func ExampleModel_Evaluate() {
	model, err := dmn.Parse([]byte(dishes), dmn.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := model.Evaluate("dish", &expr.Env{Scope: given(`{"season": "autumn"}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Value)
	for _, decision := range result.Decisions {
		for _, table := range decision.Tables {
			for _, rule := range table.Matched {
				fmt.Printf("%s: rule %d (%s) of %s with %s=%s: %s\n", decision.ID, rule.Index, rule.ID, table.ID,
					table.Inputs[0].Expression, table.Inputs[0].Value, rule.Annotations[0].Text)
			}
		}
	}
	// Output:
	// soup
	// dish: rule 1 (cold) of dishes with season=autumn: it is cold
}

// What the specification calls an error gives null, and a warning that says why.
func ExampleResult_FirstWarning() {
	model, err := dmn.Parse([]byte(dishes), dmn.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := model.Evaluate("dish", &expr.Env{Scope: given(`{"season": 4}`)})
	fmt.Println(result.Value, err)
	warning, _ := result.FirstWarning()
	fmt.Println(warning.ElementID, warning.Message)
	// Output:
	// salad <nil>
	// season-data the input season is the number 4, not of type string
}
