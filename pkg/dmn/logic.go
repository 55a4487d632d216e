package dmn

import (
	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// logic is a boxed expression. It is immutable.
type logic interface {
	evaluate(r *evaluation, s expr.Scope) (expr.Value, error)
}

// boxed are the elements that are expressions, and what compiles them.
func boxed(tag string) func(p *parser, e *etree.Element) logic {
	switch tag {
	case "literalExpression":
		return (*parser).literalExpression
	case "decisionTable":
		return (*parser).decisionTable
	case "context":
		return (*parser).context
	case "invocation":
		return (*parser).invocation
	case "functionDefinition":
		return (*parser).functionDefinition
	case "list":
		return (*parser).list
	case "relation":
		return (*parser).relation
	case "conditional":
		return (*parser).conditional
	case "filter":
		return (*parser).filter
	case "for":
		return (*parser).loop
	case "some", "every":
		return (*parser).quantified
	}
	return nil
}

// expressionsIn are the children of e that are expressions.
func expressionsIn(e *etree.Element) []*etree.Element {
	var found []*etree.Element
	for _, c := range e.ChildElements() {
		if c.Space == "dmn" && boxed(c.Tag) != nil {
			found = append(found, c)
		}
	}
	return found
}

// logicIn compiles the one expression in e.
func (p *parser) logicIn(e *etree.Element) logic {
	found := expressionsIn(e)
	if len(found) != 1 {
		p.flaw(e, CodeStructure, "<%s> has %d expressions in it: it takes exactly one, such as a <literalExpression>", e.Tag, len(found))
		return p.unusable(e)
	}
	return p.logic(found[0])
}

// logic compiles an expression, with its type if it says one.
func (p *parser) logic(e *etree.Element) logic {
	l := boxed(e.Tag)(p, e)
	if _, ok := l.(*boxedFunction); ok {
		return l // whose result has the type
	}
	return typed(l, p.typeRef(e), ownerID(e))
}

// typedLogic is logic whose value has to be of a type.
type typedLogic struct {
	logic
	typ *itemType
	id  string
}

func typed(l logic, t *itemType, id string) logic {
	if t == nil {
		return l
	}
	return &typedLogic{logic: l, typ: t, id: id}
}

func (t *typedLogic) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	v, err := t.logic.evaluate(r, s)
	if err != nil {
		return v, err
	}
	return t.typ.fit(r, t.id, "the value", v)
}

func (p *parser) literalExpression(e *etree.Element) logic {
	if child(e, "importedValues") != nil {
		p.flaw(e, CodeUnsupported, "imported values are not supported: write the expression out")
		return p.unusable(e)
	}
	text := textOf(e)
	if text == "" {
		p.flaw(e, CodeMissing, "the expression is empty: write one, such as null")
		return p.unusable(e)
	}
	return p.expression(e, text)
}

// scoped compiles with more names in scope.
func (p *parser) scoped(names []string, compile func() logic) logic {
	mark := p.known.Mark()
	defer p.known.Undo(mark)
	p.known.Declare(names...)
	return compile()
}

// scope is names in addition to those of a scope around it. While a context is
// being built its entries are in the builder.
type scope struct {
	outer    expr.Scope
	building *expr.ContextBuilder
	values   *expr.Context
}

// Lookup finds the innermost value of the name.
func (s *scope) Lookup(name string) (expr.Value, bool) {
	if s.building != nil {
		if v, ok := s.building.Get(name); ok {
			return v, true
		}
	} else if v, ok := s.values.Get(name); ok {
		return v, true
	}
	if s.outer == nil {
		return expr.Null(), false
	}
	return s.outer.Lookup(name)
}

// with is a scope with one more name.
func with(outer expr.Scope, name string, v expr.Value) *scope {
	b := expr.NewContextBuilder(1)
	b.Put(name, v)
	return &scope{outer: outer, building: b}
}

