package dmn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Rows is the result in the shape that Camunda 7 gives it.
func TestRows(t *testing.T) {
	t.Parallel()
	table := func(attributes, outputs, entries string) string {
		return decision("a", `<decisionTable `+attributes+`><input><inputExpression><text>x</text></inputExpression></input>`+outputs+
			`<rule><inputEntry><text>&gt; 1</text></inputEntry>`+entries+`</rule><rule><inputEntry><text>&gt; 2</text></inputEntry>`+entries+`</rule></decisionTable>`)
	}
	one, two := `<output name="o"/>`, `<output name="o"/><output name="p"/>`
	entry, entries := `<outputEntry><text>x</text></outputEntry>`, `<outputEntry><text>x</text></outputEntry><outputEntry><text>-x</text></outputEntry>`
	for name, c := range map[string]struct{ xml, inputs, want string }{
		"a value":                {decision("a", literal("x + 1")), `{"x": 1}`, `[{"a":2}]`},
		"a null value":           {decision("a", literal("null")), `{}`, `[{"a":null}]`},
		"one rule":               {table(``, one, entry), `{"x": 2}`, `[{"o":2}]`},
		"an output without name": {table(``, `<output/>`, entry), `{"x": 2}`, `[{"a":2}]`},
		"several outputs":        {table(``, two, entries), `{"x": 2}`, `[{"o":2,"p":-2}]`},
		"no rule":                {table(``, one, entry), `{"x": 0}`, `[]`},
		"a rule that gives null": {table(``, one, `<outputEntry><text>null</text></outputEntry>`), `{"x": 2}`, `[{"o":null}]`},
		"collected":              {table(`hitPolicy="COLLECT"`, one, entry), `{"x": 3}`, `[{"o":3},{"o":3}]`},
		"collected contexts":     {table(`hitPolicy="RULE ORDER"`, two, entries), `{"x": 3}`, `[{"o":3,"p":-3},{"o":3,"p":-3}]`},
		"collected, no rule":     {table(`hitPolicy="COLLECT"`, one, entry), `{"x": 0}`, `[]`},
		"a sum":                  {table(`hitPolicy="COLLECT" aggregation="SUM"`, one, entry), `{"x": 3}`, `[{"o":6}]`},
		"a count of none":        {table(`hitPolicy="COLLECT" aggregation="COUNT"`, one, entry), `{"x": 0}`, `[{"o":0}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := dmn.Parse([]byte(model(c.xml)), dmn.Config{})
			require.NoError(t, err)
			result, err := m.Evaluate("a", &expr.Env{Scope: given(c.inputs)})
			require.NoError(t, err)
			got, err := expr.List(result.Rows()...).AppendJSON(nil)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(got))
		})
	}
	require.Empty(t, (&dmn.Result{}).Rows())
}

// A hit policy that does not hold is told apart from other reasons for null, also if
// it is that of a decision required.
func TestViolationIsNoted(t *testing.T) {
	t.Parallel()
	twice := `<rule><inputEntry><text>-</text></inputEntry><outputEntry><text>1</text></outputEntry></rule><rule><inputEntry><text>x</text></inputEntry><outputEntry><text>x</text></outputEntry></rule>`
	for policy, text := range map[string]string{"UNIQUE": "the rules 1 and 2 both match, but the hit policy is UNIQUE", "ANY": "the rules 1 and 2 both match with different outputs"} {
		m, err := dmn.Parse([]byte(model(decision("t", `<decisionTable id="table" hitPolicy="`+policy+`"><input><inputExpression><text>x</text></inputExpression></input><output/>`+twice+`</decisionTable>`)+
			decision("a", requires("t")+literal(`if t = null then "unknown" else t`)))), dmn.Config{})
		require.NoError(t, err)
		result, err := m.Evaluate("a", &expr.Env{Scope: given(`{"x": 2}`)})
		require.NoError(t, err)
		require.Equal(t, "unknown", result.Value.Text())
		require.NotNil(t, result.Violation)
		require.Equal(t, "table", result.Violation.ElementID)
		require.Contains(t, result.Violation.Message, text)
		require.Positive(t, result.Steps)

		result, err = m.Evaluate("a", &expr.Env{Scope: given(`{"x": null}`)})
		require.NoError(t, err)
		if policy == "UNIQUE" {
			require.NotNil(t, result.Violation, "null is x, too")
		}
	}
}

func TestRootsAreWhatOneWouldAskFor(t *testing.T) {
	t.Parallel()
	m, err := dmn.Parse([]byte(model(decision("base", literal("1"))+decision("one", requires("base")+literal("base"))+decision("other", literal("2"))+
		`<decisionService id="service" name="service"><outputDecision href="#one"/></decisionService>`)), dmn.Config{})
	require.NoError(t, err)
	var roots []string
	for _, d := range m.Roots() {
		roots = append(roots, d.ID)
	}
	require.Equal(t, []string{"other", "service"}, roots)
}

func TestOutline(t *testing.T) {
	t.Parallel()
	const imports = `<import name="x" namespace="urn:x" importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/><import name="s" namespace="urn:s" importType="http://www.w3.org/2001/XMLSchema"/>`
	for _, c := range []struct {
		xml  string
		want dmn.Outline
		ok   bool
	}{
		{`<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" namespace="urn:m">` + imports + `</definitions>`, dmn.Outline{Namespace: "urn:m", Imports: []string{"urn:x"}}, true},
		{`<d:definitions xmlns:d="http://www.omg.org/spec/DMN/20151101/dmn.xsd" namespace="urn:m"><d:decision><d:import/></d:decision>`, dmn.Outline{Namespace: "urn:m"}, true},
		{`<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>`, dmn.Outline{}, false},
		{`<decision xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"/>`, dmn.Outline{}, false},
		{``, dmn.Outline{}, false},
		{`no XML`, dmn.Outline{}, false},
	} {
		got, ok := dmn.ReadOutline([]byte(c.xml))
		require.Equal(t, c.ok, ok, c.xml)
		require.Equal(t, c.want, got, c.xml)
	}
}

// The parameters of a function type count, whoever defines the function.
func TestFunctionTypesLookAtParameters(t *testing.T) {
	t.Parallel()
	m, err := dmn.Parse([]byte(model(`<itemDefinition name="tOfNumber"><functionItem outputTypeRef="number"><parameters name="n" typeRef="number"/></functionItem></itemDefinition>`+
		`<businessKnowledgeModel id="double" name="double"><variable name="double"/><encapsulatedLogic><formalParameter name="n" typeRef="number"/>`+literal("2 * n")+`</encapsulatedLogic></businessKnowledgeModel>`+
		decision("fits", `<knowledgeRequirement><requiredKnowledge href="#double"/></knowledgeRequirement>`+literal("double instance of tOfNumber"))+
		decision("lambda", literal("(function(n) n) instance of tOfNumber"))+
		decision("misfits", literal("(function(s: string) 1) instance of tOfNumber")))), dmn.Config{})
	require.NoError(t, err)
	for id, want := range map[string]string{"fits": "true", "lambda": "true", "misfits": "false"} {
		result, err := m.Evaluate(id, nil)
		require.NoError(t, err)
		require.Equal(t, want, result.Value.Text(), id)
	}
}
