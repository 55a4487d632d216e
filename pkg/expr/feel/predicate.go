package feel

import (
	"cmp"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// verdict is a boolean or null: what most conditions are made of, without values
// being passed about.
type verdict uint8

const (
	no verdict = iota
	yes
	unknown
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// judged takes whatever is not a boolean for null.
func judged(v expr.Value) verdict {
	b, ok := v.AsBool()
	if !ok {
		return unknown
	}
	return verdictOf(b)
}

func (v verdict) value() expr.Value {
	if v == unknown {
		return expr.Null()
	}
	return expr.Bool(v == yes)
}

type predicate func(m *machine) verdict

// predicate compiles a node of which only the truth counts.
func (c *compiler) predicate(n syntax.Node) predicate {
	if b, ok := n.(*syntax.Binary); ok && c.depth < maxTreeDepth {
		c.depth++
		defer func() { c.depth-- }()
		if p, ok := c.condition(b); ok {
			c.cost++
			return p
		}
	}
	run := c.node(n)
	return func(m *machine) verdict { return judged(run(m)) }
}

// condition compiles and, or, and comparisons with a text or a number; ok is false for
// all others.
func (c *compiler) condition(n *syntax.Binary) (p predicate, ok bool) {
	literal, isLiteral := n.Right.(*syntax.Literal)
	holds, isOrdering := orderings[n.Op]
	switch {
	case n.Op == "and":
		return conjunction(c.predicate(n.Left), c.predicate(n.Right)), true
	case n.Op == "or":
		return disjunction(c.predicate(n.Left), c.predicate(n.Right)), true
	case isLiteral && n.Op == "=" && literal.Value.Kind() == expr.KindString:
		c.cost++
		return equalsText(c.operand(n.Left), literal.Value, c.site(n)), true
	case isLiteral && isOrdering && literal.Value.Kind() == expr.KindNumber:
		c.cost++
		return comparesNumber(c.operand(n.Left), literal.Value, holds, c.site(n)), true
	}
	return nil, false
}

// operand is a value that is only looked at: where it lies, if it does not have to
// be computed.
type operand struct {
	literal *expr.Value
	name    string // of a variable; "" where it needs more than a look into a context
	run     code
}

func (c *compiler) operand(n syntax.Node) operand {
	o := operand{run: c.node(n)}
	switch n := n.(type) {
	case *syntax.Literal:
		o.literal = &n.Value
	case *syntax.Name:
		if c.isFree(n.Name) {
			o.name = n.Name
		}
	}
	return o
}

// at is the value, in the room given unless it lies somewhere.
func (o *operand) at(m *machine, room *expr.Value) *expr.Value {
	switch {
	case o.literal != nil:
		return o.literal
	case o.name != "":
		if variables, ok := m.scope.(*expr.Context); ok {
			if v := variables.Find(o.name); v != nil {
				return v
			}
		}
	}
	*room = o.run(m)
	return room
}

func equalsText(left operand, right expr.Value, s site) predicate {
	text, _ := right.AsString()
	return func(m *machine) verdict {
		var room expr.Value
		v := left.at(m, &room)
		if is, ok := v.AsString(); ok {
			return verdictOf(is == text)
		}
		return judged(m.equal(*v, right, s))
	}
}

func comparesNumber(left operand, right expr.Value, holds ordering, s site) predicate {
	limit, whole := right.SmallInt()
	return func(m *machine) verdict {
		var room expr.Value
		v := left.at(m, &room)
		if n, ok := v.SmallInt(); ok && whole {
			return verdictOf(holds.holds(cmp.Compare(n, limit)))
		}
		if v.Kind() == expr.KindNumber {
			return verdictOf(holds.holds(expr.CompareNumbers(*v, right)))
		}
		return judged(m.compare(*v, right, holds, s))
	}
}

// conjunction is three-valued: false wins over null, whatever is not a boolean
// counts as null (DMN 1.5 table 50).
func conjunction(left, right predicate) predicate {
	return func(m *machine) verdict {
		switch l := left(m); l {
		case no:
			return no
		case yes:
			return right(m)
		}
		if right(m) == no {
			return no
		}
		return unknown
	}
}

func disjunction(left, right predicate) predicate {
	return func(m *machine) verdict {
		switch l := left(m); l {
		case yes:
			return yes
		case no:
			return right(m)
		}
		if right(m) == yes {
			return yes
		}
		return unknown
	}
}
