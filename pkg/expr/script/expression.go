package script

import (
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

// value walks over an expression and gives what takes its place.
func (r *rewriter) value(e ast.Expression) ast.Expression {
	if e == nil || !r.enter(e) {
		return e
	}
	defer r.leave()
	switch e := e.(type) {
	case *ast.Identifier:
		r.identifier(e)
	case *ast.BinaryExpression:
		return r.binary(e)
	case *ast.AssignExpression:
		return r.assign(e)
	case *ast.CallExpression:
		return r.call(e)
	case *ast.DotExpression:
		e.Left = r.value(e.Left)
		r.member(e)
	case *ast.BracketExpression:
		e.Left, e.Member = r.value(e.Left), r.key(e.Member)
	case *ast.UnaryExpression:
		e.Operand = r.value(e.Operand)
	case *ast.ConditionalExpression:
		e.Test, e.Consequent, e.Alternate = r.value(e.Test), r.value(e.Consequent), r.value(e.Alternate)
	case *ast.SequenceExpression:
		r.values(e.Sequence)
	case *ast.OptionalChain:
		e.Expression = r.value(e.Expression)
	case *ast.Optional:
		e.Expression = r.value(e.Expression)
	default:
		return r.literal(e)
	}
	return e
}

func (r *rewriter) values(list []ast.Expression) {
	for i, e := range list {
		if spread, ok := e.(*ast.SpreadElement); ok {
			spread.Expression = guard(guardSpread, spread.Idx0(), r.value(spread.Expression))
			continue
		}
		list[i] = r.value(e)
	}
}

func (r *rewriter) literal(e ast.Expression) ast.Expression {
	switch e := e.(type) {
	case *ast.ArrayLiteral:
		r.values(e.Value)
	case *ast.ObjectLiteral:
		r.object(e)
	case *ast.FunctionLiteral:
		r.function(e)
	case *ast.ArrowFunctionLiteral:
		r.arrow(e)
	case *ast.TemplateLiteral:
		return r.template(e)
	case *ast.NewExpression:
		r.construction(e)
	case *ast.RegExpLiteral:
		if _, err := translatePattern(e.Pattern, e.Flags); err != nil {
			r.refuse(e, "%v", err)
		}
		return guard(guardRegExp, e.Idx, text(e.Pattern, e.Idx), text(e.Flags, e.Idx))
	case *ast.NumberLiteral:
		r.number(e)
	case *ast.ArrayPattern, *ast.ObjectPattern:
		r.target(e)
	case *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.ThisExpression:
	default:
		r.refuseExpression(e)
	}
	return e
}

func (r *rewriter) refuseExpression(e ast.Expression) {
	switch e.(type) {
	case *ast.ClassLiteral, *ast.SuperExpression, *ast.PrivateDotExpression:
		r.refuse(e, "classes are not available in scripts; use functions and objects")
	case *ast.YieldExpression, *ast.AwaitExpression:
		r.refuse(e, "async functions and generators are not available in scripts; compute the value at once")
	default:
		r.refuse(e, "this expression is not available in scripts")
	}
}

func (r *rewriter) number(e *ast.NumberLiteral) {
	switch e.Value.(type) {
	case int64, float64, int, uint64:
	default:
		r.refuse(e, "BigInt is not available in scripts; use a number, or a string of digits")
	}
}

// comparing are the operators that look at all of a string.
var comparing = map[token.Token]bool{
	token.EQUAL: true, token.NOT_EQUAL: true, token.STRICT_EQUAL: true, token.STRICT_NOT_EQUAL: true,
	token.LESS: true, token.LESS_OR_EQUAL: true, token.GREATER: true, token.GREATER_OR_EQUAL: true, token.IN: true,
}

func (r *rewriter) binary(e *ast.BinaryExpression) ast.Expression {
	weigh := comparing[e.Operator] && !isPlain(e.Left) && !isPlain(e.Right)
	numeric := isNumeric(e.Left) && isNumeric(e.Right)
	e.Left, e.Right = r.value(e.Left), r.value(e.Right)
	if weigh {
		e.Left = guard(guardWeigh, e.Idx0(), e.Left)
	}
	if e.Operator == token.PLUS && !numeric {
		return guard(guardText, e.Idx0(), e)
	}
	return e
}

// isNumeric tells whether an expression surely gives a number.
func isNumeric(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.NumberLiteral:
		return true
	case *ast.BinaryExpression:
		switch e.Operator {
		case token.MINUS, token.MULTIPLY, token.SLASH, token.REMAINDER, token.EXPONENT:
			return true
		case token.PLUS:
			return isNumeric(e.Left) && isNumeric(e.Right)
		}
	}
	return false
}