// boxedFunction makes a function of its body.
type boxedFunction struct {
	id     string
	params []parameter
	body   logic
}

func (p *parser) functionDefinition(e *etree.Element) logic {
	f := &boxedFunction{id: ownerID(e), params: p.parameters(e)}
	if kind := xmldoc.Attr(e, "kind"); kind != "" && kind != "FEEL" {
		p.flaw(e, CodeUnsupported, "functions of kind %q are not supported: write the function in FEEL", shorten(kind))
		return p.unusable(e)
	}
	body := p.scoped(parameterNames(f.params), func() logic { return p.logicIn(e) })
	f.body = typed(body, p.typeRef(e).ofResult(), f.id)
	return f
}

func (p *parser) parameters(e *etree.Element) []parameter {
	var params []parameter
	seen := map[string]bool{}
	for _, f := range p.all(e, "formalParameter") {
		name := nameOf(f)
		switch {
		case name == "":
			p.flaw(f, CodeIdentity, "a formal parameter has no name: give it one")
		case seen[name]:
			p.flaw(f, CodeIdentity, "two formal parameters are named %q: rename one", shorten(name))
		}
		seen[name] = true
		params = append(params, parameter{name: name, typ: p.typeRef(f)})
	}
	return params
}

func parameterNames(params []parameter) []string {
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.name
	}
	return names
}

func (f *boxedFunction) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	return r.function(f.id, f.params, func(args *scope) (expr.Value, error) {
		args.outer = s
		return f.body.evaluate(r, args)
	}), nil
}

// function makes a value that FEEL can call. run gets the arguments, which fit
// their types.
func (r *evaluation) function(id string, params []parameter, run func(args *scope) (expr.Value, error)) expr.Value {
	host := &feel.HostFunction{}
	for _, p := range params {
		declared := syntax.Parameter{Name: p.name}
		if p.typ != nil {
			declared.Type = p.typ.shape
		}
		host.Params = append(host.Params, declared)
	}
	host.Run = func(args []expr.Value) (expr.Value, error) {
		b := expr.NewContextBuilder(len(args))
		for i, p := range params {
			why, err := p.typ.violation(r, args[i])
			if err != nil {
				return expr.Null(), err
			}
			if why != "" {
				return r.null(id, "argument %s%s", shorten(p.name), why)
			}
			b.Put(p.name, args[i])
		}
		return run(&scope{building: b})
	}
	return expr.OfFunction(host)
}

// invocation calls what its callee gives with arguments by name.
type invocation struct {
	id     string
	callee logic
	names  []string
	args   []logic
}

func (p *parser) invocation(e *etree.Element) logic {
	i := &invocation{id: ownerID(e), callee: p.logicIn(e)}
	for _, b := range p.all(e, "binding") {
		param := child(b, "parameter")
		if param == nil || nameOf(param) == "" {
			p.flaw(b, CodeMissing, "a binding of the invocation does not name its parameter: add <parameter name=\"…\"/>")
			continue
		}
		i.names = append(i.names, nameOf(param))
		arg := logic(constant(expr.Null()))
		if len(expressionsIn(b)) > 0 {
			arg = typed(p.logicIn(b), p.typeRef(param), ownerID(b))
		}
		i.args = append(i.args, arg)
	}
	return i
}

func (i *invocation) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	callee, err := i.callee.evaluate(r, s)
	if err != nil {
		return expr.Null(), err
	}
	f, ok := callee.AsFunction()
	if !ok {
		return r.null(i.id, "what is invoked is %s, not a function", callee.Describe())
	}
	args := make([]expr.Value, len(i.args))
	for n, arg := range i.args {
		if args[n], err = arg.evaluate(r, s); err != nil {
			return expr.Null(), err
		}
	}
	names := i.names
	if len(names) == 0 {
		names = nil
	}
	v, err := feel.Invoke(r.in(s), f, names, args)
	return v, r.done(i.id, err)
}
