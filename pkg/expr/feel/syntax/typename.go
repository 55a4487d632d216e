package syntax

import (
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

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
	typ := Type{name: kind.String(), kind: kind}
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
	typ.params = []Type{}
	for !p.accept(">") {
		if len(typ.params) > 0 {
			if err := p.expect(",", "between parameter types"); err != nil {
				return err
			}
		}
		param, err := p.typeName()
		if err != nil {
			return err
		}
		typ.params = append(typ.params, param)
	}
	if !p.accept("->") {
		return nil
	}
	_, err := p.typeName()
	return err
}
