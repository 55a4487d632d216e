package feel

import (
	"slices"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// tester applies one unary test to a value: true, false or null.
type tester func(m *machine, input expr.Value) expr.Value

func (c *compiler) in(n *syntax.In) code {
	value := c.operand(n.Value)
	test := c.anyOf(n.Tests)
	texts, onlyTexts := textsOf(n.Tests)
	return func(m *machine) expr.Value {
		var room expr.Value
		v := value.at(m, &room)
		if s, ok := v.AsString(); ok && onlyTexts {
			return expr.Bool(slices.Contains(texts, s))
		}
		return test(m, *v)
	}
}

// textsOf are the strings that tests compare with; ok is false if they do more.
func textsOf(tests []syntax.Node) (texts []string, ok bool) {
	for _, n := range tests {
		literal, isLiteral := n.(*syntax.Literal)
		if !isLiteral || literal.Value.Kind() != expr.KindString {
			return nil, false
		}
		s, _ := literal.Value.AsString()
		texts = append(texts, s)
	}
	return texts, true
}

// anyOf holds if one of the tests holds; null if none does and one is null.
func (c *compiler) anyOf(tests []syntax.Node) tester {
	all := make([]tester, len(tests))
	for i, test := range tests {
		all[i] = c.test(test)
	}
	if len(all) == 1 {
		return all[0]
	}
	return func(m *machine, input expr.Value) expr.Value {
		result := expr.Bool(false)
		for _, test := range all {
			v := test(m, input)
			if v.IsTrue() {
				return v
			}
			if v.IsNull() {
				result = v
			}
		}
		return result
	}
}

func (c *compiler) test(n syntax.Node) tester {
	switch n := n.(type) {
	case *syntax.Test:
		return c.comparisonTest(n)
	case *syntax.Any:
		return func(*machine, expr.Value) expr.Value { return expr.Bool(true) }
	case *syntax.Not:
		inner := c.anyOf(n.Tests)
		return func(m *machine, input expr.Value) expr.Value { return not(inner(m, input)) }
	}
	return c.expressionTest(n)
}

func (c *compiler) comparisonTest(n *syntax.Test) tester {
	c.cost++
	operand, s := c.node(n.Operand), c.site(n)
	switch n.Op {
	case "=":
		return func(m *machine, input expr.Value) expr.Value { return m.equal(input, operand(m), s) }
	case "!=":
		return func(m *machine, input expr.Value) expr.Value { return not(m.equal(input, operand(m), s)) }
	}
	holds := orderings[n.Op]
	return func(m *machine, input expr.Value) expr.Value { return m.compare(input, operand(m), holds, s) }
}

// expressionTest holds if the expression uses ? and is true, or else if its value
// is the input, or a list or range that has the input in it (DMN 1.5 table 55).
func (c *compiler) expressionTest(n syntax.Node) tester {
	if literal, ok := n.(*syntax.Literal); ok {
		c.cost++
		s := c.site(n)
		return func(m *machine, input expr.Value) expr.Value { return m.equal(input, literal.Value, s) }
	}
	bound := c.bound()
	slot := c.bind("?")
	outer := c.usesInput
	c.usesInput = false
	value := c.node(n)
	usesInput := c.usesInput
	c.usesInput = outer
	c.unbind(bound)
	s := c.site(n)
	return func(m *machine, input expr.Value) expr.Value {
		m.frame[slot] = input
		v := value(m)
		if usesInput && (v.Kind() == expr.KindBoolean || v.IsNull()) {
			return v
		}
		return m.holds(v, input, s)
	}
}

// holds tells whether the value of a test admits the input.
func (m *machine) holds(test, input expr.Value, s site) expr.Value {
	if r, ok := test.AsRange(); ok {
		return m.includes(r, input, s)
	}
	items, isList := test.AsList()
	if !isList {
		return m.equal(input, test, s)
	}
	if m.same(input, test) {
		return expr.Bool(true)
	}
	m.charge(len(items))
	for _, item := range items {
		if m.err != nil {
			break
		}
		if r, ok := item.AsRange(); ok && input.Kind() != expr.KindRange {
			if m.includes(r, input, s).IsTrue() {
				return expr.Bool(true)
			}
			continue
		}
		if m.same(input, item) {
			return expr.Bool(true)
		}
	}
	return expr.Bool(false)
}

// includes tells whether a range has v in it; null if that cannot be compared
// with its bounds.
func (m *machine) includes(r expr.Range, v expr.Value, s site) expr.Value {
	low, high := greater, less
	if r.LowClosed {
		low |= same
	}
	if r.HighClosed {
		high |= same
	}
	above, below := expr.Bool(true), expr.Bool(true)
	if !r.Low.IsNull() {
		above = m.compare(v, r.Low, low, s)
	}
	if !r.High.IsNull() {
		below = m.compare(v, r.High, high, s)
	}
	return both(above, below)
}

func (c *compiler) interval(n *syntax.Range) code {
	low, high, s := c.node(n.Low), c.node(n.High), c.site(n)
	return func(m *machine) expr.Value {
		return m.interval(expr.Range{Low: low(m), High: high(m), LowClosed: n.LowClosed, HighClosed: n.HighClosed}, s)
	}
}

// interval checks the bounds of a range: comparable, and in order.
func (m *machine) interval(r expr.Range, s site) expr.Value {
	if !r.Low.IsNull() && !r.High.IsNull() {
		if order, ok := expr.Compare(r.Low, r.High); !ok || order > 0 {
			return m.null(s, "%s to %s is not a range", r.Low.Describe(), r.High.Describe())
		}
	}
	return expr.OfRange(r)
}

// testValue is a unary test used as a value, such as (< 5): a range.
func (c *compiler) testValue(n *syntax.Test) code {
	operand, s := c.node(n.Operand), c.site(n)
	return func(m *machine) expr.Value {
		v := operand(m)
		switch n.Op {
		case "<", "<=":
			return expr.OfRange(expr.Range{High: v, HighClosed: n.Op == "<="})
		case ">", ">=":
			return expr.OfRange(expr.Range{Low: v, LowClosed: n.Op == ">="})
		case "=":
			return expr.OfRange(expr.Range{Low: v, High: v, LowClosed: true, HighClosed: true})
		}
		return m.null(s, "%q without a left side is a test, not a value", n.Op)
	}
}
