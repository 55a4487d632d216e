package feel

import (
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// primary is an operand: a literal, a name, something in brackets, or an
// expression that begins with a keyword.
func (p *parser) primary() (node, error) {
	t := p.peek()
	switch t.kind {
	case tokenNumber:
		return p.number()
	case tokenString:
		p.next()
		return &literal{at: at(t.start), value: expr.String(t.text)}, nil
	case tokenQuoted:
		p.next()
		return &nameNode{at: at(t.start), name: t.text}, nil
	case tokenWord:
		return p.word()
	case tokenSymbol:
		return p.symbol()
	}
	return nil, p.unexpected("a value")
}

func (p *parser) number() (node, error) {
	t := p.next()
	v, ok := expr.ParseNumber(t.text)
	if !ok {
		return nil, p.errorf(t.start, "%.40s is not a number that can be represented", t.text)
	}
	return &literal{at: at(t.start), value: v}, nil
}

func (p *parser) symbol() (node, error) {
	t := p.peek()
	switch t.text {
	case "(":
		return p.nested(p.parenthesis)
	case "[":
		return p.nested(p.list)
	case "]":
		p.next()
		low, err := p.expression()
		if err != nil {
			return nil, err
		}
		return p.rangeFrom(t, low)
	case "{":
		return p.nested(p.context)
	case "@":
		return p.temporal()
	case "?":
		p.next()
		return &inputNode{at: at(t.start)}, nil
	}
	return nil, p.unexpected("a value")
}

// parenthesis is an expression in parentheses, a range with an open lower bound,
// or a unary test such as (< 5).
func (p *parser) parenthesis() (node, error) {
	t := p.next()
	n, err := p.test(p.expression)
	if err != nil {
		return nil, err
	}
	if p.is("..") {
		return p.rangeFrom(t, n)
	}
	return n, p.expect(")", "to close the parenthesis")
}

func (p *parser) list() (node, error) {
	t := p.next()
	list := &listNode{at: at(t.start)}
	if p.is("]") && !p.startsOpenRange() {
		p.next()
		return list, nil
	}
	for {
		item, err := p.test(p.expression)
		if err != nil {
			return nil, err
		}
		if p.is("..") && len(list.items) == 0 {
			return p.rangeFrom(t, item)
		}
		list.items = append(list.items, item)
		if !p.accept(",") {
			return list, p.expect("]", "to close the list")
		}
	}
}

// startsOpenRange tells whether the "]" that is next begins a range such as
// ]1..3[ since a value follows.
func (p *parser) startsOpenRange() bool {
	t := p.ahead(1)
	return t.kind == tokenNumber || t.kind == tokenString || t.kind == tokenWord && !keywords[t.text] || t.is("@")
}

// rangeFrom reads the rest of a range after its lower bound.
func (p *parser) rangeFrom(open token, low node) (node, error) {
	if err := p.expect("..", "between the bounds of the range"); err != nil {
		return nil, err
	}
	r := &rangeNode{at: at(open.start), low: low, lowClosed: open.text == "["}
	p.depth++
	before := p.rangeEnd
	p.rangeEnd = true
	high, err := p.disjunction()
	p.rangeEnd = before
	p.depth--
	if err != nil {
		return nil, err
	}
	r.high = high
	r.highClosed = p.is("]")
	if !p.accept("]") && !p.accept(")") && !p.accept("[") {
		return nil, p.unexpected(`"]", ")" or "[" to close the range`)
	}
	return r, nil
}

func (p *parser) context() (node, error) {
	t := p.next()
	c := &contextNode{at: at(t.start)}
	mark := p.names.mark()
	defer p.names.undo(mark)
	if p.accept("}") {
		return c, nil
	}
	seen := map[string]bool{}
	for {
		e, err := p.entry()
		if err != nil {
			return nil, err
		}
		if seen[e.key] {
			return nil, p.errorf(e.value.offset(), "the context has two entries %q", e.key)
		}
		seen[e.key] = true
		c.entries = append(c.entries, e)
		p.names.declare(e.key)
		if !p.accept(",") {
			return c, p.expect("}", "to close the context")
		}
	}
}

func (p *parser) entry() (entry, error) {
	var e entry
	if t := p.peek(); t.kind == tokenString && p.ahead(1).is(":") {
		e.key = t.text
		p.at += 2
	} else if n := p.nameBefore(":"); n > 0 {
		e.key = p.textOf(n)
		p.at += n + 1
	} else {
		return e, p.unexpected("a key and a colon")
	}
	p.members.declare(e.key)
	value, err := p.expression()
	e.value = value
	return e, err
}

// temporal is @"…": a date, time, date and time or duration.
func (p *parser) temporal() (node, error) {
	start := p.next().start
	t := p.next()
	if t.kind != tokenString {
		return nil, p.errorf(start, `@ is to be followed by a string, as in @"2024-01-31"`)
	}
	return &literal{at: at(start), value: parseTemporal(t.text)}, nil
}

// parseTemporal reads any temporal value or duration; null if it is none.
func parseTemporal(s string) expr.Value {
	for _, parse := range []func(string) (expr.Value, bool){expr.ParseDate, expr.ParseDateTime, expr.ParseTime, expr.ParseDuration} {
		if v, ok := parse(s); ok {
			return v
		}
	}
	return expr.Null()
}

// word is a name or an expression that begins with a keyword.
func (p *parser) word() (node, error) {
	t := p.peek()
	name, n := p.names.longest(p.tokens[p.at:])
	if n == 0 && keywords[t.text] {
		return p.keyword(t)
	}
	if words := wordsOfName(p.tokens[p.at:]); words > n {
		name, n = joinTokens(p.tokens[p.at:p.at+words]), words
	}
	p.at += n
	return &nameNode{at: at(t.start), name: name}, nil
}

func (p *parser) keyword(t token) (node, error) {
	switch t.text {
	case "true", "false":
		p.next()
		return &literal{at: at(t.start), value: expr.Bool(t.text == "true")}, nil
	case "null":
		p.next()
		return &literal{at: at(t.start), value: expr.Null()}, nil
	case "if":
		return p.nested(p.conditional)
	case "for":
		return p.nested(p.loop)
	case "some", "every":
		return p.nested(p.quantified)
	case "function":
		return p.nested(p.function)
	}
	return nil, p.unexpected("a value")
}

func (p *parser) conditional() (node, error) {
	n := &ifNode{at: at(p.next().start)}
	var err error
	if n.condition, err = p.expression(); err != nil {
		return nil, err
	}
	if err := p.expect("then", "after the condition of if"); err != nil {
		return nil, err
	}
	if n.then, err = p.expression(); err != nil {
		return nil, err
	}
	if err := p.expect("else", "after then; if always has an else"); err != nil {
		return nil, err
	}
	n.otherwise, err = p.expression()
	return n, err
}

func (p *parser) loop() (node, error) {
	n := &forNode{at: at(p.next().start)}
	mark := p.names.mark()
	defer p.names.undo(mark)
	var err error
	if n.iterators, err = p.iterators(); err != nil {
		return nil, err
	}
	if err := p.expect("return", "after the iterators of for"); err != nil {
		return nil, err
	}
	n.body, err = p.expressionWith("partial")
	return n, err
}

func (p *parser) quantified() (node, error) {
	t := p.next()
	n := &quantifiedNode{at: at(t.start), every: t.text == "every"}
	mark := p.names.mark()
	defer p.names.undo(mark)
	var err error
	if n.iterators, err = p.iterators(); err != nil {
		return nil, err
	}
	if err := p.expect("satisfies", "after the iterators"); err != nil {
		return nil, err
	}
	n.condition, err = p.expression()
	return n, err
}

func (p *parser) iterators() ([]iterator, error) {
	var all []iterator
	for {
		n := p.nameBefore("in")
		if n == 0 {
			return nil, p.unexpected("a name and \"in\"")
		}
		it := iterator{name: p.textOf(n)}
		p.at += n + 1
		var err error
		if it.low, err = p.expression(); err != nil {
			return nil, err
		}
		if p.accept("..") {
			if it.high, err = p.expression(); err != nil {
				return nil, err
			}
		}
		p.names.declare(it.name)
		all = append(all, it)
		if !p.accept(",") {
			return all, nil
		}
	}
}

func (p *parser) function() (node, error) {
	n := &functionNode{at: at(p.next().start)}
	if err := p.expect("(", "after function"); err != nil {
		return nil, err
	}
	mark := p.names.mark()
	defer p.names.undo(mark)
	for !p.accept(")") {
		if len(n.params) > 0 {
			if err := p.expect(",", "between parameters"); err != nil {
				return nil, err
			}
		}
		param, err := p.parameter()
		if err != nil {
			return nil, err
		}
		n.params = append(n.params, param)
	}
	for _, param := range n.params {
		p.names.declare(param.Name)
	}
	if t := p.peek(); t.is("external") && p.ahead(1).is("{") {
		return nil, p.errorf(t.start, "external functions (Java, PMML) cannot be called; write the function in FEEL")
	}
	var err error
	n.body, err = p.expression()
	return n, err
}

func (p *parser) parameter() (Parameter, error) {
	end := 0
	for _, closing := range []string{":", ",", ")"} {
		if n := p.nameBefore(closing); n > 0 && (end == 0 || n < end) {
			end = n
		}
	}
	if end == 0 {
		return Parameter{}, p.unexpected("the name of a parameter")
	}
	param := Parameter{Name: p.textOf(end)}
	p.at += end
	if !p.accept(":") {
		return param, nil
	}
	var err error
	param.Type, err = p.typeName()
	return param, err
}

// typeName reads a type: list<…>, range<…>, context<…>, function<…> -> …, a name.
func (p *parser) typeName() (Type, error) {
	if p.depth++; p.depth > maxNesting {
		return Type{}, p.errorf(p.peek().start, "the type is nested deeper than %d levels", maxNesting)
	}
	defer func() { p.depth-- }()
	t := p.peek()
	name := p.longestType()
	switch {
	case name == "":
		return Type{}, p.unexpected("a type, such as number or list<string>")
	case name == "Any":
		return Type{}, nil
	}
	if declared, ok := p.types[name]; ok {
		return declared, nil
	}
	kind, ok := typeNames[name]
	if !ok {
		return Type{}, p.errorf(t.start, "%q is not a type; use one such as number, string or list<date>", name)
	}
	typ := Type{name: kind.String(), kind: kind, arity: -1}
	if !p.accept("<") {
		return typ, nil
	}
	err := p.typeParameters(&typ)
	return typ, err
}

// longestType passes the longest known type name, or one word.
func (p *parser) longestType() string {
	best, bestLength := "", 0
	for n := 1; n <= 8 && p.ahead(n-1).kind != tokenEnd; n++ {
		name := p.textOf(n)
		_, builtin := typeNames[name]
		_, declared := p.types[name]
		if builtin || declared || name == "Any" {
			best, bestLength = name, n
		}
	}
	if bestLength == 0 && p.peek().kind == tokenWord {
		bestLength = max(wordsOfName(p.tokens[p.at:]), 1)
		best = joinTokens(p.tokens[p.at : p.at+bestLength])
	}
	p.at += bestLength
	return strings.TrimSpace(best)
}

func (p *parser) typeParameters(typ *Type) error {
	switch typ.kind {
	case expr.KindList, expr.KindRange:
		element, err := p.typeName()
		if err != nil {
			return err
		}
		typ.element = &element
		return p.expect(">", "after the type of the elements")
	case expr.KindContext:
		return p.contextType(typ)
	case expr.KindFunction:
		return p.functionType(typ)
	}
	return p.errorf(p.peek().start, "the type %s has no parameters", typ.name)
}

func (p *parser) contextType(typ *Type) error {
	for {
		n := p.nameBefore(":")
		if n == 0 {
			return p.unexpected("the name of an entry and a colon")
		}
		field := Field{Name: p.textOf(n)}
		p.at += n + 1
		var err error
		if field.Type, err = p.typeName(); err != nil {
			return err
		}
		typ.fields = append(typ.fields, field)
		if !p.accept(",") {
			return p.expect(">", "after the entries")
		}
	}
}

func (p *parser) functionType(typ *Type) error {
	typ.arity = 0
	for !p.accept(">") {
		if typ.arity > 0 {
			if err := p.expect(",", "between parameter types"); err != nil {
				return err
			}
		}
		if _, err := p.typeName(); err != nil {
			return err
		}
		typ.arity++
	}
	if !p.accept("->") {
		return nil
	}
	_, err := p.typeName()
	return err
}
