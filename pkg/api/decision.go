package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
)

// Decision is a deployed version of a DMN decision or decision service.
type Decision struct {
	ID         int64  `json:"id"`
	DecisionID string `json:"decisionId"`
	Name       string `json:"name,omitempty"`
	Version    int32  `json:"version"`
	VersionTag string `json:"versionTag,omitempty"`
	Model      string `json:"model,omitempty" doc:"Name of the model it is part of"`
	Resource   string `json:"resource"`
}

// Evaluation is the value of a decision and how it came about.
type Evaluation struct {
	DecisionID string `json:"decisionId"`
	Version    int32  `json:"version,omitempty" doc:"Of a deployed decision"`
	// Value is the output; null also if something was wrong: see the warnings.
	Value     json.RawMessage     `json:"value"`
	Decisions []EvaluatedDecision `json:"decisions" doc:"Decisions evaluated, in order: what a decision requires comes before it"`
	Warnings  []EvaluationWarning `json:"warnings,omitempty" doc:"About inputs and services; those about decisions are with them"`
	Omitted   int                 `json:"omitted,omitempty" doc:"Decisions, tables, rules and warnings that are not listed"`
}

// EvaluatedDecision is one decision of the requirements graph.
type EvaluatedDecision struct {
	DecisionID string              `json:"decisionId"`
	Name       string              `json:"name,omitempty"`
	Inputs     []NamedValue        `json:"inputs,omitempty" doc:"Input data and decisions that it requires"`
	Tables     []EvaluatedTable    `json:"tables,omitempty"`
	Value      json.RawMessage     `json:"value"`
	Warnings   []EvaluationWarning `json:"warnings,omitempty"`
}

// EvaluatedTable is one decision table.
type EvaluatedTable struct {
	ID        string          `json:"id,omitempty"`
	HitPolicy string          `json:"hitPolicy"`
	Inputs    []NamedValue    `json:"inputs,omitempty" doc:"By their expressions"`
	Matched   []MatchedRule   `json:"matched" doc:"Rules whose entries all hold, in the order of the table"`
	Value     json.RawMessage `json:"value"`
}

// MatchedRule is a rule whose input entries all hold.
type MatchedRule struct {
	ID          string       `json:"id,omitempty"`
	Index       int          `json:"index" doc:"From 1"`
	Outputs     []NamedValue `json:"outputs"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// NamedValue is a value by its name.
type NamedValue struct {
	Name  string          `json:"name,omitempty"`
	Value json.RawMessage `json:"value"`
}

// Annotation is what the author of a rule says about it.
type Annotation struct {
	Name string `json:"name,omitempty"`
	Text string `json:"text"`
}

// EvaluationWarning is a reason for which a value is null.
type EvaluationWarning struct {
	Element string `json:"element,omitempty"`
	Message string `json:"message"`
}

type decisionsOutput struct {
	Body struct {
		Decisions []Decision `json:"decisions"`
	}
}

type evaluateInput struct {
	DecisionID string `path:"decisionId"`
	Body       struct {
		Version    int32     `json:"version,omitempty" minimum:"0" doc:"0: the latest"`
		VersionTag string    `json:"versionTag,omitempty" doc:"The latest with this tag"`
		Variables  Variables `json:"variables,omitempty" doc:"The inputs"`
	}
}

type evaluationOutput struct{ Body Evaluation }

func (s *server) decisions(api huma.API) {
	huma.Register(api, op(http.MethodGet, "/v1/decisions", "list-decisions", "decisions", "List the latest version of every decision"), s.listDecisions)
	huma.Register(api, op(http.MethodPost, "/v1/decisions/{decisionId}/evaluate", "evaluate-decision", "decisions",
		"Evaluate a decision and tell how its value came about; nothing is stored"), s.evaluate)
}

func (s *server) listDecisions(context.Context, *struct{}) (*decisionsOutput, error) {
	out := &decisionsOutput{}
	out.Body.Decisions = decisions(s.o.Decisions())
	return out, nil
}

func decisions(views []orchestrator.DecisionView) []Decision {
	list := make([]Decision, len(views))
	for i, v := range views {
		list[i] = Decision{
			ID: v.ID, DecisionID: v.DecisionID, Name: v.Name, Version: v.Version, VersionTag: v.VersionTag, Model: v.ModelName, Resource: v.Resource,
		}
	}
	return list
}

func (s *server) evaluate(ctx context.Context, in *evaluateInput) (*evaluationOutput, error) {
	d, result, err := s.o.Evaluate(ctx, orchestrator.DecisionRequest{
		DecisionID: in.DecisionID, Version: in.Body.Version, VersionTag: in.Body.VersionTag, Variables: object(in.Body.Variables),
	})
	if err != nil {
		return nil, problem(err)
	}
	out := &evaluationOutput{Explain(d.DecisionID, &result)}
	out.Body.Version = d.Version
	return out, nil
}

// Explain describes the result of a decision.
func Explain(decisionID string, r *dmn.Result) Evaluation {
	e := Evaluation{DecisionID: decisionID, Value: asJSON(r.Value), Decisions: []EvaluatedDecision{}, Warnings: evaluationWarnings(r.Warnings), Omitted: r.Omitted}
	for _, d := range r.Decisions {
		told := EvaluatedDecision{DecisionID: d.ID, Name: d.Name, Inputs: namedValues(d.Inputs), Value: asJSON(d.Value), Warnings: evaluationWarnings(d.Warnings)}
		for i := range d.Tables {
			told.Tables = append(told.Tables, explainTable(&d.Tables[i]))
		}
		e.Decisions = append(e.Decisions, told)
	}
	return e
}

func explainTable(t *dmn.TableResult) EvaluatedTable {
	told := EvaluatedTable{ID: t.ID, HitPolicy: string(t.HitPolicy), Matched: []MatchedRule{}, Value: asJSON(t.Value)}
	for _, in := range t.Inputs {
		told.Inputs = append(told.Inputs, NamedValue{Name: in.Expression, Value: asJSON(in.Value)})
	}
	for _, m := range t.Matched {
		rule := MatchedRule{ID: m.ID, Index: m.Index, Outputs: namedValues(m.Outputs)}
		for _, a := range m.Annotations {
			rule.Annotations = append(rule.Annotations, Annotation{Name: a.Name, Text: a.Text})
		}
		told.Matched = append(told.Matched, rule)
	}
	return told
}

func namedValues(values []dmn.NamedValue) []NamedValue {
	list := make([]NamedValue, len(values))
	for i, v := range values {
		list[i] = NamedValue{Name: v.Name, Value: asJSON(v.Value)}
	}
	return list
}

func evaluationWarnings(found []dmn.Warning) []EvaluationWarning {
	list := make([]EvaluationWarning, len(found))
	for i, w := range found {
		list[i] = EvaluationWarning{Element: w.ElementID, Message: w.Message}
	}
	return list
}

// asJSON writes a value; what JSON has no form for, as functions, is its text.
func asJSON(v expr.Value) json.RawMessage {
	if raw, err := v.AppendJSON(nil); err == nil {
		return raw
	}
	raw, err := json.Marshal(v.Text())
	if err != nil {
		return json.RawMessage("null") // texts can always be written
	}
	return raw
}
