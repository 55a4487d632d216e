package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Decisions are the deployed decisions, as they are for one process version: an
// immutable picture, since an input that is decided again must find the same.
type Decisions interface {
	// Decision is the version that ref means, nil if none is deployed.
	Decision(ref DecisionRef) *DeployedDecision
}

// DecisionRef names a version of a decision as a business rule task does.
type DecisionRef struct {
	ID         string
	Binding    bpmn.Binding
	Version    int32  // of BindVersion
	VersionTag string // of BindVersionTag
}

// DeployedDecision is a version of a decision or decision service.
type DeployedDecision struct {
	ID      string
	Version int32
	Model   *dmn.Model
}

// decisionResult is what output mappings know the result of a decision by if the
// model names no variable for it, in the camunda dialect.
const decisionResult = "decisionResult"

// askDecision evaluates the decision of a business rule task on the spot. Nothing
// has happened if anything is wrong: resolving the incident evaluates again.
func (d *decision) askDecision(t token) *problem {
	n := &d.p.Nodes[t.node]
	d.look(t.scope, t.locals, nil)
	ref, problem := d.decisionRef(n)
	if problem != nil {
		return problem
	}
	var deployed *DeployedDecision
	if d.decisions != nil {
		deployed = d.decisions.Decision(ref)
	}
	if deployed == nil {
		return newProblem(DecisionError, "%s", ref.Missing(n.ID))
	}
	result, problem := d.evaluateDecision(ref, deployed)
	if problem != nil {
		return problem
	}
	if problem := d.keepResult(n, &t, ref, &result); problem != nil {
		return problem
	}
	if problem := d.plan(t); problem != nil {
		return problem
	}
	d.append(explain(t, deployed, &result))
	d.follow(t)
	return nil
}

// decisionRef evaluates which decision is meant.
func (d *decision) decisionRef(n *bpmn.Node) (ref DecisionRef, problem *problem) {
	called := n.Decision
	ref = DecisionRef{ID: called.StaticID, Binding: called.Binding}
	if ref.ID == "" {
		if ref.ID, problem = d.evaluateText(called.ID, ExpressionError, "decision of "+n.ID); problem != nil {
			return ref, problem
		}
	}
	switch called.Binding {
	case bpmn.BindVersion:
		ref.Version, problem = d.decisionVersion(called.Version, n)
	case bpmn.BindVersionTag:
		ref.VersionTag, problem = d.evaluateText(called.VersionTag, ExpressionError, "version tag of the decision of "+n.ID)
	}
	return ref, problem
}

func (d *decision) decisionVersion(e expr.Expression, n *bpmn.Node) (int32, *problem) {
	v, problem := d.evaluate(e, ExpressionError)
	if problem != nil {
		return 0, problem
	}
	version, ok := v.AsInt()
	if text, isText := v.AsString(); isText { // as literals are
		parsed, err := strconv.ParseInt(text, 10, 32)
		version, ok = parsed, err == nil
	}
	if !ok || version < 1 || version > math.MaxInt32 {
		return 0, newProblem(ExpressionError, "version of the decision of %s: %s; a whole number from 1 is needed", n.ID, d.gives(e, v))
	}
	return int32(version), nil
}

// Missing says what to do about a decision that is not deployed and that a task,
// given by its id, asks for.
func (r DecisionRef) Missing(task string) string {
	text := fmt.Sprintf("no decision %q is deployed", r.ID)
	switch r.Binding {
	case bpmn.BindDeployment:
		return fmt.Sprintf("no decision %q was deployed together with this version of the process, to which %s binds it: deploy both in one go for new instances", r.ID, task)
	case bpmn.BindVersion:
		text = fmt.Sprintf("no version %d of decision %q is deployed", r.Version, r.ID)
	case bpmn.BindVersionTag:
		text = fmt.Sprintf("no decision %q with the version tag %q is deployed", r.ID, r.VersionTag)
	}
	return text + ": deploy it, then resolve"
}

// evaluateDecision gives the result, unless it is null for a reason.
func (d *decision) evaluateDecision(ref DecisionRef, deployed *DeployedDecision) (dmn.Result, *problem) {
	if d.decided > MaxDecisionSteps {
		return dmn.Result{}, newProblem(StepLimit,
			"decisions took more than %d steps without a task, timer or message in between", MaxDecisionSteps)
	}
	view := d.view
	result, err := deployed.Model.Evaluate(deployed.ID, &expr.Env{Scope: &view, Now: d.now, Seed: d.seed()})
	d.decided += result.Steps
	var why string
	var unknown *dmn.UnknownError
	switch {
	case errors.As(err, &unknown):
		return result, newProblem(DecisionError, "%s", ref.Missing("the task"))
	case err != nil:
		why = err.Error()
	case result.Violation != nil:
		why = warningText(*result.Violation)
	case result.Value.IsNull():
		if w, ok := result.FirstWarning(); ok {
			why = "its value is null: " + warningText(w)
		}
	}
	if why == "" {
		return result, nil
	}
	return result, newProblem(DecisionError, "decision %s, version %d: %s; set the variables that mend it, or deploy a mended decision, then resolve",
		deployed.ID, deployed.Version, why)
}

