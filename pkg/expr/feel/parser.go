package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// maxNesting bounds how deep an expression may nest in its text.
const maxNesting = 200

// maxSource bounds the text of an expression in bytes.
const maxSource = 256 << 10

// parser is a recursive descent parser of DMN 1.5 section 10.3.1.2.
type parser struct {
	source  string
	tokens  []token
	at      int
	depth   int
	names   *vocabulary // variables in scope, built-in functions
	members *vocabulary // names that may follow a dot
	types   map[string]Type
	// rangeEnd is set while the upper bound of a range is read, where "[" may
	// close it.
	rangeEnd bool
}

func newParser(source string, o Options) (*parser, error) {
	if len(source) > maxSource {
		return nil, errorAt("", 0, "the expression has %d bytes; at most %d are allowed", len(source), maxSource)
	}
	tokens, err := tokenize(source)
	if err != nil {
		return nil, err
	}
	p := &parser{source: source, tokens: tokens, names: newVocabulary(), members: newVocabulary(), types: o.Types}
	for _, name := range multiwordBuiltins {
		p.names.add(name, true)
	}
	for _, name := range o.Names {
		p.names.declare(name)
		p.members.declare(name)
	}
	return p, nil
}

// all parses with rule and expects the end of the text after it.
func (p *parser) all(rule func() (node, error)) (node, error) {
	n, err := rule()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.unexpected("an operator or the end of the expression")
	}
	return n, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead is the token n places on, the end token beyond it.
func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// is tells whether the next token is this keyword or symbol.
func (p *parser) is(text string) bool { return p.tokens[p.at].is(text) }

func (t token) is(text string) bool {
	return t.text == text && (t.kind == tokenWord || t.kind == tokenSymbol)
}

// accept passes the keyword or symbol if it is next.
func (p *parser) accept(text string) bool {
	if !p.is(text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(text, why string) error {
	if p.accept(text) {
		return nil
	}
	return p.unexpected("%q %s", text, why)
}

func (p *parser) errorf(offset int, format string, args ...any) error {
	return errorAt(p.source, offset, format, args...)
}

// unexpected reports the next token; wanted says what would be right.
func (p *parser) unexpected(wanted string, args ...any) error {
	t := p.peek()
	if t.kind == tokenEnd {
		return p.errorf(t.start, "the expression ends where "+wanted+" is expected", args...)
	}
	return p.errorf(t.start, "unexpected %q; expected "+wanted, append([]any{p.source[t.start:t.end]}, args...)...)
}

// nested runs a rule one level deeper. A "[" inside is a filter again.
func (p *parser) nested(rule func() (node, error)) (node, error) {
	p.depth++
	defer func(rangeEnd bool) { p.depth--; p.rangeEnd = rangeEnd }(p.rangeEnd)
	p.rangeEnd = false
	if p.depth > maxNesting {
		return nil, p.errorf(p.peek().start, "the expression is nested deeper than %d levels", maxNesting)
	}
	return rule()
}

// expression is rule 1 of the grammar.
func (p *parser) expression() (node, error) { return p.nested(p.disjunction) }

func (p *parser) disjunction() (node, error) { return p.leftAssociative(p.conjunction, "or") }
func (p *parser) conjunction() (node, error) { return p.leftAssociative(p.comparison, "and") }
func (p *parser) addition() (node, error)    { return p.leftAssociative(p.multiplication, "+", "-") }
func (p *parser) multiplication() (node, error) {
	return p.leftAssociative(p.exponentiation, "*", "/")
}
func (p *parser) exponentiation() (node, error) { return p.leftAssociative(p.negation, "**") }

func (p *parser) leftAssociative(operand func() (node, error), ops ...string) (node, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		if !isOneOf(t, ops) {
			return left, nil
		}
		p.next()
		right, err := operand()
		if err != nil {
			return nil, err
		}
		left = &binaryNode{at: at(t.start), op: t.text, left: left, right: right}
	}
}

func isOneOf(t token, texts []string) bool {
	for _, text := range texts {
		if t.is(text) {
			return true
		}
	}
	return false
}

var comparisons = []string{"=", "!=", "<", "<=", ">", ">="}

func (p *parser) comparison() (node, error) {
	left, err := p.addition()
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		switch {
		case isOneOf(t, comparisons):
			p.next()
			right, err := p.addition()
			if err != nil {
				return nil, err
			}
			left = &binaryNode{at: at(t.start), op: t.text, left: left, right: right}
		case t.is("between"):
			left, err = p.between(left)
		case t.is("in"):
			left, err = p.in(left)
		default:
			return left, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) between(value node) (node, error) {
	t := p.next()
	low, err := p.addition()
	if err != nil {
		return nil, err
	}
	if err := p.expect("and", "between the bounds of between"); err != nil {
		return nil, err
	}
	high, err := p.addition()
	if err != nil {
		return nil, err
	}
	return &betweenNode{at: at(t.start), value: value, low: low, high: high}, nil
}

// in reads one unary test, or several in parentheses.
func (p *parser) in(value node) (node, error) {
	t := p.next()
	if !p.is("(") || p.startsRange() {
		test, err := p.test(p.addition)
		if err != nil {
			return nil, err
		}
		return &inNode{at: at(t.start), value: value, tests: []node{test}}, nil
	}
	p.next()
	tests, err := p.tests(p.expression)
	if err != nil {
		return nil, err
	}
	return &inNode{at: at(t.start), value: value, tests: tests}, p.expect(")", "after the tests")
}

// startsRange looks ahead from "(" or "[" whether ".." comes before its closing
// bracket and before a comma.
func (p *parser) startsRange() bool {
	depth := 0
	for i := p.at; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.kind != tokenSymbol:
		case t.text == "..":
			if depth == 1 {
				return true
			}
		case t.text == "(" || t.text == "[" || t.text == "{":
			depth++
		case t.text == ")" || t.text == "]" || t.text == "}":
			if depth--; depth <= 0 {
				return false
			}
		case t.text == "," && depth == 1:
			return false
		}
	}
	return false
}

