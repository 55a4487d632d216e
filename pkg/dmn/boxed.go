package dmn

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// boxedContext evaluates its entries in order; each sees those before it. With a
// result its value is that, else the context.
type boxedContext struct {
	entries []contextEntry
	result  logic
}

type contextEntry struct {
	name  string
	logic logic
}

func (p *parser) context(e *etree.Element) logic {
	c := &boxedContext{}
	mark := p.known.Mark()
	defer p.known.Undo(mark)
	entries := p.all(e, "contextEntry")
	for i, entry := range entries {
		l, name := p.logicIn(entry), ""
		if v := child(entry, "variable"); v != nil {
			name = nameOf(v)
			l = typed(l, p.typeRef(v), ownerID(v))
		}
		switch {
		case name != "":
			c.entries = append(c.entries, contextEntry{name: name, logic: l})
			p.known.Declare(name)
		case i == len(entries)-1:
			c.result = l
		default:
			p.flaw(entry, CodeIdentity, "an entry of the context has no name and is not the last: give its <variable> a name")
		}
	}
	return c
}

func (c *boxedContext) evaluate(r *evaluation, outer expr.Scope) (expr.Value, error) {
	s := &scope{outer: outer, building: expr.NewContextBuilder(len(c.entries))}
	for _, entry := range c.entries {
		v, err := entry.logic.evaluate(r, s)
		if err != nil {
			return expr.Null(), err
		}
		s.building.Put(entry.name, v)
	}
	built := s.building.Build()
	s.values, _ = built.AsContext()
	s.building = nil
	if c.result != nil {
		return c.result.evaluate(r, s)
	}
	return built, r.room(built)
}

// boxedList is a list of expressions.
type boxedList []logic

func (p *parser) list(e *etree.Element) logic {
	l := boxedList{}
	for _, item := range expressionsIn(e) {
		l = append(l, p.logic(item))
	}
	return l
}

func (l boxedList) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	items := make([]expr.Value, len(l))
	for i, item := range l {
		var err error
		if items[i], err = item.evaluate(r, s); err != nil {
			return expr.Null(), err
		}
	}
	v := expr.List(items...)
	return v, r.room(v)
}

// relation is a list of contexts: a boxed context a row.
func (p *parser) relation(e *etree.Element) logic {
	columns := p.all(e, "column")
	rows := boxedList{}
	for _, row := range p.all(e, "row") {
		cells := expressionsIn(row)
		if len(cells) != len(columns) {
			p.flaw(row, CodeStructure, "the row has %d cells where the relation has %d columns: add or remove some", len(cells), len(columns))
			continue
		}
		rows = append(rows, p.row(columns, cells))
	}
	return rows
}

func (p *parser) row(columns, cells []*etree.Element) logic {
	r := &relationRow{}
	for i, cell := range cells {
		l := typed(p.logic(cell), p.typeRef(columns[i]), ownerID(cell))
		r.cells = append(r.cells, contextEntry{name: nameOf(columns[i]), logic: l})
	}
	return r
}

// relationRow is a context whose entries do not see each other.
type relationRow struct{ cells []contextEntry }

func (row *relationRow) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	b := expr.NewContextBuilder(len(row.cells))
	for _, cell := range row.cells {
		v, err := cell.logic.evaluate(r, s)
		if err != nil {
			return expr.Null(), err
		}
		b.Put(cell.name, v)
	}
	return b.Build(), nil
}

// construct is a boxed expression that means the same as one of FEEL: that is
// evaluated, with the parts of the boxed one as values and functions.
type construct struct {
	id        string
	program   *feel.Expression
	values    []contextEntry
	functions []constructFunction
}

type constructFunction struct {
	boxedFunction
	name string
}

// build compiles the expression of FEEL.
func (p *parser) build(e *etree.Element, text string, c construct) logic {
	program, err := feel.Compile(text)
	if err != nil {
		p.problem(e, CodeExpression, "%s", messageOf(err))
		return p.unusable(e)
	}
	c.id, c.program = ownerID(e), program
	return &c
}

// part compiles the child of e by that tag, in whose expression names are known.
func (p *parser) part(e *etree.Element, tag string, names ...string) logic {
	c := child(e, tag)
	if c == nil {
		p.flaw(e, CodeMissing, "<%s> has no <%s>: add it", e.Tag, tag)
		return p.unusable(e)
	}
	return typed(p.scoped(names, func() logic { return p.logicIn(c) }), p.typeRef(c), ownerID(c))
}