func (r *rewriter) assign(e *ast.AssignExpression) ast.Expression {
	switch left := e.Left.(type) {
	case *ast.ArrayPattern, *ast.ObjectPattern:
		r.target(left)
	default:
		e.Left = r.value(left)
	}
	e.Right = r.value(e.Right)
	if e.Operator == token.PLUS {
		return guard(guardText, e.Idx0(), e)
	}
	return e
}

// key is a computed name of a member.
func (r *rewriter) key(e ast.Expression) ast.Expression {
	plain := isPlain(e)
	at := e.Idx0()
	if e = r.value(e); plain {
		return e
	}
	return guard(guardWeigh, at, e)
}

func (r *rewriter) call(e *ast.CallExpression) ast.Expression {
	if name, ok := e.Callee.(*ast.Identifier); ok && !r.isDeclared(name.Name) {
		if advice, refused := refusedCalls[name.Name.String()]; refused {
			r.refuse(e, "%s() is not available in scripts; %s", name.Name, advice)
		}
	}
	r.executionCall(e)
	e.Callee = r.value(e.Callee)
	r.values(e.ArgumentList)
	return e
}

// constructors are what may follow new.
var constructors = strings.Fields("Array Date Error EvalError Map Number Object RangeError ReferenceError RegExp Set String SyntaxError TypeError URIError Boolean")

func (r *rewriter) construction(e *ast.NewExpression) {
	r.value(e.Callee) // refuses what is of Java
	name, ok := e.Callee.(*ast.Identifier)
	if !ok || r.isDeclared(name.Name) || !slices.Contains(constructors, name.Name.String()) {
		r.refuse(e, "new is only available for %s; let a function return an object instead", strings.Join(constructors, ", "))
		return
	}
	r.values(e.ArgumentList)
	if name.Name == "Map" || name.Name == "Set" {
		for i, arg := range e.ArgumentList {
			e.ArgumentList[i] = guard(guardSpread, e.New, arg)
		}
	}
}

func (r *rewriter) object(e *ast.ObjectLiteral) {
	for _, p := range e.Value {
		switch p := p.(type) {
		case *ast.PropertyShort:
			r.identifier(&p.Name)
		case *ast.PropertyKeyed:
			r.property(p)
		case *ast.SpreadElement:
			p.Expression = guard(guardProps, p.Idx0(), r.value(p.Expression))
		}
	}
}

func (r *rewriter) property(p *ast.PropertyKeyed) {
	switch {
	case p.Kind == ast.PropertyKindGet || p.Kind == ast.PropertyKindSet:
		r.refuse(p, "getters and setters are not available in scripts; use a property or a function")
	case p.Computed:
		p.Key = r.key(p.Key)
	default:
		if key, ok := p.Key.(*ast.StringLiteral); ok && key.Value == "__proto__" {
			r.refuse(p, "__proto__ is not available in scripts")
		}
	}
	p.Value = r.value(p.Value)
}

func (r *rewriter) template(e *ast.TemplateLiteral) ast.Expression {
	if e.Tag != nil {
		r.refuse(e, "tagged templates are not available in scripts; call the function")
		return e
	}
	for i, part := range e.Expressions {
		e.Expressions[i] = guard(guardPart, e.OpenQuote, r.value(part))
	}
	return guard(guardText, e.OpenQuote, e)
}

// isPlain tells whether a value is surely short: comparing it or adding it costs little.
func isPlain(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.StringLiteral:
		return true
	case *ast.UnaryExpression:
		return true
	case *ast.BinaryExpression:
		return e.Operator != token.PLUS && e.Operator != token.LOGICAL_AND && e.Operator != token.LOGICAL_OR && e.Operator != token.COALESCE
	}
	return false
}