// tests reads unary tests separated by commas.
func (p *parser) tests(operand func() (node, error)) ([]node, error) {
	var tests []node
	for {
		test, err := p.test(operand)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
		if !p.accept(",") {
			return tests, nil
		}
	}
}

// test is a unary test: a comparison without its left side, or an expression.
func (p *parser) test(operand func() (node, error)) (node, error) {
	if t := p.peek(); isOneOf(t, comparisons) {
		p.next()
		n, err := p.addition()
		return &testNode{at: at(t.start), op: t.text, operand: n}, err
	}
	return operand()
}

func (p *parser) negation() (node, error) {
	t := p.peek()
	if !t.is("-") {
		return p.postfix()
	}
	p.next()
	operand, err := p.nested(p.negation)
	if err != nil {
		return nil, err
	}
	if n, ok := operand.(*literal); ok && n.value.Kind() == expr.KindNumber {
		return &literal{at: at(t.start), value: expr.Negate(n.value)}, nil
	}
	return &unaryNode{at: at(t.start), operand: operand}, nil
}

// postfix is a primary followed by paths, filters, calls and instance of.
func (p *parser) postfix() (node, error) {
	n, err := p.primary()
	for err == nil {
		t := p.peek()
		switch {
		case t.is("."):
			p.next()
			var member string
			member, err = p.member()
			n = &pathNode{at: at(t.start), base: n, member: member}
		case t.is("[") && !(p.rangeEnd && p.closesRange()):
			n, err = p.filter(n)
		case t.is("("):
			n, err = p.call(n)
		case t.is("instance") && p.ahead(1).is("of"):
			p.at += 2
			var typ Type
			typ, err = p.typeName()
			n = &instanceNode{at: at(t.start), value: n, typ: typ}
		default:
			return n, nil
		}
	}
	return nil, err
}

// closesRange tells whether the "[" that is next ends a range rather than
// beginning a filter: what follows cannot begin an expression.
func (p *parser) closesRange() bool {
	t := p.ahead(1)
	switch t.kind {
	case tokenEnd:
		return true
	case tokenSymbol:
		return !isOneOf(t, []string{"(", "[", "{", "-", "?", "@", "<", "<=", ">", ">="})
	case tokenWord:
		return isOneOf(t, []string{"and", "or", "in", "between", "instance", "then", "else", "return", "satisfies"})
	}
	return false
}

func (p *parser) filter(base node) (node, error) {
	t := p.next()
	condition, err := p.expressionWith("item")
	if err != nil {
		return nil, err
	}
	return &filterNode{at: at(t.start), base: base, condition: condition}, p.expect("]", "after the filter")
}

// expressionWith parses an expression in which more names are known.
func (p *parser) expressionWith(names ...string) (node, error) {
	mark := p.names.mark()
	defer p.names.undo(mark)
	for _, name := range names {
		p.names.declare(name)
	}
	return p.expression()
}

// member reads a name after a dot.
func (p *parser) member() (string, error) {
	if t := p.peek(); t.kind == tokenQuoted {
		p.next()
		return t.text, nil
	}
	rest := p.tokens[p.at:]
	name, n := p.members.longest(rest)
	if words := wordsOfName(rest); words > n {
		name, n = joinTokens(rest[:words]), words
	}
	if n == 0 && rest[0].kind == tokenWord {
		name, n = rest[0].text, 1 // a keyword may be a member
	}
	if n == 0 {
		return "", p.unexpected("a name after the dot")
	}
	p.at += n
	return name, nil
}

func (p *parser) call(callee node) (node, error) {
	t := p.next()
	c := &callNode{at: at(t.start), callee: callee}
	if p.accept(")") {
		return c, nil
	}
	for {
		arg, err := p.argument()
		if err != nil {
			return nil, err
		}
		if len(c.args) > 0 && (c.args[0].name == "") != (arg.name == "") {
			return nil, p.errorf(arg.value.offset(), "named and positional arguments cannot be mixed")
		}
		c.args = append(c.args, arg)
		if !p.accept(",") {
			return c, p.expect(")", "after the arguments")
		}
	}
}

func (p *parser) argument() (argument, error) {
	var arg argument
	if n := p.nameBefore(":"); n > 0 {
		arg.name = p.textOf(n)
		p.at += n + 1
	}
	value, err := p.test(p.expression)
	arg.value = value
	return arg, err
}

// nameBefore counts the tokens up to the given symbol if all of them can belong
// to one name; 0 otherwise.
func (p *parser) nameBefore(end string) int {
	for n := 0; ; n++ {
		t := p.ahead(n)
		if t.is(end) {
			return n
		}
		isPart := t.kind == tokenWord || t.kind == tokenNumber && n > 0 ||
			n > 0 && t.kind == tokenSymbol && isOneOf(t, []string{".", "/", "-", "'", "+", "*", "’"})
		if t.kind == tokenQuoted && n == 0 && p.ahead(1).is(end) {
			isPart = true
		}
		if !isPart || p.at+n >= len(p.tokens)-1 {
			return 0
		}
	}
}

// textOf is the name that the next n tokens spell, spaces reduced to one.
func (p *parser) textOf(n int) string {
	if n == 1 {
		return p.peek().text
	}
	name := ""
	for i := range n {
		t := p.ahead(i)
		if i > 0 && p.ahead(i-1).end < t.start {
			name += " "
		}
		name += t.text
	}
	return name
}
