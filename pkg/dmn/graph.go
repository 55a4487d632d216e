package dmn

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// requirements are the elements that say what a node depends on, with the child
// that names it.
var requirements = []struct{ element, refersBy string }{
	{"informationRequirement", "requiredInput"}, {"informationRequirement", "requiredDecision"}, {"knowledgeRequirement", "requiredKnowledge"},
}

// connect resolves what a node depends on.
func (p *parser) connect(n *node) {
	e := p.elements[n]
	for _, kind := range requirements {
		for _, requirement := range p.all(e, kind.element) {
			if ref := child(requirement, kind.refersBy); ref != nil {
				p.require(n, ref)
			}
		}
	}
	switch n.kind {
	case knowledgeModel:
		p.bind(n, n.variable, binding{node: n}, e)
	case decisionService:
		n.outputs = p.references(e, "outputDecision")
		n.inputs = append(p.references(e, "inputData"), p.references(e, "inputDecision")...)
		for _, in := range n.inputs {
			n.params = append(n.params, parameter{name: in.variable, typ: in.typ})
		}
		if len(n.outputs) == 0 {
			p.flaw(e, CodeMissing, "the decision service has no output decision: add one")
		}
		p.references(e, "encapsulatedDecision")
	}
}

// require makes what ref refers to known to the logic of n.
func (p *parser) require(n *node, ref *etree.Element) {
	required := p.refer(ref)
	if required == nil {
		return
	}
	if required.kind == inputData || required.kind == decision {
		n.requires = append(n.requires, required)
	}
	if required.model != p.model {
		p.bindImported(n, required, ref)
		return
	}
	p.bind(n, required.variable, binding{node: required}, ref)
	if required.unnamed {
		p.bindAliases(n, required)
	}
}

// bind gives a name a meaning in the logic of n.
func (p *parser) bind(n *node, name string, b binding, ref *etree.Element) {
	if before, taken := n.bindings[name]; taken && before.node != b.node {
		p.flaw(ref, CodeIdentity, "what is required here is known as %q, as something else that %s requires: rename one of the two variables", shorten(name), shorten(n.name))
		return
	}
	n.bindings[name] = b
}

// bindAliases makes a decision without a variable known by its id and by the
// names of its outputs as well, unless they mean something else: such models come
// from modelers that know variables by those names.
func (p *parser) bindAliases(n, required *node) {
	add := func(name string, b binding) {
		if _, taken := n.bindings[name]; !taken && name != "" {
			n.bindings[name] = b
		}
	}
	add(required.id, binding{node: required})
	table := child(p.elements[required], "decisionTable")
	if required.kind != decision || table == nil {
		return
	}
	outputs := p.all(table, "output")
	for _, output := range outputs {
		b := binding{node: required, output: nameOf(output)}
		if len(outputs) == 1 {
			b.output = ""
		}
		add(nameOf(output), b)
	}
}

// bindImported makes an element of another model known under the name of the
// import: directly if that is empty, else as an entry of a context.
func (p *parser) bindImported(n, required *node, ref *etree.Element) {
	name, found := "", false
	for _, i := range p.model.imports {
		if i.model == required.model {
			name, found = i.name, true
		}
	}
	switch {
	case !found:
	case name == "":
		p.bind(n, required.variable, binding{node: required}, ref)
	case n.bindings[name].node != nil:
		p.flaw(ref, CodeIdentity, "the import %q is named as a variable that %s requires: rename one of the two", shorten(name), shorten(n.name))
	default:
		b := n.bindings[name]
		b.imported = append(b.imported, required)
		n.bindings[name] = b
	}
}

func (p *parser) references(e *etree.Element, tag string) []*node {
	var found []*node
	for _, ref := range p.all(e, tag) {
		if n := p.refer(ref); n != nil {
			found = append(found, n)
		}
	}
	return found
}

// kindsOf says which kinds of nodes an element may refer to.
var kindsOf = map[string][]nodeKind{
	"requiredInput": {inputData}, "inputData": {inputData}, "requiredKnowledge": {knowledgeModel, decisionService},
	"requiredDecision": {decision}, "outputDecision": {decision}, "inputDecision": {decision}, "encapsulatedDecision": {decision},
}

// refer finds the node that an href names: "#id", or "namespace#id".
func (p *parser) refer(ref *etree.Element) *node {
	href := xmldoc.Attr(ref, "href")
	namespace, id, qualified := strings.Cut(href, "#")
	if !qualified {
		namespace, id = "", href
	}
	model := p.model
	if namespace != "" && namespace != p.model.Namespace {
		model = nil
		for _, i := range p.model.imports {
			if i.model.Namespace == namespace {
				model = i.model
			}
		}
	}
	if model == nil && p.isAbsent(namespace, "") {
		return nil
	}
	if model == nil {
		p.problem(ref, CodeReference, "<%s> refers to the model of namespace %q, which is not imported: add an <import> of it", ref.Tag, shorten(namespace))
		return nil
	}
	n := model.byID[id]
	if n == nil {
		p.problem(ref, CodeReference, "<%s> refers to %q, which the model does not have: draw the requirement again", ref.Tag, shorten(href))
		return nil
	}
	for _, kind := range kindsOf[ref.Tag] {
		if n.kind == kind {
			return n
		}
	}
	p.problem(ref, CodeReference, "<%s> refers to %q, which is of another kind: draw the requirement again", ref.Tag, shorten(href))
	return nil
}

// refuseCycles reports decisions that depend on themselves. Knowledge models may:
// they are functions, and recursion is bounded when they are evaluated.
func (p *parser) refuseCycles() {
	state := map[*node]int{} // 1: on the path from n, 2: done
	for _, n := range p.model.nodes {
		stack := []*node{n}
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			if state[top] != 0 {
				state[top] = 2
				stack = stack[:len(stack)-1]
				continue
			}
			state[top] = 1
			for _, next := range top.requires {
				switch {
				case next.model != p.model || state[next] == 2:
				case state[next] == 1:
					p.problem(p.elements[top], CodeStructure, "the decision depends on itself by way of %q: remove one of the requirements", shorten(next.name))
				case state[next] == 0:
					stack = append(stack, next)
				}
			}
		}
	}
}

// compile compiles the logic of a node.
func (p *parser) compile(n *node) {
	e := p.elements[n]
	for name := range n.bindings {
		p.known.Declare(name)
	}
	defer p.known.Undo(0)
	switch n.kind {
	case decision:
		if len(expressionsIn(e)) == 0 {
			p.warn(e, CodeMissing, "the decision has no logic, its value is null: give it a decision table or an expression")
			n.logic = p.unusable(e)
			return
		}
		n.logic = p.logicIn(e)
	case knowledgeModel:
		p.compileKnowledge(n, e)
	}
}

func (p *parser) compileKnowledge(n *node, e *etree.Element) {
	body := child(e, "encapsulatedLogic")
	if body == nil {
		p.flaw(e, CodeMissing, "the business knowledge model has no logic: add it")
		n.logic = p.unusable(e)
		return
	}
	compiled := p.functionDefinition(body)
	if f, ok := compiled.(*boxedFunction); ok {
		n.params, n.logic = f.params, f.body
		return
	}
	n.params, n.logic = p.parameters(body), compiled
}
