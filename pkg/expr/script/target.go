package script

import "github.com/dop251/goja/ast"

// target is what a value is assigned to: a name, a member or a pattern of them.
func (r *rewriter) target(e ast.Expression) {
	switch e := e.(type) {
	case *ast.ArrayPattern:
		if e.Rest != nil {
			r.refuse(e.Rest, "a rest element is not available in patterns; use slice()")
		}
		for i, element := range e.Elements {
			e.Elements[i] = r.element(element)
		}
	case *ast.ObjectPattern:
		if e.Rest != nil {
			r.refuse(e.Rest, "a rest element is not available in patterns; name the properties")
		}
		for _, p := range e.Properties {
			r.patternProperty(p)
		}
	case *ast.Identifier:
		r.identifier(e)
	}
}

// element is a target within a pattern, perhaps with a default.
func (r *rewriter) element(e ast.Expression) ast.Expression {
	switch e := e.(type) {
	case nil:
		return nil
	case *ast.AssignExpression:
		r.target(e.Left)
		e.Right = r.value(e.Right)
	case *ast.Binding:
		r.target(e.Target)
		e.Initializer = r.value(e.Initializer)
	case *ast.ArrayPattern, *ast.ObjectPattern, *ast.Identifier:
		r.target(e)
	default:
		return r.value(e)
	}
	return e
}

func (r *rewriter) patternProperty(p ast.Property) {
	switch p := p.(type) {
	case *ast.PropertyShort:
		r.identifier(&p.Name)
		p.Initializer = r.value(p.Initializer)
	case *ast.PropertyKeyed:
		if p.Computed {
			p.Key = r.value(p.Key)
		}
		p.Value = r.element(p.Value)
	default:
		r.refuse(p, "this is not available in patterns")
	}
}
