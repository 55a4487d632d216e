package syntax

// unaryTests is rule 17 of the grammar.
func (p *parser) unaryTests() ([]Node, error) {
	if t := p.peek(); t.is("-") && p.ahead(1).kind == tokenEnd {
		p.next()
		return []Node{&Any{at: at(t.start)}}, nil
	}
	if negated, ok := p.negatedTests(); ok {
		return []Node{negated}, nil
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
func (p *parser) negatedTests() (Node, bool) {
	start := p.at
	t := p.peek()
	if t.is("not") && p.ahead(1).is("(") {
		p.at += 2
		tests, err := p.tests(p.expression)
		if err == nil && p.accept(")") && p.peek().kind == tokenEnd {
			return &Not{at: at(t.start), Tests: tests}, true
		}
	}
	p.at = start
	return nil, false
}