func warningText(w dmn.Warning) string {
	if w.ElementID == "" {
		return w.Message
	}
	return w.ElementID + ": " + w.Message
}

// keepResult gives the result to the token in the shape that the model wants.
func (d *decision) keepResult(n *bpmn.Node, t *token, ref DecisionRef, result *dmn.Result) *problem {
	called := n.Decision
	if called.Result != bpmn.ResultValue && len(n.Outputs) > 0 {
		raw, problem := decisionJSON(ref, expr.List(result.Rows()...))
		if problem != nil {
			return problem
		}
		t.locals = t.locals.Set(decisionResult, raw)
	}
	if called.ResultVariable == "" {
		return nil
	}
	v, err := shape(called.Result, result)
	if err != nil {
		return newProblem(DecisionError, "decision %s: %v", ref.ID, err)
	}
	raw, problem := decisionJSON(ref, v)
	t.result = Variables{{called.ResultVariable, raw}}
	return problem
}

func decisionJSON(ref DecisionRef, v expr.Value) (json.RawMessage, *problem) {
	raw, err := v.AppendJSON(nil)
	if err != nil {
		return nil, newProblem(DecisionError, "decision %s: its result can't be stored: %v", ref.ID, err)
	}
	return raw, nil
}

// shape maps a result as Camunda's mapDecisionResult does.
func shape(as bpmn.DecisionResult, result *dmn.Result) (expr.Value, error) {
	if as == bpmn.ResultValue {
		return result.Value, nil
	}
	rows := result.Rows()
	switch as {
	case bpmn.SingleEntry, bpmn.SingleResult:
		if len(rows) > 1 {
			return expr.Null(), fmt.Errorf("%d rules match where the task maps the result of one: change the table's hit policy, or map resultList", len(rows))
		}
		if len(rows) == 0 {
			return expr.Null(), nil
		}
		if as == bpmn.SingleResult {
			return rows[0], nil
		}
		return onlyEntry(rows[0])
	case bpmn.CollectEntries:
		entries := make([]expr.Value, len(rows))
		for i, row := range rows {
			var err error
			if entries[i], err = onlyEntry(row); err != nil {
				return expr.Null(), err
			}
		}
		return expr.List(entries...), nil
	}
	return expr.List(rows...), nil
}

// onlyEntry is the value of a context that has one entry.
func onlyEntry(row expr.Value) (expr.Value, error) {
	c, ok := row.AsContext()
	if !ok {
		return row, nil
	}
	if c.Len() != 1 {
		return expr.Null(), fmt.Errorf("its rules have %d outputs where the task maps a single one: map singleResult or resultList", c.Len())
	}
	_, v := c.At(0)
	return v, nil
}

// The limits of what DecisionEvaluated tells; the rest is counted.
const (
	maxToldRules  = 100
	maxToldTables = 20
	maxToldBytes  = 4 << 10 // of all inputs: expressions, and values as JSON
)

// MaxDecisionSteps bounds what the decisions of one trigger may take together, so
// that a loop around a business rule task stops before it keeps others waiting.
const MaxDecisionSteps = 5_000_000

// explain tells in short how a result came about.
func explain(t token, deployed *DeployedDecision, result *dmn.Result) DecisionEvaluated {
	e := DecisionEvaluated{Node: t.node, Scope: t.scope, Decision: deployed.ID, Version: deployed.Version, Omitted: result.Omitted}
	rules, room := 0, maxToldBytes
	for _, evaluated := range result.Decisions {
		for i := range evaluated.Tables {
			table := &evaluated.Tables[i]
			if len(e.Tables) == maxToldTables {
				e.Omitted++
				continue
			}
			told := TableEvaluated{Decision: evaluated.ID, HitPolicy: string(table.HitPolicy), Inputs: toldInputs(table, &room)}
			for _, m := range table.Matched[:min(len(table.Matched), maxToldRules-rules)] {
				told.Rules = append(told.Rules, uint32(m.Index))
			}
			rules += len(told.Rules)
			e.Omitted += len(table.Matched) - len(told.Rules)
			e.Tables = append(e.Tables, told)
		}
	}
	return e
}

// toldInputs are the inputs of a table by their expression; those for which there
// is no room are left out.
func toldInputs(table *dmn.TableResult, room *int) Variables {
	var told Variables
	for _, in := range table.Inputs {
		if in.Value.Size() > int64(*room) {
			continue
		}
		raw, err := in.Value.AppendJSON(nil)
		if size := len(raw) + len(in.Expression); err == nil && size <= *room {
			*room -= size
			told = told.Set(in.Expression, slices.Clip(raw))
		}
	}
	return told
}
