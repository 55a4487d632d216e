package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// rangeFunctions are those of DMN 1.5 section 10.3.4.11 (Allen's relations).
func rangeFunctions() []*builtin {
	return []*builtin{
		relation("before", before, "point1, point2", "point, range", "range, point", "range1, range2"),
		relation("after", func(a, b bounds) truth { return before(b, a) },
			"point1, point2", "point, range", "range, point", "range1, range2"),
		relation("meets", meets, "range1, range2"),
		relation("met by", func(a, b bounds) truth { return meets(b, a) }, "range1, range2"),
		relation("overlaps", overlaps, "range1, range2"),
		relation("overlaps before", overlapsBefore, "range1, range2"),
		relation("overlaps after", func(a, b bounds) truth { return overlapsBefore(b, a) }, "range1, range2"),
		relation("finishes", finishes, "point, range", "range1, range2"),
		relation("finished by", func(a, b bounds) truth { return finishes(b, a) }, "range, point", "range1, range2"),
		relation("includes", func(a, b bounds) truth { return during(b, a) }, "range, point", "range1, range2"),
		relation("during", during, "point, range", "range1, range2"),
		relation("starts", starts, "point, range", "range1, range2"),
		relation("started by", func(a, b bounds) truth { return starts(b, a) }, "range, point", "range1, range2"),
		relation("coincides", coincides, "point1, point2", "range1, range2"),
		function("range", rangeOf, "from"),
	}
}

// bounds is a range, or a point as a closed range of itself.
type bounds struct {
	expr.Range
	point bool
}

// truth is a result with its flaw: values that have no order.
type truth struct{ holds, comparable bool }

func relation(name string, holds func(a, b bounds) truth, signatures ...string) *builtin {
	return function(name, func(c *invocation) expr.Value {
		a, ok1 := c.bounds(0)
		b, ok2 := c.bounds(1)
		if !ok1 || !ok2 {
			return expr.Null()
		}
		result := holds(a, b)
		if !result.comparable {
			return c.null("%s and %s cannot be compared", c.args[0].Describe(), c.args[1].Describe())
		}
		return expr.Bool(result.holds)
	}, signatures...)
}

func (c *invocation) bounds(i int) (bounds, bool) {
	v := c.args[i]
	if r, ok := v.AsRange(); ok {
		return bounds{Range: r}, true
	}
	if _, ordered := expr.Compare(v, v); !ordered {
		c.want(i, "point or range")
		return bounds{}, false
	}
	return bounds{Range: expr.Range{Low: v, High: v, LowClosed: true, HighClosed: true}, point: true}, true
}

// order compares two bounds; a null bound is not comparable.
func order(a, b expr.Value, holds func(order int) bool) truth {
	o, ok := expr.Compare(a, b)
	return truth{holds: ok && holds(o), comparable: ok}
}

func (t truth) and(other truth) truth {
	return truth{holds: t.holds && other.holds, comparable: t.comparable && other.comparable}
}

func fact(b bool) truth { return truth{holds: b, comparable: true} }

func before(a, b bounds) truth {
	return order(a.High, b.Low, func(o int) bool { return o < 0 || o == 0 && !(a.HighClosed && b.LowClosed) })
}

func meets(a, b bounds) truth {
	return fact(a.HighClosed && b.LowClosed).and(order(a.High, b.Low, func(o int) bool { return o == 0 }))
}

func overlaps(a, b bounds) truth {
	return order(a.High, b.Low, func(o int) bool { return o > 0 || o == 0 && a.HighClosed && b.LowClosed }).
		and(order(b.High, a.Low, func(o int) bool { return o > 0 || o == 0 && b.HighClosed && a.LowClosed }))
}

func overlapsBefore(a, b bounds) truth {
	return order(a.Low, b.Low, func(o int) bool { return o < 0 || o == 0 && a.LowClosed && !b.LowClosed }).
		and(order(a.High, b.Low, func(o int) bool { return o > 0 || o == 0 && a.HighClosed && b.LowClosed })).
		and(order(a.High, b.High, func(o int) bool { return o < 0 || o == 0 && (!a.HighClosed || b.HighClosed) }))
}

func finishes(a, b bounds) truth {
	return fact(a.HighClosed == b.HighClosed).
		and(order(a.High, b.High, func(o int) bool { return o == 0 })).
		and(startsWithin(a, b))
}

// startsWithin: a does not begin before b.
func startsWithin(a, b bounds) truth {
	return order(a.Low, b.Low, func(o int) bool { return o > 0 || o == 0 && (!a.LowClosed || b.LowClosed) })
}

func endsWithin(a, b bounds) truth {
	return order(a.High, b.High, func(o int) bool { return o < 0 || o == 0 && (!a.HighClosed || b.HighClosed) })
}

func during(a, b bounds) truth { return startsWithin(a, b).and(endsWithin(a, b)) }

func starts(a, b bounds) truth {
	return fact(a.LowClosed == b.LowClosed).
		and(order(a.Low, b.Low, func(o int) bool { return o == 0 })).
		and(endsWithin(a, b))
}

func coincides(a, b bounds) truth {
	return fact(a.LowClosed == b.LowClosed && a.HighClosed == b.HighClosed).
		and(order(a.Low, b.Low, func(o int) bool { return o == 0 })).
		and(order(a.High, b.High, func(o int) bool { return o == 0 }))
}

// rangeOf reads a range whose bounds are literals, such as "[18..21)".
func rangeOf(c *invocation) expr.Value {
	return c.text1(func(s string) expr.Value {
		v, ok := parseRange(s)
		if !ok {
			return c.null("%q is not a range of literals such as [1..10]", s)
		}
		return v
	})
}

func parseRange(s string) (expr.Value, bool) {
	tree, err := syntax.Parse(s, syntax.Options{})
	if err != nil {
		return expr.Null(), false
	}
	n, ok := tree.(*syntax.Range)
	if !ok {
		return expr.Null(), false
	}
	low, ok1 := constantOf(n.Low)
	high, ok2 := constantOf(n.High)
	if !ok1 || !ok2 || low.IsNull() && high.IsNull() {
		return expr.Null(), false
	}
	if !low.IsNull() && !high.IsNull() {
		if order, comparable := expr.Compare(low, high); !comparable || order > 0 {
			return expr.Null(), false
		}
	}
	return expr.OfRange(expr.Range{Low: low, High: high, LowClosed: n.LowClosed, HighClosed: n.HighClosed}), true
}

// constantOf is a literal, or one of the functions that make a temporal value of
// a string literal.
func constantOf(n syntax.Node) (expr.Value, bool) {
	switch n := n.(type) {
	case *syntax.Literal:
		return n.Value, true
	case *syntax.Call:
		name, isName := n.Callee.(*syntax.Name)
		if !isName || len(n.Args) != 1 {
			return expr.Null(), false
		}
		arg, isLiteral := n.Args[0].Value.(*syntax.Literal)
		if !isLiteral {
			return expr.Null(), false
		}
		text, _ := arg.Value.AsString()
		switch name.Name {
		case "date", "time", "date and time", "duration":
			v := expr.ParseTemporal(text)
			return v, !v.IsNull()
		}
	}
	return expr.Null(), false
}
