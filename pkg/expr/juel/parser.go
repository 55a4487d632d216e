package juel

import (
	"slices"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// maxNesting bounds how deep the tree of an expression may be.
const maxNesting = 500

// parser is a recursive descent parser of EL 2.2 section 1.19.
type parser struct {
	*builder
	tokens []token
	at     int
	depth  int
}

func (b *builder) parse(tokens []token) (node, error) {
	p := &parser{builder: b, tokens: tokens}
	n, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.unexpected("an operator or the end of the expression")
	}
	return n, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

func (p *parser) is(symbol string) bool {
	t := p.peek()
	return t.kind == tokenSymbol && t.text == symbol
}

func (p *parser) accept(symbol string) bool {
	if !p.is(symbol) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(symbol, why string) error {
	if p.accept(symbol) {
		return nil
	}
	return p.unexpected("%q %s", symbol, why)
}

func (p *parser) unexpected(wanted string, args ...any) error {
	t := p.peek()
	if t.kind == tokenEnd {
		return expr.ErrorAt(p.source, t.start, "the expression ends where "+wanted+" is expected", args...)
	}
	return expr.ErrorAt(p.source, t.start, "unexpected %q; expected "+wanted, append([]any{t.text}, args...)...)
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return expr.ErrorAt(p.source, p.peek().start, "the expression is nested deeper than %d levels", maxNesting)
	}
	return nil
}

func (p *parser) ternary() (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	condition, err := p.binary(0)
	if err != nil || !p.is("?") {
		return condition, err
	}
	p.next()
	then, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if err := p.expect(":", "between the branches of ?"); err != nil {
		return nil, err
	}
	otherwise, err := p.ternary()
	return &ternary{condition: condition, then: then, otherwise: otherwise}, err
}

// levels are the binary operators, those that bind weakest first.
var levels = [][]string{{"||"}, {"&&"}, {"==", "!="}, {"<", ">", "<=", ">="}, {"+="}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) binary(level int) (node, error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	depth := p.depth
	defer func() { p.depth = depth }()
	for err == nil {
		t := p.peek()
		if t.kind != tokenSymbol || !slices.Contains(levels[level], t.text) {
			return left, nil
		}
		if err := p.enter(); err != nil {
			return nil, err
		}
		p.next()
		var right node
		right, err = p.binary(level + 1)
		left = &binary{at: t.start, op: t.text, left: left, right: right}
	}
	return nil, err
}

func (p *parser) unary() (node, error) {
	t := p.peek()
	if t.kind != tokenSymbol || !slices.Contains([]string{"!", "-", "empty"}, t.text) {
		return p.postfix()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.next()
	operand, err := p.unary()
	return &unary{at: t.start, op: t.text, operand: operand}, err
}

// postfix is a value followed by properties, indexes and method calls.
func (p *parser) postfix() (node, error) {
	n, err := p.primary()
	depth := p.depth
	defer func() { p.depth = depth }()
	for err == nil {
		if err := p.enter(); err != nil {
			return nil, err
		}
		switch {
		case p.is("."):
			n, err = p.member(n)
		case p.is("["):
			start := p.next().start
			var index node
			if index, err = p.ternary(); err == nil {
				n, err = &property{at: start, base: n, key: index}, p.expect("]", "after the index")
			}
		case p.is("="):
			return nil, expr.ErrorAt(p.source, p.peek().start, `an expression cannot assign; use "==" to compare`)
		default:
			return n, nil
		}
	}
	return nil, err
}

func (p *parser) member(base node) (node, error) {
	p.next()
	t := p.peek()
	if t.kind != tokenWord {
		return nil, p.unexpected("a property or method after the dot")
	}
	p.next()
	if !p.accept("(") {
		return &property{at: t.start, base: base, key: &literal{value: expr.String(t.text)}}, nil
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	return p.method(base, t, args)
}

func (p *parser) arguments() ([]node, error) {
	var args []node
	if p.accept(")") {
		return args, nil
	}
	for {
		arg, err := p.ternary()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if !p.accept(",") {
			return args, p.expect(")", "after the arguments")
		}
	}
}

func (p *parser) primary() (node, error) {
	t := p.peek()
	switch t.kind {
	case tokenNumber:
		return p.number()
	case tokenString:
		p.next()
		return &literal{value: expr.String(t.text)}, nil
	case tokenWord:
		return p.word()
	}
	if !p.accept("(") {
		return nil, p.unexpected("a value")
	}
	n, err := p.ternary()
	if err != nil {
		return nil, err
	}
	return n, p.expect(")", "to close the parenthesis")
}

func (p *parser) number() (node, error) {
	t := p.next()
	text := t.text
	if text[len(text)-1] == '.' {
		text += "0"
	}
	v, ok := expr.ParseNumber(text)
	if !ok {
		return nil, expr.ErrorAt(p.source, t.start, "%.40s is not a number that can be represented", t.text)
	}
	return &literal{value: v}, nil
}

func (p *parser) word() (node, error) {
	t := p.next()
	switch t.text {
	case "true", "false":
		return &literal{value: expr.Bool(t.text == "true")}, nil
	case "null":
		return &literal{value: expr.Null()}, nil
	case "instanceof":
		return nil, expr.ErrorAt(p.source, t.start, "instanceof is reserved and has no meaning")
	}
	if p.is(":") && p.at+2 < len(p.tokens) && p.tokens[p.at+1].kind == tokenWord && p.tokens[p.at+2].text == "(" {
		return nil, expr.ErrorAt(p.source, t.start, "the function %s:%s is not available; %s", t.text, p.tokens[p.at+1].text, availableFunctions)
	}
	if p.accept("(") {
		args, err := p.arguments()
		if err != nil {
			return nil, err
		}
		return p.function(t, args)
	}
	if !slices.Contains(p.names, t.text) && t.text != execution {
		p.names = append(p.names, t.text)
	}
	return &variable{at: t.start, name: t.text}, nil
}
