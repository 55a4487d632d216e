package dmn

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// hit is a rule that matches, with its outputs.
type hit struct {
	index   int
	outputs []expr.Value
	value   expr.Value
	ranks   []int // of the outputs among the output values
}

func (t *table) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	trace := TableResult{ID: t.id, HitPolicy: t.policy}
	v, err := t.decide(r, s, &trace)
	if err != nil {
		return expr.Null(), err
	}
	trace.Value = v
	r.explain(trace)
	return v, nil
}

func (t *table) decide(r *evaluation, s expr.Scope, trace *TableResult) (expr.Value, error) {
	ok, err := t.readInputs(r, s, trace)
	if !ok || err != nil {
		return expr.Null(), err
	}
	matching, err := t.match(r, s, trace.Inputs)
	if err != nil {
		return expr.Null(), err
	}
	if len(matching) == 0 {
		return t.noMatch(r, s)
	}
	hits := make([]hit, len(matching))
	for i, index := range matching {
		if hits[i], err = t.hit(r, s, index); err != nil {
			return expr.Null(), err
		}
		t.explain(r, trace, hits[i])
	}
	return t.apply(r, hits)
}

// readInputs evaluates the inputs; ok is false if one is not allowed, which makes
// the table null.
func (t *table) readInputs(r *evaluation, s expr.Scope, trace *TableResult) (ok bool, err error) {
	ok = true
	for i := range t.inputs {
		in := &t.inputs[i]
		v, err := in.logic.evaluate(r, s)
		if err == nil {
			v, err = in.typ.fit(r, in.id, "the input "+shorten(in.source), in.typ.read(v))
		}
		if err != nil {
			return false, err
		}
		trace.Inputs = append(trace.Inputs, InputResult{ID: in.id, Label: in.label, Expression: in.source, Value: v})
		if in.values == nil || v.IsNull() {
			continue
		}
		allowed, err := in.values.hold(r, r.in(s), v)
		if err != nil {
			return false, err
		}
		if !allowed {
			ok = false
			if _, err := r.null(t.id, "the input %s is %s, which is not among its input values %s", shorten(in.source), v.Describe(), shorten(in.values.text)); err != nil {
				return false, err
			}
		}
	}
	return ok, nil
}

// match are the indexes of the rules that match: the first one alone if no other
// can matter.
func (t *table) match(r *evaluation, s expr.Scope, inputs []InputResult) ([]int, error) {
	columns := make([]column, len(inputs))
	for i := range inputs {
		columns[i] = column{r.in(with(s, t.inputs[i].variable, inputs[i].Value)), feel.NewSubject(inputs[i].Value)}
	}
	var matching []int
	for i := range t.rules {
		if err := r.charge(1); err != nil {
			return nil, err
		}
		ok, err := t.rules[i].holds(r, columns)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		matching = append(matching, i)
		if t.policy == First {
			break
		}
	}
	return matching, nil
}

// column is what the entries of an input are applied to.
type column struct {
	env     *expr.Env
	subject feel.Subject
}

func (rule *rule) holds(r *evaluation, columns []column) (bool, error) {
	for i, test := range rule.tests {
		if ok, err := test.admit(r, columns[i].env, &columns[i].subject); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// hit evaluates the outputs of a rule.
func (t *table) hit(r *evaluation, s expr.Scope, index int) (hit, error) {
	h := hit{index: index, outputs: make([]expr.Value, len(t.outputs))}
	for i, l := range t.rules[index].outputs {
		v, err := l.evaluate(r, s)
		if err == nil {
			v, err = t.outputs[i].check(r, v)
		}
		if err != nil {
			return h, err
		}
		h.outputs[i] = v
		if t.policy.ordersOutputs() {
			h.ranks = append(h.ranks, t.outputs[i].rank(v))
		}
	}
	h.value = t.record(h.outputs)
	return h, nil
}

// check makes null of what is not among the output values.
func (o *output) check(r *evaluation, v expr.Value) (expr.Value, error) {
	if o.values == nil || v.IsNull() {
		return v, nil
	}
	ok, err := o.values.hold(r, r.in(nil), v)
	if ok || err != nil {
		return v, err
	}
	return r.null(o.values.id, "the output is %s, which is not among the output values %s", v.Describe(), shorten(o.values.text))
}

// rank is the place of a value among the output values, the last for any other.
func (o *output) rank(v expr.Value) int {
	for i, p := range o.priorities {
		if equal, _ := expr.Equal(p, v); equal {
			return i
		}
	}
	return len(o.priorities)
}

// record is the value of a rule: its output, or a context of several.
func (t *table) record(outputs []expr.Value) expr.Value {
	if len(outputs) == 1 {
		return outputs[0]
	}
	b := expr.NewContextBuilder(len(outputs))
	for i, v := range outputs {
		b.Put(t.outputs[i].name, v)
	}
	return b.Build()
}

// explain adds a matched rule to the explanation.
func (t *table) explain(r *evaluation, trace *TableResult, h hit) {
	if r.result.matched >= MaxMatched {
		r.result.Omitted++
		return
	}
	r.result.matched++
	rule := &t.rules[h.index]
	m := MatchedRule{ID: rule.id, Index: h.index + 1}
	for i, v := range h.outputs {
		m.Outputs = append(m.Outputs, NamedValue{Name: t.outputs[i].name, Value: v})
	}
	for i, text := range rule.annotations {
		a := NamedString{Text: text}
		if i < len(t.annotations) {
			a.Name = t.annotations[i]
		}
		m.Annotations = append(m.Annotations, a)
	}
	trace.Matched = append(trace.Matched, m)
}
