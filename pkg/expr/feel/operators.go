package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

func (c *compiler) binary(n *syntax.Binary) code {
	if holds, ok := c.condition(n); ok {
		return func(m *machine) expr.Value { return holds(m).value() }
	}
	left, right, s := c.node(n.Left), c.node(n.Right), c.site(n)
	switch n.Op {
	case "=":
		return func(m *machine) expr.Value { return m.equal(left(m), right(m), s) }
	case "!=":
		return func(m *machine) expr.Value { return not(m.equal(left(m), right(m), s)) }
	case "<", "<=", ">", ">=":
		holds := orderings[n.Op]
		return func(m *machine) expr.Value { return m.compare(left(m), right(m), holds, s) }
	}
	op := arithmetic[n.Op]
	return func(m *machine) expr.Value { return op(m, left(m), right(m), s) }
}

// both is the conjunction of two values.
func both(a, b expr.Value) expr.Value {
	x, xok := a.AsBool()
	y, yok := b.AsBool()
	switch {
	case xok && !x || yok && !y:
		return expr.Bool(false)
	case xok && yok:
		return expr.Bool(true)
	}
	return expr.Null()
}

// not negates a boolean; anything else gives null.
func not(v expr.Value) expr.Value {
	b, ok := v.AsBool()
	if !ok {
		return expr.Null()
	}
	return expr.Bool(!b)
}

func (m *machine) equal(a, b expr.Value, s site) expr.Value {
	if a.Size() > 64 {
		m.work(a)
	}
	equal, ok := expr.Equal(a, b)
	if !ok {
		return m.null(s, "%s and %s cannot be compared", a.Describe(), b.Describe())
	}
	return expr.Bool(equal)
}

// same is equality as lists and unary tests use it: what cannot be compared is
// different.
func (m *machine) same(a, b expr.Value) bool {
	if a.Size() > 64 {
		m.work(a)
	}
	equal, ok := expr.Equal(a, b)
	return equal && ok
}

// ordering is the set of results of a comparison (−1, 0, 1) for which it holds.
type ordering uint8

const (
	less ordering = 1 << iota
	same
	greater
)

var orderings = map[string]ordering{"<": less, "<=": less | same, ">": greater, ">=": greater | same}

func (o ordering) holds(order int) bool { return o>>(order+1)&1 == 1 }

func (m *machine) compare(a, b expr.Value, holds ordering, s site) expr.Value {
	order, ok := expr.Compare(a, b)
	if !ok {
		return m.null(s, "%s and %s have no order", a.Describe(), b.Describe())
	}
	return expr.Bool(holds.holds(order))
}

func (c *compiler) negation(n *syntax.Negation) code {
	operand, s := c.node(n.Operand), c.site(n)
	return func(m *machine) expr.Value {
		v := operand(m)
		switch v.Kind() {
		case expr.KindNumber:
			return expr.Negate(v)
		case expr.KindYearsMonths, expr.KindDaysTime:
			return negateDuration(v)
		}
		return m.null(s, "%s cannot be negated", v.Describe())
	}
}

func (c *compiler) between(n *syntax.Between) code {
	value, low, high, s := c.node(n.Value), c.node(n.Low), c.node(n.High), c.site(n)
	return func(m *machine) expr.Value {
		v := value(m)
		above := m.compare(v, low(m), greater|same, s)
		below := m.compare(v, high(m), less|same, s)
		return both(above, below)
	}
}

type operation func(m *machine, a, b expr.Value, s site) expr.Value

var arithmetic = map[string]operation{
	"+":  (*machine).add,
	"-":  (*machine).subtract,
	"*":  (*machine).multiply,
	"/":  (*machine).divide,
	"**": (*machine).power,
}

func (m *machine) add(a, b expr.Value, s site) expr.Value {
	switch {
	case bothAre(expr.KindNumber, a, b):
		return m.number(expr.Add(a, b), s)
	case bothAre(expr.KindString, a, b):
		x, _ := a.AsString()
		y, _ := b.AsString()
		return m.str(x + y)
	}
	if v, ok := addTemporal(a, b); ok {
		return m.temporal(v, s)
	}
	return m.null(s, "%s and %s cannot be added", a.Describe(), b.Describe())
}

func (m *machine) subtract(a, b expr.Value, s site) expr.Value {
	if bothAre(expr.KindNumber, a, b) {
		return m.number(expr.Subtract(a, b), s)
	}
	if v, ok := subtractTemporal(a, b); ok {
		return m.temporal(v, s)
	}
	return m.null(s, "%s cannot be subtracted from %s", b.Describe(), a.Describe())
}

func (m *machine) multiply(a, b expr.Value, s site) expr.Value {
	if bothAre(expr.KindNumber, a, b) {
		return m.number(expr.Multiply(a, b), s)
	}
	if b.Kind() != expr.KindNumber {
		a, b = b, a
	}
	if v, ok := scaleDuration(a, b); ok {
		return m.temporal(v, s)
	}
	return m.null(s, "%s and %s cannot be multiplied", a.Describe(), b.Describe())
}

func (m *machine) divide(a, b expr.Value, s site) expr.Value {
	if b.Kind() == expr.KindNumber && b.Sign() == 0 {
		return m.null(s, "division by zero")
	}
	if bothAre(expr.KindNumber, a, b) {
		return m.number(expr.Divide(a, b), s)
	}
	if v, ok := divideDuration(a, b); ok {
		return m.temporal(v, s)
	}
	return m.null(s, "%s cannot be divided by %s", a.Describe(), b.Describe())
}

func (m *machine) power(a, b expr.Value, s site) expr.Value {
	if !bothAre(expr.KindNumber, a, b) {
		return m.null(s, "%s cannot be raised to the power of %s", a.Describe(), b.Describe())
	}
	if exponent, ok := b.AsInt(); !ok || exponent > 64 || exponent < -64 {
		m.charge(costOfSeries)
	}
	return m.number(power(a, b), s)
}

// number and temporal say why a result is null.
func (m *machine) number(v expr.Value, s site) expr.Value {
	if v.IsNull() {
		return m.null(s, "the result is not a number that can be represented")
	}
	return v
}

func (m *machine) temporal(v expr.Value, s site) expr.Value {
	if v.IsNull() {
		return m.null(s, "the result is not a date or duration that can be represented")
	}
	return v
}

func bothAre(kind expr.Kind, a, b expr.Value) bool { return a.Kind() == kind && b.Kind() == kind }
