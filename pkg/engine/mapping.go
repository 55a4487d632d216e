package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// view is what an expression sees, from the inside out: the result and the
// locals of the element, then the scopes around it with the sets that are
// planned but not yet applied.
type view struct {
	s              *State
	sets           []set
	result, locals Variables
	scope          Key
}

// sight is what evaluations are given. Unlike the decision it lives on the heap,
// and only if there is something to evaluate.
type sight struct {
	env      expr.Env
	view     view
	warnings []expr.Error
}

// set is variables to be written into a scope.
type set struct {
	scope     Key
	variables Variables
}

// Lookup makes the view an expr.Scope.
func (v *view) Lookup(name string) (expr.Value, bool) {
	raw, ok := v.find(name)
	if !ok {
		return v.execution(name)
	}
	value, err := expr.FromJSON(raw)
	return value, err == nil
}

// execution is what models of the camunda dialect know their instance by.
func (v *view) execution(name string) (expr.Value, bool) {
	if name != "execution" {
		return expr.Value{}, false
	}
	b := expr.NewContextBuilder(5)
	for _, name := range []string{"id", "processInstanceId"} {
		id := v.s.ID
		b.Put(name, expr.String(fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])))
	}
	for _, name := range []string{"businessKey", "processBusinessKey"} {
		b.Put(name, textOrNull(v.s.BusinessKey))
	}
	b.Put("tenantId", textOrNull(v.s.Tenant))
	return b.Build(), true
}

func textOrNull(s string) expr.Value {
	if s == "" {
		return expr.Null()
	}
	return expr.String(s)
}

// Names are all variables that an element sees, for scripts that ask for them.
func (v *view) Names() []string {
	all := v.visible()
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = m.Name
	}
	return names
}

func (v *view) find(name string) (json.RawMessage, bool) {
	if raw, ok := v.result.Get(name); ok {
		return raw, true
	}
	if raw, ok := v.locals.Get(name); ok {
		return raw, true
	}
	raw, _, ok := v.enclosing(name)
	return raw, ok
}

// enclosing is the value of a variable in the nearest scope around the element
// that has it, and which scope that is; the process if none has it.
func (v *view) enclosing(name string) (json.RawMessage, Key, bool) {
	for scope := v.scope; ; scope = v.s.enclosing(scope) {
		for _, w := range v.sets {
			if raw, ok := w.variables.Get(name); ok && w.scope == scope {
				return raw, scope, true
			}
		}
		if raw, ok := v.s.variablesOf(scope).Get(name); ok || scope == 0 {
			return raw, scope, ok
		}
	}
}

// visible is everything an element sees, inner scopes first.
func (v *view) visible() Variables {
	all := v.locals.Merge(v.result)
	for scope := v.scope; ; scope = v.s.enclosing(scope) {
		all = v.s.variablesOf(scope).Merge(all)
		if scope == 0 {
			return all
		}
	}
}

// look sets what the next expressions see.
func (d *decision) look(scope Key, locals, result Variables) *view {
	d.view = view{s: d.s, scope: scope, locals: locals, result: result}
	return &d.view
}

// evaluate computes an expression in the current view.
func (d *decision) evaluate(e expr.Expression, kind IncidentKind) (expr.Value, *problem) {
	if d.sight == nil {
		d.sight = &sight{}
	}
	d.sight.view, d.sight.warnings = d.view, d.sight.warnings[:0]
	d.sight.env = expr.Env{
		Scope: &d.sight.view, Now: d.now, Seed: d.seed(), Warnings: &d.sight.warnings, Writer: d.writer,
	}
	v, err := e.Evaluate(&d.sight.env)
	if err == nil {
		return v, nil
	}
	var at *expr.Error
	if errors.As(err, &at) {
		return v, newProblem(kind, "%v", at)
	}
	return v, newProblem(kind, "expression %s: %v", e.Source(), err)
}

// evaluateJSON computes an expression to a JSON text.
func (d *decision) evaluateJSON(e expr.Expression, kind IncidentKind) (json.RawMessage, *problem) {
	v, problem := d.evaluate(e, kind)
	if problem != nil {
		return nil, problem
	}
	raw, err := v.AppendJSON(nil)
	if err != nil {
		return nil, newProblem(kind, "expression %s: its value can't be stored: %v", e.Source(), err)
	}
	return raw, nil
}

// evaluateText computes an expression that names something.
func (d *decision) evaluateText(e expr.Expression, kind IncidentKind, what string) (string, *problem) {
	v, problem := d.evaluate(e, kind)
	if problem != nil {
		return "", problem
	}
	if text, ok := v.AsString(); ok && text != "" {
		return text, nil
	}
	return "", newProblem(kind, "%s: %s; a string that is not empty is needed", what, d.gives(e, v))
}

