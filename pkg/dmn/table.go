package dmn

import (
	"slices"
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
	if t.policy.ordersOutputs() && !slices.ContainsFunc(t.outputs, func(o output) bool { return len(o.priorities) > 0 }) {
		p.flaw(e, CodeMissing, "the hit policy %s orders by output values, and no output has any: list them in <outputValues>, the most important first", t.policy)
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