func function(name string, body logic, params ...string) constructFunction {
	f := constructFunction{name: name, boxedFunction: boxedFunction{body: body}}
	for _, param := range params {
		f.params = append(f.params, parameter{name: param})
	}
	return f
}

func (p *parser) conditional(e *etree.Element) logic {
	return p.build(e, "if condition then yes() else no()", construct{
		values:    []contextEntry{{"condition", p.part(e, "if")}},
		functions: []constructFunction{function("yes", p.part(e, "then")), function("no", p.part(e, "else"))},
	})
}

func (p *parser) loop(e *etree.Element) logic {
	name := p.iterator(e)
	return p.build(e, "for item in list return body(item, partial)", construct{
		values:    []contextEntry{{"list", p.part(e, "in")}},
		functions: []constructFunction{function("body", p.part(e, "return", name, "partial"), name, "partial")},
	})
}

func (p *parser) quantified(e *etree.Element) logic {
	name := p.iterator(e)
	return p.build(e, fmt.Sprintf("%s item in list satisfies holds(item)", e.Tag), construct{
		values:    []contextEntry{{"list", p.part(e, "in")}},
		functions: []constructFunction{function("holds", p.part(e, "satisfies", name), name)},
	})
}

func (p *parser) iterator(e *etree.Element) string {
	name := strings.Join(strings.Fields(xmldoc.Attr(e, "iteratorVariable")), " ")
	if name == "" {
		p.flaw(e, CodeMissing, "<%s> has no iteratorVariable: name the variable that the elements are known by", e.Tag)
		return "item"
	}
	return name
}

func (c *construct) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	parts := expr.NewContextBuilder(len(c.values) + len(c.functions))
	for _, value := range c.values {
		v, err := value.logic.evaluate(r, s)
		if err != nil {
			return expr.Null(), err
		}
		parts.Put(value.name, v)
	}
	for i := range c.functions {
		f, err := c.functions[i].evaluate(r, s)
		if err != nil {
			return expr.Null(), err
		}
		parts.Put(c.functions[i].name, f)
	}
	built, _ := parts.Build().AsContext()
	v, err := c.program.Evaluate(r.in(built))
	return v, r.done(c.id, err)
}

// boxedFilter keeps the elements that match, or takes the one at a position. Not a
// construct: in a filter of FEEL the entries of an element hide all other names.
type boxedFilter struct {
	id        string
	in, match logic
}

func (p *parser) filter(e *etree.Element) logic {
	in := p.part(e, "in")
	p.known.Filters++
	defer func() { p.known.Filters-- }()
	return &boxedFilter{id: ownerID(e), in: in, match: p.part(e, "match", "item")}
}

func (f *boxedFilter) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	v, err := f.in.evaluate(r, s)
	if err != nil {
		return expr.Null(), err
	}
	items, isList := v.AsList()
	if !isList && !v.IsNull() {
		items = []expr.Value{v}
	}
	kept := []expr.Value{}
	for i, item := range items {
		v, err := f.matches(r, s, item)
		switch {
		case err != nil:
			return expr.Null(), err
		case v.IsTrue():
			kept = append(kept, item)
		case i == 0 && v.Kind() == expr.KindNumber:
			return f.at(r, items, v)
		case v.Kind() != expr.KindBoolean && !v.IsNull():
			return r.null(f.id, "the filter gives %s, neither a boolean nor a position", v.Describe())
		}
	}
	return expr.List(kept...), nil
}

// matches evaluates the condition; the entries of an element are known by name.
func (f *boxedFilter) matches(r *evaluation, outer expr.Scope, item expr.Value) (expr.Value, error) {
	if err := r.charge(1); err != nil {
		return expr.Null(), err
	}
	s := with(outer, "item", item)
	if element, ok := item.AsContext(); ok {
		s = &scope{outer: s, values: element}
	}
	return f.match.evaluate(r, s)
}

func (f *boxedFilter) at(r *evaluation, items []expr.Value, position expr.Value) (expr.Value, error) {
	n, ok := position.AsInt()
	count := int64(len(items))
	switch {
	case ok && n >= 1 && n <= count:
		return items[n-1], nil
	case ok && n <= -1 && n >= -count:
		return items[count+n], nil
	}
	return r.null(f.id, "the list of %d elements has none at %s", count, position.Text())
}
