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
		return equalsText(c.node(n.Left), literal.Value, c.site(n)), true
	case isLiteral && isOrdering && literal.Value.Kind() == expr.KindNumber:
		c.cost++
		return comparesNumber(c.node(n.Left), literal.Value, holds, c.site(n)), true
	}
	return nil, false
}

func equalsText(left code, right expr.Value, s site) predicate {
	text, _ := right.AsString()
	return func(m *machine) verdict {
		v := left(m)
		if is, ok := v.AsString(); ok {
			return verdictOf(is == text)
		}
		return judged(m.equal(v, right, s))
	}
}

func comparesNumber(left code, right expr.Value, holds ordering, s site) predicate {
	limit, whole := right.SmallInt()
	return func(m *machine) verdict {
		v := left(m)
		if n, ok := v.SmallInt(); ok && whole {
			return verdictOf(holds.holds(cmp.Compare(n, limit)))
		}
		if v.Kind() == expr.KindNumber {
			return verdictOf(holds.holds(expr.CompareNumbers(v, right)))
		}
		return judged(m.compare(v, right, holds, s))
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
