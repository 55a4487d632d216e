package dmn

import (
	"errors"
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// DefaultLimits bound an evaluation where Env.Limits has zeros: those of package
// expr, but 2,000,000 steps, for tables have many entries.
func DefaultLimits() expr.Limits {
	l := expr.DefaultLimits()
	l.Steps = 2_000_000
	return l
}

// EvaluationError says which element could not be evaluated: a limit was exceeded,
// an expression of JUEL failed or, where Env.Strict is set, there was a reason for
// which the value would otherwise be null.
type EvaluationError struct {
	ElementID string // of the nearest element with an id
	Err       error
}

// Error names element and reason.
func (e *EvaluationError) Error() string { return fmt.Sprintf("evaluate %q: %s", e.ElementID, e.Err) }

// Unwrap is the reason.
func (e *EvaluationError) Unwrap() error { return e.Err }

// UnknownError is the error of Evaluate for a decision that the model does not have.
type UnknownError struct{ Model, Decision string }

// Error says what is not there.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("the model %q has no decision or decision service with the id or name %q", e.Model, e.Decision)
}

// Evaluate evaluates a decision or decision service, given by id or else by name,
// and all decisions that it depends on, each once.
//
// env.Scope has the inputs by the names of their variables; an input data of an
// imported model may be given as "{namespace}name" where plain names would clash.
// Names that a decision does not require are looked up there too, as models without
// input data need it. env.Limits bound all of the evaluation; zero fields mean
// DefaultLimits. env.Used and env.Warnings are not looked at: warnings are part of
// the result.
//
// What the specification calls an error gives null and a warning; env.Strict makes
// it an error. Errors are *UnknownError and *EvaluationError. The result then has
// what was evaluated before.
func (m *Model) Evaluate(decision string, env *expr.Env) (result Result, err error) {
	n := m.find(decision)
	if n == nil {
		return Result{}, &UnknownError{Model: m.Name, Decision: decision}
	}
	e := newEvaluation(env)
	e.result.of = n
	defer func() {
		if r := recover(); r != nil {
			result, err = e.result, &EvaluationError{ElementID: n.id, Err: fmt.Errorf("the evaluation broke off: %v", r)}
		}
		result.Steps = e.used.Steps
	}()
	g := e.instance(e.env.Scope)
	if n.kind == decisionService {
		e.result.Value, err = g.serve(n)
	} else {
		e.result.Value, err = g.decide(n)
	}
	return e.result, err
}

// find looks for a decision or service by id, then by name.
func (m *Model) find(decisionOrService string) *node {
	if n := m.byID[decisionOrService]; n != nil && (n.kind == decision || n.kind == decisionService) {
		return n
	}
	for _, n := range m.nodes {
		if n.name == decisionOrService && (n.kind == decision || n.kind == decisionService) {
			return n
		}
	}
	return nil
}

// evaluation is one call of Evaluate.
type evaluation struct {
	env      expr.Env // without a scope of its own
	limits   expr.Limits
	used     expr.Usage
	warnings []expr.Error // of the expression just evaluated
	result   Result
	current  *DecisionResult // being evaluated
}

func newEvaluation(env *expr.Env) *evaluation {
	r := &evaluation{}
	if env != nil {
		r.env = *env
	}
	d, l := DefaultLimits(), r.env.Limits
	if l.Steps == 0 {
		l.Steps = d.Steps
	}
	r.limits = l.OrDefault()
	r.env.Limits, r.env.Used, r.env.Warnings = r.limits, &r.used, &r.warnings
	return r
}

// in is the environment for an expression in a scope.
func (r *evaluation) in(s expr.Scope) *expr.Env {
	env := r.env
	env.Scope = s
	return &env
}

// done takes the warnings of an expression into the result.
func (r *evaluation) done(id string, err error) error {
	for _, w := range r.warnings {
		r.warn(id, w.Error())
	}
	r.warnings = r.warnings[:0]
	return located(id, err)
}

// located names the innermost element that an error is about.
func located(id string, err error) error {
	if err == nil {
		return nil // before known is allocated: nearly always
	}
	var known *EvaluationError
	if errors.As(err, &known) {
		return err
	}
	return &EvaluationError{ElementID: id, Err: err}
}

// null is the value null for a reason: a warning, or in strict mode an error.
func (r *evaluation) null(id, format string, args ...any) (expr.Value, error) {
	reason := fmt.Sprintf(format, args...)
	if r.env.Strict {
		return expr.Null(), &EvaluationError{ElementID: id, Err: errors.New(reason)}
	}
	r.warn(id, reason)
	return expr.Null(), nil
}

// violate is null because a hit policy does not hold.
func (r *evaluation) violate(id, format string, args ...any) (expr.Value, error) {
	if r.result.Violation == nil {
		r.result.Violation = &Warning{ElementID: id, Message: fmt.Sprintf(format, args...)}
	}
	return r.null(id, format, args...)
}

// charge counts steps that are not those of expressions.
func (r *evaluation) charge(steps int) error {
	if r.used.Steps += steps; r.used.Steps > r.limits.Steps {
		return fmt.Errorf("the evaluation takes more than %d steps", r.limits.Steps)
	}
	return nil
}

// room checks the size of a value that was put together.
func (r *evaluation) room(v expr.Value) error {
	switch {
	case v.Size() > int64(r.limits.Bytes):
		return fmt.Errorf("a value takes more than %d bytes", r.limits.Bytes)
	case v.Depth() > 2*expr.MaxJSONDepth:
		return fmt.Errorf("a value is nested deeper than %d levels", 2*expr.MaxJSONDepth)
	}
	return r.charge(1)
}

