package syntax

// postfix is a primary followed by paths, filters, calls and instance of.
func (p *parser) postfix() (Node, error) {
	n, err := p.primary()
	for err == nil {
		t := p.peek()
		switch {
		case t.is("."):
			p.next()
			var member string
			member, err = p.member()
			n = &Path{at: at(t.start), Base: n, Member: member}
		case t.is("[") && !(p.rangeEnd && p.closesRange()):
			n, err = p.filter(n)
		case t.is("("):
			n, err = p.call(n)
		case t.is("instance") && p.ahead(1).is("of"):
			p.at += 2
			var typ Type
			typ, err = p.typeName()
			n = &InstanceOf{at: at(t.start), Value: n, Type: typ}
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

func (p *parser) filter(base Node) (Node, error) {
	t := p.next()
	p.filters++
	condition, err := p.expressionWith("item")
	p.filters--
	if err != nil {
		return nil, err
	}
	return &Filter{at: at(t.start), Base: base, Condition: condition}, p.expect("]", "after the filter")
}

// expressionWith parses an expression in which more names are known.
func (p *parser) expressionWith(names ...string) (Node, error) {
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

func (p *parser) call(callee Node) (Node, error) {
	t := p.next()
	c := &Call{at: at(t.start), Callee: callee}
	if p.accept(")") {
		return c, nil
	}
	for {
		arg, err := p.argument()
		if err != nil {
			return nil, err
		}
		if len(c.Args) > 0 && (c.Args[0].Name == "") != (arg.Name == "") {
			return nil, p.errorf(arg.Value.Offset(), "named and positional arguments cannot be mixed")
		}
		c.Args = append(c.Args, arg)
		if !p.accept(",") {
			return c, p.expect(")", "after the arguments")
		}
	}
}

func (p *parser) argument() (Argument, error) {
	var arg Argument
	if n := p.nameBefore(":"); n > 0 {
		arg.Name = p.textOf(n)
		p.at += n + 1
	}
	value, err := p.test(p.expression)
	arg.Value = value
	return arg, err
}
