package dmn

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// table is a compiled decision table.
type table struct {
	id          string
	policy      HitPolicy
	aggregation *feel.Expression // of "list"; nil if the hit policy has none
	inputs      []input
	outputs     []output
	rules       []rule
	annotations []string // names of the columns
}

type input struct {
	id, label, source string
	logic             logic
	typ               *itemType
	values            *tests // that are allowed; nil for all
	variable          string // by which entries know the value, besides ?
}

type output struct {
	id, name   string
	typ        *itemType
	values     *tests       // that are allowed; nil for all
	priorities []expr.Value // the same in their order, for hit policies that need it
	otherwise  logic        // the default; nil if there is none
}

type rule struct {
	id          string
	tests       []*tests // nil for "-"
	outputs     []logic
	annotations []string
}

func (p *parser) decisionTable(e *etree.Element) logic {
	t := &table{id: ownerID(e), policy: p.hitPolicy(e)}
	for _, in := range p.all(e, "input") {
		t.inputs = append(t.inputs, p.input(in))
	}
	outputs := p.all(e, "output")
	for _, out := range outputs {
		t.outputs = append(t.outputs, p.output(out, t.policy, len(outputs) > 1))
	}
	if len(outputs) == 0 {
		p.flaw(e, CodeMissing, "the decision table has no output: add one")
		return p.unusable(e)
	}
	if call, ok := aggregations[t.policy]; ok {
		t.aggregation = p.aggregation(e, call, len(outputs))
	}
	for _, a := range p.all(e, "annotation") {
		t.annotations = append(t.annotations, nameOf(a))
	}
	mark := p.known.Mark()
	defer p.known.Undo(mark)
	for _, in := range t.inputs {
		p.known.Declare(in.variable)
	}
	for _, r := range p.all(e, "rule") {
		t.rules = append(t.rules, p.rule(r, t))
	}
	return t
}

func (p *parser) hitPolicy(e *etree.Element) HitPolicy {
	said := strings.TrimSpace(xmldoc.Attr(e, "hitPolicy"))
	policy, ok := hitPolicies[said]
	if !ok {
		p.flaw(e, CodeValue, "hitPolicy=%q is none: use UNIQUE, ANY, PRIORITY, FIRST, RULE ORDER, OUTPUT ORDER or COLLECT", shorten(said))
	}
	aggregation := strings.TrimSpace(xmldoc.Attr(e, "aggregation"))
	if policy != Collect || aggregation == "" {
		return policy
	}
	with := HitPolicy("COLLECT " + aggregation)
	if _, known := aggregations[with]; !known && with != CollectCount {
		p.flaw(e, CodeValue, "aggregation=%q is none: use SUM, MIN, MAX or COUNT", shorten(aggregation))
		return policy
	}
	return with
}

func (p *parser) aggregation(e *etree.Element, call string, outputs int) *feel.Expression {
	if outputs > 1 {
		p.flaw(e, CodeStructure, "a table with %d outputs cannot aggregate them: leave one output, or the aggregation away", outputs)
	}
	compiled, err := feel.Compile(call)
	if err != nil {
		p.problem(e, CodeExpression, "%s", messageOf(err))
	}
	return compiled
}

func (p *parser) input(e *etree.Element) input {
	in := input{id: xmldoc.Attr(e, "id"), label: xmldoc.Attr(e, "label"), variable: xmldoc.Attr(e, "camunda:inputVariable")}
	if in.variable == "" {
		in.variable = "cellInput"
	}
	expression := child(e, "inputExpression")
	switch {
	case expression == nil || textOf(expression) == "":
		p.flaw(e, CodeMissing, "the input has no expression: write which value its entries test")
		in.logic = p.unusable(e)
	default:
		in.source = textOf(expression)
		in.logic = p.expression(expression, in.source)
		in.typ = p.typeRef(expression)
	}
	if values := child(e, "inputValues"); values != nil && textOf(values) != "" {
		in.values = p.unaryTests(values, feelLanguage)
	}
	return in
}

