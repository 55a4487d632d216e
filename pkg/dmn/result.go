package dmn

import (
	"cmp"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// The limits of an explanation. What exceeds them is counted in Result.Omitted.
const (
	MaxExplained = 1_000  // decisions, and decision tables
	MaxMatched   = 10_000 // matched rules of all tables
	MaxWarnings  = 100    // of one decision
)

// Result is the value of a decision and how it came about.
type Result struct {
	Value expr.Value
	// Decisions are those evaluated, in order: what a decision requires comes before
	// it. A decision that a service evaluates is there for every call of the service.
	Decisions []*DecisionResult
	Warnings  []Warning // about inputs and services; those about decisions are with them
	Steps     int       // that were taken, as expr.Limits counts them
	Omitted   int       // decisions, tables, rules and warnings beyond the limits
	// Violation is the first hit policy that did not hold (two rules of a UNIQUE
	// table, different outputs of an ANY table), nil if all did.
	Violation *Warning
	of        *node
	tables    int
	matched   int
}

// DecisionResult is the evaluation of one decision.
type DecisionResult struct {
	Namespace, ID, Name string
	Inputs              []NamedValue  // input data and decisions that it requires
	Tables              []TableResult // of the decision and of what it invokes, in order of completion
	Value               expr.Value
	Warnings            []Warning
}

// NamedValue is a value by the name that expressions know it by.
type NamedValue struct {
	Name  string
	Value expr.Value
}

// Warning is a reason for which a value is null.
type Warning struct {
	ElementID string // of the nearest element with an id
	Message   string
}

// TableResult is the evaluation of one decision table.
type TableResult struct {
	ID        string
	HitPolicy HitPolicy
	Inputs    []InputResult
	Matched   []MatchedRule // in order of the table
	Value     expr.Value
}

// InputResult is the value of an input of a decision table.
type InputResult struct {
	ID, Label  string
	Expression string
	Value      expr.Value
}

// MatchedRule is a rule whose input entries all hold.
type MatchedRule struct {
	ID          string
	Index       int          // from 1, in the order of the table
	Outputs     []NamedValue // in order of the columns
	Annotations []NamedString
}

// NamedString is an annotation by the name of its column.
type NamedString struct{ Name, Text string }

// FirstWarning is a warning of the decisions or else of the whole, in the order in
// which they arose; ok is false without any.
func (r *Result) FirstWarning() (first Warning, ok bool) {
	for _, d := range r.Decisions {
		if len(d.Warnings) > 0 {
			return d.Warnings[0], true
		}
	}
	if len(r.Warnings) > 0 {
		return r.Warnings[0], true
	}
	return Warning{}, false
}

// Rows is the result as Camunda 7 has it, whatever the hit policy: a context for
// each rule that counts, with its outputs by name. A decision that is no table
// gives one row, with its value by the name of its variable; so does a single
// output without name.
func (r *Result) Rows() []expr.Value {
	if r.of == nil {
		return nil
	}
	t := tableOf(r.of.logic)
	switch {
	case t == nil && r.of.kind == decisionService && len(r.of.outputs) > 1:
		return []expr.Value{r.Value}
	case t == nil:
		return []expr.Value{entry(r.of.variable, r.Value)}
	case r.Value.IsNull() && !r.hasMatch(t):
		return nil
	}
	values := []expr.Value{r.Value}
	if items, ok := r.Value.AsList(); ok && !t.policy.isSingle() && t.aggregation == nil && t.policy != CollectCount {
		values = items
	}
	if len(t.outputs) > 1 {
		return values
	}
	name := cmp.Or(t.outputs[0].name, r.of.variable)
	rows := make([]expr.Value, len(values))
	for i, v := range values {
		rows[i] = entry(name, v)
	}
	return rows
}

func entry(name string, v expr.Value) expr.Value {
	b := expr.NewContextBuilder(1)
	b.Put(name, v)
	return b.Build()
}

// tableOf is the decision table that gives a decision its value.
func tableOf(l logic) *table {
	if t, ok := l.(*typedLogic); ok {
		l = t.logic
	}
	t, _ := l.(*table)
	return t
}

// hasMatch tells whether a rule of the decision's own table matched: then null is
// its output.
func (r *Result) hasMatch(t *table) bool {
	for _, d := range r.Decisions {
		if d.ID != r.of.id || d.Namespace != r.of.model.Namespace {
			continue
		}
		for _, evaluated := range d.Tables {
			if evaluated.ID == t.id && len(evaluated.Matched) > 0 {
				return true
			}
		}
	}
	return false
}

// open begins the evaluation of a decision; close ends it.
func (g *instance) open(n *node) (outer *DecisionResult) {
	outer = g.current
	d := &DecisionResult{Namespace: n.model.Namespace, ID: n.id, Name: n.name}
	for _, required := range n.requires {
		d.Inputs = append(d.Inputs, NamedValue{Name: required.variable, Value: g.values[required]})
	}
	g.current = d
	return outer
}

func (g *instance) close(outer *DecisionResult, v expr.Value) {
	d := g.current
	d.Value = v
	g.current = outer
	if len(g.result.Decisions) >= MaxExplained {
		g.result.Omitted++
		return
	}
	g.result.Decisions = append(g.result.Decisions, d)
}

// warn notes a warning with the decision being evaluated.
func (r *evaluation) warn(id, message string) {
	d := r.current
	switch {
	case d == nil: // a type check of an input: it belongs to the whole
		r.result.Warnings = appendWarning(&r.result, r.result.Warnings, id, message)
	default:
		d.Warnings = appendWarning(&r.result, d.Warnings, id, message)
	}
}

func appendWarning(result *Result, to []Warning, id, message string) []Warning {
	if len(to) >= MaxWarnings {
		result.Omitted++
		return to
	}
	return append(to, Warning{ElementID: id, Message: message})
}

// explain notes the evaluation of a table.
func (r *evaluation) explain(t TableResult) {
	if r.result.tables >= MaxExplained || r.current == nil {
		r.result.Omitted++
		return
	}
	r.result.tables++
	r.current.Tables = append(r.current.Tables, t)
}
