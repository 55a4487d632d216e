// Package syntax reads FEEL: text to tree.
//
// What a name is depends on the names in scope, since names may have spaces and
// operators in them; so the parser keeps them. The package knows nothing of
// evaluation. Start reading at Parse, then parser.go in the order of the grammar.
package syntax

import (
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Options say what is known when a text is parsed.
type Options struct {
	// Names are variables, and entries of contexts, that may have spaces,
	// operators or keywords in their names.
	Names []string
	// Types may be named besides those of FEEL.
	Types map[string]Type
	// Vocabulary holds more of such names, for hosts that parse many texts.
	Vocabulary *Vocabulary
}

// Parse reads an expression. A leading "=", the notation of models, is passed
// over. Errors are *expr.Error.
func Parse(source string, o Options) (Node, error) {
	p, err := newParser(source, o)
	if err != nil {
		return nil, err
	}
	p.accept("=")
	return p.all(p.expression)
}

// ParseUnaryTests reads unary tests: *Any, *Not, *Test or expressions. Errors are
// *expr.Error.
func ParseUnaryTests(source string, o Options) ([]Node, error) {
	p, err := newParser(source, o)
	if err != nil {
		return nil, err
	}
	return p.unaryTests()
}

// maxNesting bounds how deep an expression may nest in its text.
const maxNesting = 200

// maxSource bounds the text of an expression in bytes.
const maxSource = 256 << 10

// functionsWithKeywords are built-in functions whose names have keywords in them;
// all other names of several words need not be known.
var functionsWithKeywords = []string{"date and time", "years and months duration", "get or else"}

// parser is a recursive descent parser of DMN 1.5 section 10.3.1.2.
type parser struct {
	source  string
	tokens  []token
	at      int
	depth   int
	names   *vocabulary     // variables in scope, built-in functions
	members *vocabulary     // names that may follow a dot
	types   map[string]Type // of the host
	filters int             // around what is being read
	// rangeEnd is set while the upper bound of a range is read, where "[" may
	// close it.
	rangeEnd bool
}

func newParser(source string, o Options) (*parser, error) {
	if len(source) > maxSource {
		return nil, expr.ErrorAt("", 0, "the expression has %d bytes; at most %d are allowed", len(source), maxSource)
	}
	tokens, err := tokenize(source)
	if err != nil {
		return nil, err
	}
	p := &parser{source: source, tokens: tokens, names: newVocabulary(), members: newVocabulary(), types: o.Types}
	if v := o.Vocabulary; v != nil {
		p.names.outer, p.members.outer, p.filters = v.names, v.members, v.Filters
	}
	for _, name := range functionsWithKeywords {
		if first, _, _ := strings.Cut(name, " "); strings.Contains(source, first) {
			p.names.add(name, true)
		}
	}
	for _, name := range o.Names {
		p.names.declare(name)
		p.members.declare(name)
	}
	return p, nil
}

// all parses with rule and expects the end of the text after it.
func (p *parser) all(rule func() (Node, error)) (Node, error) {
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
	return expr.ErrorAt(p.source, offset, format, args...)
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
func (p *parser) nested(rule func() (Node, error)) (Node, error) {
	p.depth++
	defer func(rangeEnd bool) { p.depth--; p.rangeEnd = rangeEnd }(p.rangeEnd)
	p.rangeEnd = false
	if p.depth > maxNesting {
		return nil, p.errorf(p.peek().start, "the expression is nested deeper than %d levels", maxNesting)
	}
	return rule()
}

// expression is rule 1 of the grammar.
func (p *parser) expression() (Node, error) { return p.nested(p.disjunction) }

func (p *parser) disjunction() (Node, error) { return p.leftAssociative(p.conjunction, "or") }
func (p *parser) conjunction() (Node, error) { return p.leftAssociative(p.comparison, "and") }
func (p *parser) addition() (Node, error)    { return p.leftAssociative(p.multiplication, "+", "-") }
func (p *parser) multiplication() (Node, error) {
	return p.leftAssociative(p.exponentiation, "*", "/")
}
func (p *parser) exponentiation() (Node, error) { return p.leftAssociative(p.negation, "**") }

func (p *parser) leftAssociative(operand func() (Node, error), ops ...string) (Node, error) {
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
		left = &Binary{at: at(t.start), Op: t.text, Left: left, Right: right}
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

func (p *parser) comparison() (Node, error) {
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
			left = &Binary{at: at(t.start), Op: t.text, Left: left, Right: right}
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

func (p *parser) between(value Node) (Node, error) {
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
	return &Between{at: at(t.start), Value: value, Low: low, High: high}, nil
}

// in reads one unary test, or several in parentheses.
func (p *parser) in(value Node) (Node, error) {
	t := p.next()
	if !p.is("(") || p.startsRange() {
		test, err := p.test(p.addition)
		if err != nil {
			return nil, err
		}
		return &In{at: at(t.start), Value: value, Tests: []Node{test}}, nil
	}
	p.next()
	tests, err := p.tests(p.expression)
	if err != nil {
		return nil, err
	}
	return &In{at: at(t.start), Value: value, Tests: tests}, p.expect(")", "after the tests")
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
func (p *parser) tests(operand func() (Node, error)) ([]Node, error) {
	var tests []Node
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
func (p *parser) test(operand func() (Node, error)) (Node, error) {
	if t := p.peek(); isOneOf(t, comparisons) {
		p.next()
		n, err := p.addition()
		return &Test{at: at(t.start), Op: t.text, Operand: n}, err
	}
	return operand()
}

func (p *parser) negation() (Node, error) {
	t := p.peek()
	if !t.is("-") {
		return p.postfix()
	}
	p.next()
	operand, err := p.nested(p.negation)
	if err != nil {
		return nil, err
	}
	if n, ok := operand.(*Literal); ok && n.Value.Kind() == expr.KindNumber {
		return &Literal{at: at(t.start), Value: expr.Negate(n.Value)}, nil
	}
	return &Negation{at: at(t.start), Operand: operand}, nil
}
