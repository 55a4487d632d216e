package feel

import "github.com/barnabas-project/barnabas/pkg/expr"

// UnaryTests are compiled unary tests, the content of an input entry of a
// decision table: "-", "< 5", "[1..3], 7", not("a", "b"), contains(?, "x"). They are
// immutable and safe for concurrent use.
type UnaryTests struct{ expression *Expression }

// CompileUnaryTests compiles unary tests. Errors are *expr.Error.
func CompileUnaryTests(text string) (*UnaryTests, error) { return Options{}.CompileUnaryTests(text) }

// CompileUnaryTests compiles unary tests.
func (o Options) CompileUnaryTests(text string) (*UnaryTests, error) {
	p, err := newParser(text, o)
	if err != nil {
		return nil, err
	}
	tests, err := p.unaryTests()
	if err != nil {
		return nil, err
	}
	c := newCompiler(text, o)
	test := c.anyOf(tests)
	e, err := c.expression(func(m *machine) expr.Value { return test(m, m.frame[inputSlot]) })
	if err != nil {
		return nil, err
	}
	return &UnaryTests{expression: e}, nil
}

// Test applies the tests to input: true if one of them holds, false if none does,
// null if that cannot be told since kinds do not fit.
func (u *UnaryTests) Test(env *expr.Env, input expr.Value) (expr.Value, error) {
	return u.expression.evaluate(env, input)
}

// Source is the text that was compiled.
func (u *UnaryTests) Source() string { return u.expression.source }

// Names are the variables that the tests read, as Expression.Names.
func (u *UnaryTests) Names() []string { return u.expression.names }

// unaryTests is rule 17 of the grammar.
func (p *parser) unaryTests() ([]node, error) {
	if t := p.peek(); t.is("-") && p.ahead(1).kind == tokenEnd {
		p.next()
		return []node{&anyNode{at: at(t.start)}}, nil
	}
	if negated, ok := p.negatedTests(); ok {
		return []node{negated}, nil
	}
	tests, err := p.tests(p.expression)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenEnd {
		return nil, p.unexpected("a comma or the end of the tests")
	}
	return tests, nil
}

// negatedTests reads not(…) if that is all there is; otherwise not is the
// function, as in not(a) and b.
func (p *parser) negatedTests() (node, bool) {
	start := p.at
	t := p.peek()
	if t.is("not") && p.ahead(1).is("(") {
		p.at += 2
		tests, err := p.tests(p.expression)
		if err == nil && p.accept(")") && p.peek().kind == tokenEnd {
			return &notNode{at: at(t.start), tests: tests}, true
		}
	}
	p.at = start
	return nil, false
}