// instance is one evaluation of a requirements graph: that of a decision, or of
// one call of a decision service.
type instance struct {
	*evaluation
	inputs    expr.Scope // nil: nothing but what was given is known
	values    map[*node]expr.Value
	functions map[*node]expr.Value
}

func (r *evaluation) instance(inputs expr.Scope) *instance {
	return &instance{evaluation: r, inputs: inputs, values: map[*node]expr.Value{}, functions: map[*node]expr.Value{}}
}

// decide gives a decision its value, after those that it requires. It keeps a list
// of what is to be done instead of recursing, for graphs may be deep.
func (g *instance) decide(target *node) (expr.Value, error) {
	stack := []*node{target}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		missing := false
		for _, required := range n.requires {
			if _, known := g.values[required]; !known {
				stack, missing = append(stack, required), true
			}
		}
		if missing {
			continue
		}
		stack = stack[:len(stack)-1]
		if _, known := g.values[n]; known {
			continue
		}
		v, err := g.compute(n)
		if err != nil {
			return expr.Null(), located(n.id, err)
		}
		g.values[n] = v
	}
	return g.values[target], nil
}

func (g *instance) compute(n *node) (expr.Value, error) {
	if n.kind == inputData {
		return n.typ.fit(g.evaluation, n.id, "the input "+n.variable, n.typ.read(g.input(n)))
	}
	outer := g.open(n)
	v, err := n.logic.evaluate(g.evaluation, &nodeScope{node: n, instance: g})
	if err == nil {
		v, err = n.typ.fit(g.evaluation, n.id, "the value", v)
	}
	g.close(outer, v)
	return v, err
}

// input is what was given for an input data: by namespace, variable, name or id.
func (g *instance) input(n *node) expr.Value {
	if g.inputs == nil {
		return expr.Null()
	}
	for _, name := range []string{"{" + n.model.Namespace + "}" + n.variable, n.variable, n.name, n.id} {
		if v, ok := g.inputs.Lookup(name); ok {
			return v
		}
	}
	return expr.Null()
}

// serve evaluates a decision service with the inputs of the call.
func (g *instance) serve(n *node) (expr.Value, error) {
	for _, in := range n.inputs {
		v, err := in.typ.fit(g.evaluation, in.id, "the input "+in.variable, in.typ.read(g.input(in)))
		if err != nil {
			return expr.Null(), located(n.id, err)
		}
		g.values[in] = v
	}
	v, err := g.outputs(n)
	return v, located(n.id, err)
}

// outputs evaluates the output decisions of a service: the value of one, or a
// context of several.
func (g *instance) outputs(n *node) (expr.Value, error) {
	b := expr.NewContextBuilder(len(n.outputs))
	var last expr.Value
	for _, out := range n.outputs {
		v, err := g.decide(out)
		if err != nil {
			return expr.Null(), err
		}
		b.Put(out.variable, v)
		last = v
	}
	if len(n.outputs) == 1 {
		return n.result.fit(g.evaluation, n.id, "the value", last)
	}
	return n.result.fit(g.evaluation, n.id, "the value", b.Build())
}

// callable is the function that a knowledge model or decision service is.
func (g *instance) callable(n *node) expr.Value {
	if f, ok := g.functions[n]; ok {
		return f
	}
	f := g.function(n.id, n.params, func(args *scope) (expr.Value, error) {
		if n.kind == decisionService {
			return g.call(n, args)
		}
		args.outer = &nodeScope{node: n, instance: g}
		v, err := n.logic.evaluate(g.evaluation, args)
		if err != nil {
			return v, err
		}
		return n.result.fit(g.evaluation, n.id, "the value", v)
	})
	g.functions[n] = f
	return f
}

// call evaluates a decision service on its own: nothing is known inside but the
// arguments.
func (g *instance) call(n *node, args *scope) (expr.Value, error) {
	inner := g.instance(nil)
	for _, in := range n.inputs {
		inner.values[in], _ = args.Lookup(in.variable)
	}
	return inner.outputs(n)
}

// nodeScope is what the logic of a node knows.
type nodeScope struct {
	node     *node
	instance *instance
}

// Lookup finds what the node requires, else an input by that name: models without
// input data, as some modelers make them, need no requirement.
func (s *nodeScope) Lookup(name string) (expr.Value, bool) {
	if b, ok := s.node.bindings[name]; ok {
		return s.instance.bound(b), true
	}
	if s.node.kind != decision || s.instance.inputs == nil {
		return expr.Null(), false
	}
	return s.instance.inputs.Lookup(name)
}

func (g *instance) bound(b binding) expr.Value {
	if b.node == nil {
		c := expr.NewContextBuilder(len(b.imported))
		for _, n := range b.imported {
			c.Put(n.variable, g.bound(binding{node: n}))
		}
		return c.Build()
	}
	if b.node.kind == knowledgeModel || b.node.kind == decisionService {
		return g.callable(b.node)
	}
	return entryOf(g.values[b.node], b.output)
}

// entryOf is an entry of a context, or of each context of a list; the value itself
// if no entry is named.
func entryOf(v expr.Value, name string) expr.Value {
	if name == "" {
		return v
	}
	if c, ok := v.AsContext(); ok {
		entry, _ := c.Get(name)
		return entry
	}
	items, _ := v.AsList()
	entries := make([]expr.Value, len(items))
	for i, item := range items {
		if c, ok := item.AsContext(); ok {
			entries[i], _ = c.Get(name)
		}
	}
	if items == nil {
		return expr.Null()
	}
	return expr.List(entries...)
}