// gives says what the last expression gave, and why if it is null.
func (d *decision) gives(e expr.Expression, v expr.Value) string {
	text := e.Source() + " gives " + v.Kind().String()
	if v.IsNull() && len(d.sight.warnings) > 0 {
		text += " (" + d.sight.warnings[0].Message + ")"
	}
	return text
}

// mapInputs gives the element's own variables. Each mapping sees the scopes
// around the element and the targets before it.
func (d *decision) mapInputs(n *bpmn.Node, scope Key) (Variables, *problem) {
	v := d.look(scope, nil, nil)
	for _, m := range n.Inputs {
		raw, problem := d.evaluateJSON(m.Source, MappingError)
		if problem != nil {
			return nil, in(problem, "input", m)
		}
		name, path := splitTarget(m.Target)
		// A nested target builds on earlier inputs, not on a variable outside.
		inner, _ := v.locals.Get(name)
		raw, err := setPath(inner, path, raw)
		if err != nil {
			return nil, newProblem(MappingError, "input mapping to %s: %v", m.Target, err)
		}
		v.locals = v.locals.Set(name, raw)
	}
	if d.s.bytes+v.locals.size() > MaxVariableBytes {
		return nil, d.tooLarge(d.s.bytes + v.locals.size())
	}
	return v.locals, nil
}

// mapOutputs plans what a token leaving n writes into the scopes around it.
func (d *decision) mapOutputs(n *bpmn.Node, t token) *problem {
	v := d.look(t.scope, t.locals, t.result)
	if n.PropagateResult {
		d.propagate(n, t)
	}
	for _, m := range n.Outputs {
		v.sets = d.sets
		raw, problem := d.evaluateJSON(m.Source, MappingError)
		if problem != nil {
			return in(problem, "output", m)
		}
		name, path := splitTarget(m.Target)
		old, scope, _ := v.enclosing(name)
		raw, err := setPath(old, path, raw)
		if err != nil {
			return newProblem(MappingError, "output mapping to %s: %v", m.Target, err)
		}
		d.set(scope, name, raw)
	}
	return nil
}

// propagate plans the result variables as they are: each goes to the nearest
// scope that has its name. The innermost are the element's inputs, with which
// it dies.
func (d *decision) propagate(n *bpmn.Node, t token) {
	if t.scope == 0 && len(n.Inputs) == 0 {
		if len(t.result) > 0 {
			d.sets = append(d.sets, set{0, t.result})
		}
		return
	}
	for _, m := range t.result {
		if !isInput(n, m.Name) {
			_, scope, _ := d.view.enclosing(m.Name)
			d.set(scope, m.Name, m.Value)
		}
	}
}

func isInput(n *bpmn.Node, name string) bool {
	for _, m := range n.Inputs {
		if target, _ := splitTarget(m.Target); target == name {
			return true
		}
	}
	return false
}

func (d *decision) set(scope Key, name string, value json.RawMessage) {
	for i := range d.sets {
		if d.sets[i].scope == scope {
			d.sets[i].variables = d.sets[i].variables.Set(name, value)
			return
		}
	}
	d.sets = append(d.sets, set{scope, Variables{{name, value}}})
}

// checkSize keeps the instance below MaxVariableBytes after t has left.
func (d *decision) checkSize(t token) *problem {
	total := d.s.bytes
	if e := d.s.element(t.key); e != nil { // what is its own goes with it
		total -= e.locals.size() + e.result.size()
	}
	for _, w := range d.sets {
		total += w.variables.size()
	}
	if total <= MaxVariableBytes {
		return nil
	}
	for _, w := range d.sets { // what is replaced does not count
		old := d.s.variablesOf(w.scope)
		for _, m := range w.variables {
			if i, found := old.find(m.Name); found {
				total -= len(m.Name) + len(old[i].Value)
			}
		}
	}
	if total <= MaxVariableBytes {
		return nil
	}
	return d.tooLarge(total)
}

func (d *decision) tooLarge(total int) *problem {
	return newProblem(VariablesLimit, "the instance's variables would take %d bytes; at most %d are allowed",
		total, MaxVariableBytes)
}

func splitTarget(target string) (name string, path []string) {
	name, rest, nested := strings.Cut(target, ".")
	if nested {
		path = strings.Split(rest, ".")
	}
	return name, path
}

func in(p *problem, direction string, m bpmn.Mapping) *problem {
	p.message = direction + " mapping to " + m.Target + ": " + p.message
	return p
}
