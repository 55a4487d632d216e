package orchestrator

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
)

// decisionXML is a DMN model of the namespace urn:test with what is in it.
func decisionXML(inside string) []byte {
	return []byte(`<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="m" name="M" namespace="urn:test">` + inside + `</definitions>`)
}

// limitDecision says what the limit is.
func limitDecision(limit string) []byte {
	return decisionXML(`<decision id="limit" name="limit"><literalExpression><text>` + limit + `</text></literalExpression></decision>`)
}

// limited has a business rule task, then a task for a worker.
func limited(attributes string) []byte {
	return fmt.Appendf(nil, `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d">
  <process id="limited" isExecutable="true">
    <startEvent id="start"/>
    <sequenceFlow id="a" sourceRef="start" targetRef="ask"/>
    <businessRuleTask id="ask"><extensionElements><zeebe:calledDecision decisionId="limit" resultVariable="limit" %s/></extensionElements></businessRuleTask>
    <sequenceFlow id="b" sourceRef="ask" targetRef="work"/>
    <serviceTask id="work"><extensionElements><zeebe:taskDefinition type="work"/></extensionElements></serviceTask>
    <sequenceFlow id="c" sourceRef="work" targetRef="end"/>
    <endEvent id="end"/>
  </process>
</definitions>`, attributes)
}

// limitOf starts an instance and tells what its task sees of the limit.
func (f *fixture) limitOf(n int) string {
	f.t.Helper()
	_, err := f.Start(f.t.Context(), StartRequest{ProcessID: "limited"})
	require.NoError(f.t, err)
	var v struct{ Limit json.RawMessage }
	commands := f.commands(n, "work")
	require.NoError(f.t, json.Unmarshal(commands[n-1].Value, &v))
	return string(v.Limit)
}

// A decision deployed while an engine works is asked from then on, also at an engine
// that learns of it by the fence only; one that was bound stays.
func TestDecisionsAreThoseOfTheGeneration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ attributes, second string }{{``, "2"}, {`bindingType="deployment"`, "1"}} {
		t.Run(c.attributes, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			d, err := f.DeployAll(t.Context(), []Resource{{"limited.bpmn", limited(c.attributes)}, {"limit.dmn", limitDecision("1")}})
			require.NoError(t, err)
			require.Empty(t, d.Warnings)
			require.Equal(t, "limit", d.Decisions[0].DecisionID)
			require.Equal(t, "1", f.limitOf(1))
			f.elsewhere(t, limitDecision("2"))
			require.Equal(t, c.second, f.limitOf(2))
		})
	}
}

// elsewhere deploys a decision as another engine would: this one is not told.
func (f *fixture) elsewhere(t *testing.T, xml []byte) {
	t.Helper()
	r := newReading([]Resource{{"limit.dmn", xml}}, decisions{}, f.now())
	require.NoError(t, r.read())
	_, err := f.store.Deploy(t.Context(), r.deployment())
	require.NoError(t, err)
}

// A decision that is missing is a warning when the process is deployed, an incident
// when it is needed, and no more once it is there.
func TestDecisionThatIsMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	d, err := f.Deploy(t.Context(), "limited.bpmn", limited(""))
	require.NoError(t, err)
	require.Len(t, d.Warnings, 1)
	require.Equal(t, "limited.bpmn", d.Warnings[0].Resource)
	require.Equal(t, 5, d.Warnings[0].Line)
	require.Contains(t, d.Warnings[0].String(), `ask: warning: no decision "limit" is deployed: deploy it`)

	a, err := f.Start(t.Context(), StartRequest{ProcessID: "limited"})
	require.NoError(t, err)
	v, err := f.Instance(t.Context(), a.Instances[0])
	require.NoError(t, err)
	require.Equal(t, "decision", v.Incidents[0].Kind)

	_, err = f.Deploy(t.Context(), "limit.dmn", limitDecision("3"))
	require.NoError(t, err)
	_, err = f.Resolve(t.Context(), ResolveRequest{Instance: a.Instances[0]})
	require.NoError(t, err)
	require.Contains(t, string(f.commands(1, "work")[0].Value), `"limit":3`)
}

// Models that import each other are deployed in any order, also from what is deployed
// already; all problems of all documents are told at once.
func TestModelsAreDeployedInOneGo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	importing := func(namespace, imported string) []byte {
		return fmt.Appendf(nil, `<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="m" name="M" namespace="%s">
			<import name="other" namespace="%s" importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>
			<decision id="twice-%s" name="twice"><informationRequirement><requiredDecision href="%s#limit"/></informationRequirement>
			<literalExpression><text>2 * other.limit</text></literalExpression></decision></definitions>`, namespace, imported, namespace, imported)
	}
	value := func(id string) string {
		_, result, err := f.Evaluate(t.Context(), DecisionRequest{DecisionID: id})
		require.NoError(t, err)
		return result.Value.Text()
	}
	_, err := f.DeployAll(t.Context(), []Resource{{"twice.dmn", importing("urn:a", "urn:test")}, {"limit.dmn", limitDecision("21")}})
	require.NoError(t, err)
	require.Equal(t, "42", value("twice-urn:a"))

	_, err = f.Deploy(t.Context(), "limit.dmn", limitDecision("4"))
	require.NoError(t, err)
	require.Equal(t, "42", value("twice-urn:a"), "a model keeps what it was deployed with")
	_, err = f.Deploy(t.Context(), "b.dmn", importing("urn:b", "urn:test"))
	require.NoError(t, err)
	require.Equal(t, "8", value("twice-urn:b"), "the latest import")

	for _, c := range []struct {
		resources []Resource
		says      []string
	}{
		{[]Resource{{"a.dmn", importing("urn:x", "urn:y")}, {"b.dmn", importing("urn:y", "urn:x")}}, []string{"a.dmn: ", "b.dmn: ", "import each other in a circle"}},
		{[]Resource{{"a.dmn", importing("urn:x", "urn:nowhere")}}, []string{`no model of namespace "urn:nowhere" is at hand`}},
		{[]Resource{{"a.dmn", limitDecision("1")}, {"b.dmn", limitDecision("2")}}, []string{"b.dmn: ", "limit: the decision is also in a.dmn"}},
		{[]Resource{{"a.dmn", limitDecision("1 +")}, {"b.bpmn", []byte("<a/>")}, {"c.bpmn", limited("")}}, []string{"a.dmn: ", "does not compile", "b.bpmn: ", "the root element"}},
		{[]Resource{{"a.dmn", []byte("<a/>")}}, []string{"the root element is <a>"}},
	} {
		_, err := f.DeployAll(t.Context(), c.resources)
		var refused *RefusedModels
		require.True(t, errors.As(err, &refused), err)
		var problems *dmn.Problems
		require.True(t, errors.As(err, &problems))
		for _, said := range c.says {
			require.ErrorContains(t, err, said)
		}
	}
}
