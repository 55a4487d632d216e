package bpmn

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

const small = `<startEvent id="s"/><task id="x"/><sequenceFlow id="f" sourceRef="s" targetRef="x"/>`

func parseOne(t *testing.T, xml string) *Process {
	t.Helper()
	m, err := Parse([]byte(xml), Config{Now: testNow})
	require.NoError(t, err)
	require.Len(t, m.Processes, 1)
	checkConsistent(t, m)
	return m.Processes[0]
}

func problemsOf(t *testing.T, xml string, cfg Config) []Problem {
	t.Helper()
	_, err := Parse([]byte(xml), cfg)
	var problems *Problems
	require.True(t, errors.As(err, &problems), "%v", err)
	return problems.List
}

// TestNodeOrder pins the order of nodes: stored instances refer to nodes by
// their index, so a change of the order breaks every running instance.
func TestNodeOrder(t *testing.T) {
	t.Parallel()
	p := parseOne(t, model(`
		<endEvent id="n0"/>
		<sequenceFlow id="f1" sourceRef="n7" targetRef="n1"/>
		<subProcess id="n1">
			<extensionElements/>
			<sequenceFlow id="f2" sourceRef="n4" targetRef="n2"/>
			<task id="n2"/>
			<boundaryEvent id="n3" attachedToRef="n2"><errorEventDefinition/></boundaryEvent>
			<startEvent id="n4"/>
			<subProcess id="n5"><startEvent id="n6"/></subProcess>
		</subProcess>
		<startEvent id="n7"/>
		<exclusiveGateway id="n8"/>
		<sequenceFlow id="f3" sourceRef="n8" targetRef="n0"/>`))
	var order []string
	for _, n := range p.Nodes {
		order = append(order, n.ID)
	}
	require.Equal(t, strings.Fields("n0 n1 n2 n3 n4 n5 n6 n7 n8"), order)
	require.Equal(t, 5, p.NodeByID("n5"))
	require.Equal(t, None, p.NodeByID("n9"))
}

func TestEncodingsOfUTF8(t *testing.T) {
	t.Parallel()
	for _, start := range []string{"", "\xef\xbb\xbf", `<?xml version="1.0" encoding="utf-8"?>`, `<?xml version='1.0' encoding='US-ASCII'?>`, "\r\n  <!-- comment -->\r\n"} {
		require.Equal(t, "p", parseOne(t, start+model(small)).ID)
	}
	require.Equal(t, "Prüfung ✓", parseOne(t, model(strings.Replace(small, `id="x"`, `id="x" name="Pr&#252;fung ✓"`, 1))).Nodes[1].Name)
}

// TestPlaces: lines and columns are those of the start tag, whatever comes before.
func TestPlaces(t *testing.T) {
	t.Parallel()
	xml := model(small + "<!-- one\ntwo -->\n<![CDATA[three\n]]>  <userTask\n\n  id=\"u\"\n  name='a\nb'/><userTask id=\"v\"/>\r\n\t<userTask id=\"w\"></userTask>")
	var places []xmldoc.Position
	for _, problem := range problemsOf(t, xml, Config{}) {
		places = append(places, xmldoc.Position{Line: problem.Line, Column: problem.Column})
	}
	require.Equal(t, []xmldoc.Position{{Line: 4, Column: 6}, {Line: 8, Column: 5}, {Line: 9, Column: 2}}, places)
}

func TestLimitsCanBeSet(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]Config{
		"the limit is 100":                 {MaxBytes: 100},
		"nested deeper than 2":             {MaxDepth: 2},
		"more than 4 XML elements":         {MaxElements: 4},
		"the limit is 10: make it shorter": {MaxAttribute: 10},
		"more than 1 flow nodes":           {MaxNodes: 1},
		"subprocesses are nested deeper":   {MaxNesting: 1},
		"the expression has 11 bytes":      {MaxExpression: 10},
	} {
		xml := model(small + `<subProcess id="a"><subProcess id="b"/></subProcess><scriptTask id="c" scriptFormat="feel"><script>1 + 1 + 1 +</script></scriptTask>`)
		_, err := Parse([]byte(xml), cfg)
		require.ErrorContains(t, err, want)
	}
}

// TestErrorsNameTheFlowNode: not the event definition or expression inside it.
func TestErrorsNameTheFlowNode(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, model(small+`<boundaryEvent id="b" attachedToRef="x"><timerEventDefinition id="inner"><timeDuration id="innermost">later</timeDuration></timerEventDefinition></boundaryEvent>`), Config{})
	require.Equal(t, "b", problems[0].ElementID)
	require.Equal(t, "line 1: b: warning: the boundary event has no outgoing sequence flow: its path ends there", problems[0].String())
	require.Equal(t, CodeValue, problems[1].Code)
}

// TestCompositeParameters evaluates camunda:list and camunda:map.
func TestCompositeParameters(t *testing.T) {
	t.Parallel()
	p := parseOne(t, chain(`<serviceTask id="x" camunda:type="external" camunda:topic="t"><extensionElements><camunda:inputOutput>
		<camunda:inputParameter name="a"><camunda:map>
			<camunda:entry key="k">text</camunda:entry>
			<camunda:entry key="l"><camunda:list><camunda:value>1</camunda:value><camunda:list/><camunda:value/></camunda:list></camunda:entry>
		</camunda:map></camunda:inputParameter>
	</camunda:inputOutput></extensionElements></serviceTask>`))
	value, err := p.Nodes[p.NodeByID("x")].Inputs[0].Source.Evaluate(&expr.Env{})
	require.NoError(t, err)
	require.Equal(t, `{"k":"text","l":["1",[],null]}`, value.Text())
}

func TestConditionsOfTheDialects(t *testing.T) {
	t.Parallel()
	gateway := func(flows string) string {
		return `<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="x"/><exclusiveGateway id="x"/><endEvent id="e"/>` + flows
	}
	flow := func(id, condition string) string {
		return `<sequenceFlow id="` + id + `" sourceRef="x" targetRef="e">` + condition + `</sequenceFlow>`
	}
	const camunda, zeebe = `<extensionElements><camunda:x/></extensionElements>`, `<extensionElements><zeebe:x/></extensionElements>`
	const juel, feel = `<conditionExpression>${true}</conditionExpression>`, `<conditionExpression>=true</conditionExpression>`
	for _, c := range []struct{ name, content, want string }{
		{"camunda: the only flow has a condition", camunda + gateway(flow("a", juel)), "the only flow"},
		{"zeebe: the only flow has a condition", zeebe + gateway(flow("a", feel)), ""},
		{"plain: the only flow has a condition", gateway(flow("a", feel)), ""},
		{"camunda: one flow without condition", camunda + gateway(flow("a", juel)+flow("b", "")), ""},
		{"zeebe: one flow without condition", zeebe + gateway(flow("a", feel)+flow("b", "")), "without a condition"},
		{"plain: two flows without condition", gateway(flow("a", juel) + flow("b", "") + flow("c", "")), "without a condition"},
		{"camunda: FEEL notation", camunda + gateway(flow("a", feel)+flow("b", juel)), `"=true" is not an expression: write it as ${…}`},
		{"zeebe: JUEL notation", zeebe + gateway(flow("a", juel)+flow("b", feel)), `"${true}" is not an expression: write "=" in front`},
	} {
		_, err := Parse([]byte(model(c.content)), Config{Now: testNow})
		if c.want == "" {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorContains(t, err, c.want, c.name)
		}
	}
}
