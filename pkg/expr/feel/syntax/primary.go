package syntax

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// primary is an operand: a literal, a name, something in brackets, or an
// expression that begins with a keyword.
func (p *parser) primary() (Node, error) {
	t := p.peek()
	switch t.kind {
	case tokenNumber:
		return p.number()
	case tokenString:
		p.next()
		return &Literal{at: at(t.start), Value: expr.String(t.text)}, nil
	case tokenQuoted:
		p.next()
		return &Name{at: at(t.start), Name: t.text}, nil
	case tokenWord:
		return p.word()
	case tokenSymbol:
		return p.symbol()
	}
	return nil, p.unexpected("a value")
}

func (p *parser) number() (Node, error) {
	t := p.next()
	v, ok := expr.ParseNumber(t.text)
	if !ok {
		return nil, p.errorf(t.start, "%.40s is not a number that can be represented", t.text)
	}
	return &Literal{at: at(t.start), Value: v}, nil
}

func (p *parser) symbol() (Node, error) {
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
		return &Input{at: at(t.start)}, nil
	}
	return nil, p.unexpected("a value")
}

// parenthesis is an expression in parentheses, a range with an open lower bound,
// or a unary test such as (< 5).
func (p *parser) parenthesis() (Node, error) {
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

func (p *parser) list() (Node, error) {
	t := p.next()
	list := &List{at: at(t.start)}
	if p.is("]") && !p.startsOpenRange() {
		p.next()
		return list, nil
	}
	for {
		item, err := p.test(p.expression)
		if err != nil {
			return nil, err
		}
		if p.is("..") && len(list.Items) == 0 {
			return p.rangeFrom(t, item)
		}
		list.Items = append(list.Items, item)
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
func (p *parser) rangeFrom(open token, low Node) (Node, error) {
	if err := p.expect("..", "between the bounds of the range"); err != nil {
		return nil, err
	}
	r := &Range{at: at(open.start), Low: low, LowClosed: open.text == "["}
	p.depth++
	before := p.rangeEnd
	p.rangeEnd = true
	high, err := p.disjunction()
	p.rangeEnd = before
	p.depth--
	if err != nil {
		return nil, err
	}
	r.High = high
	r.HighClosed = p.is("]")
	if !p.accept("]") && !p.accept(")") && !p.accept("[") {
		return nil, p.unexpected(`"]", ")" or "[" to close the range`)
	}
	return r, nil
}

func (p *parser) context() (Node, error) {
	t := p.next()
	c := &Context{at: at(t.start)}
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
		if seen[e.Key] {
			return nil, p.errorf(e.Value.Offset(), "the context has two entries %q", e.Key)
		}
		seen[e.Key] = true
		c.Entries = append(c.Entries, e)
		p.names.declare(e.Key)
		if !p.accept(",") {
			return c, p.expect("}", "to close the context")
		}
	}
}

func (p *parser) entry() (Entry, error) {
	var e Entry
	if t := p.peek(); t.kind == tokenString && p.ahead(1).is(":") {
		e.Key = t.text
		p.at += 2
	} else if n := p.nameBefore(":"); n > 0 {
		e.Key = p.textOf(n)
		p.at += n + 1
	} else {
		return e, p.unexpected("a key and a colon")
	}
	p.members.declare(e.Key)
	value, err := p.expression()
	e.Value = value
	return e, err
}

// temporal is @"…": a date, time, date and time or duration.
func (p *parser) temporal() (Node, error) {
	start := p.next().start
	t := p.next()
	if t.kind != tokenString {
		return nil, p.errorf(start, `@ is to be followed by a string, as in @"2024-01-31"`)
	}
	return &Literal{at: at(start), Value: expr.ParseTemporal(t.text)}, nil
}

// word is a name or an expression that begins with a keyword.
func (p *parser) word() (Node, error) {
	t := p.peek()
	name, n := p.known()
	if n == 0 && keywords[t.text] {
		return p.keyword(t)
	}
	if words := wordsOfName(p.tokens[p.at:]); words > n {
		name, n = joinTokens(p.tokens[p.at:p.at+words]), words
	}
	p.at += n
	return &Name{at: at(t.start), Name: name}, nil
}

func (p *parser) keyword(t token) (Node, error) {
	switch t.text {
	case "true", "false":
		p.next()
		return &Literal{at: at(t.start), Value: expr.Bool(t.text == "true")}, nil
	case "null":
		p.next()
		return &Literal{at: at(t.start), Value: expr.Null()}, nil
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
