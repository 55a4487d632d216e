package syntax

func (p *parser) conditional() (Node, error) {
	n := &If{at: at(p.next().start)}
	var err error
	if n.Condition, err = p.expression(); err != nil {
		return nil, err
	}
	if err := p.expect("then", "after the condition of if"); err != nil {
		return nil, err
	}
	if n.Then, err = p.expression(); err != nil {
		return nil, err
	}
	if err := p.expect("else", "after then; if always has an else"); err != nil {
		return nil, err
	}
	n.Otherwise, err = p.expression()
	return n, err
}

func (p *parser) loop() (Node, error) {
	n := &For{at: at(p.next().start)}
	mark := p.names.mark()
	defer p.names.undo(mark)
	var err error
	if n.Iterators, err = p.iterators(); err != nil {
		return nil, err
	}
	if err := p.expect("return", "after the iterators of for"); err != nil {
		return nil, err
	}
	n.Body, err = p.expressionWith("partial")
	return n, err
}

func (p *parser) quantified() (Node, error) {
	t := p.next()
	n := &Quantified{at: at(t.start), Every: t.text == "every"}
	mark := p.names.mark()
	defer p.names.undo(mark)
	var err error
	if n.Iterators, err = p.iterators(); err != nil {
		return nil, err
	}
	if err := p.expect("satisfies", "after the iterators"); err != nil {
		return nil, err
	}
	n.Condition, err = p.expression()
	return n, err
}

func (p *parser) iterators() ([]Iterator, error) {
	var all []Iterator
	for {
		n := p.nameBefore("in")
		if n == 0 {
			return nil, p.unexpected("a name and \"in\"")
		}
		it := Iterator{Name: p.textOf(n)}
		p.at += n + 1
		var err error
		if it.Low, err = p.expression(); err != nil {
			return nil, err
		}
		if p.accept("..") {
			if it.High, err = p.expression(); err != nil {
				return nil, err
			}
		}
		p.names.declare(it.Name)
		all = append(all, it)
		if !p.accept(",") {
			return all, nil
		}
	}
}

func (p *parser) function() (Node, error) {
	n := &Function{at: at(p.next().start)}
	if err := p.expect("(", "after function"); err != nil {
		return nil, err
	}
	mark := p.names.mark()
	defer p.names.undo(mark)
	for !p.accept(")") {
		if len(n.Params) > 0 {
			if err := p.expect(",", "between parameters"); err != nil {
				return nil, err
			}
		}
		param, err := p.parameter()
		if err != nil {
			return nil, err
		}
		n.Params = append(n.Params, param)
	}
	for _, param := range n.Params {
		p.names.declare(param.Name)
	}
	if t := p.peek(); t.is("external") && p.ahead(1).is("{") {
		return nil, p.errorf(t.start, "external functions (Java, PMML) cannot be called; write the function in FEEL")
	}
	var err error
	n.Body, err = p.expression()
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