func (p *parser) output(e *etree.Element, policy HitPolicy, several bool) output {
	out := output{id: xmldoc.Attr(e, "id"), name: nameOf(e), typ: p.typeRef(e)}
	if out.name == "" && several {
		p.flaw(e, CodeIdentity, "the table has several outputs and this one has no name: give it one, for it is the key of its value")
	}
	if values := child(e, "outputValues"); values != nil && textOf(values) != "" {
		out.values = p.unaryTests(values, feelLanguage)
	}
	if policy.ordersOutputs() {
		out.priorities = p.priorities(e, out)
	}
	if d := child(e, "defaultOutputEntry"); d != nil && textOf(d) != "" {
		out.otherwise = typed(p.expression(d, textOf(d)), out.typ, ownerID(d))
	}
	return out
}

// priorities are the output values in their order: of the column or of its type.
func (p *parser) priorities(e *etree.Element, out output) []expr.Value {
	values := out.values
	if values == nil && out.typ != nil {
		values = out.typ.allowed
		if values == nil {
			values = out.typ.whole
		}
	}
	if values == nil {
		return nil
	}
	list, err := p.options().Compile("[" + values.text + "]")
	if err != nil {
		return nil // the tests themselves are reported
	}
	v, err := list.Evaluate(nil)
	if err != nil {
		p.flaw(e, CodeExpression, "%s", messageOf(err))
		return nil
	}
	ordered, _ := v.AsList()
	return ordered
}

func (p *parser) rule(e *etree.Element, t *table) rule {
	r := rule{id: xmldoc.Attr(e, "id")}
	inputs, outputs := p.all(e, "inputEntry"), p.all(e, "outputEntry")
	if len(inputs) != len(t.inputs) || len(outputs) != len(t.outputs) {
		p.flaw(e, CodeStructure, "the rule has %d input and %d output entries where the table has %d and %d columns: add or remove some",
			len(inputs), len(outputs), len(t.inputs), len(t.outputs))
		inputs, outputs = inputs[:min(len(inputs), len(t.inputs))], outputs[:min(len(outputs), len(t.outputs))]
	}
	for _, in := range inputs {
		r.tests = append(r.tests, p.unaryTests(in, p.language))
	}
	for i, out := range outputs {
		r.outputs = append(r.outputs, p.outputEntry(out, t.outputs[i]))
	}
	for _, a := range p.all(e, "annotationEntry") {
		r.annotations = append(r.annotations, textOf(a))
	}
	if d := child(e, "description"); d != nil && len(r.annotations) == 0 {
		r.annotations = append(r.annotations, xmldoc.Content(d))
	}
	return r
}

// outputEntry is the logic of an output; an empty one is null.
func (p *parser) outputEntry(e *etree.Element, out output) logic {
	text := textOf(e)
	if text == "" {
		return constant(expr.Null())
	}
	return typed(p.expression(e, text), out.typ, ownerID(e))
}

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
		allowed, err := in.values.hold(r, s, v)
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
	scopes := make([]expr.Scope, len(inputs))
	for i := range inputs {
		scopes[i] = with(s, t.inputs[i].variable, inputs[i].Value)
	}
	var matching []int
	for i := range t.rules {
		if err := r.charge(1); err != nil {
			return nil, err
		}
		ok, err := t.rules[i].holds(r, scopes, inputs)
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

func (rule *rule) holds(r *evaluation, scopes []expr.Scope, inputs []InputResult) (bool, error) {
	for i, test := range rule.tests {
		if ok, err := test.hold(r, scopes[i], inputs[i].Value); !ok || err != nil {
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
	ok, err := o.values.hold(r, nil, v)
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
	if len(trace.Matched) >= MaxMatched {
		r.result.Omitted++
		return
	}
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
