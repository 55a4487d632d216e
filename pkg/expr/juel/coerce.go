package juel

import (
	"cmp"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// boolean coerces to a boolean (EL 2.2 section 1.18.5): null and "" are false.
func (m *machine) boolean(at int, v expr.Value) (bool, error) {
	switch v.Kind() {
	case expr.KindNull:
		return false, nil
	case expr.KindBoolean:
		return v.IsTrue(), nil
	case expr.KindString:
		return strings.EqualFold(v.Text(), "true"), nil
	}
	return false, m.errorf(at, "%s cannot be used as a boolean", v.Describe())
}

// number coerces to a number (EL 2.2 section 1.18.3): null and "" are 0.
func (m *machine) number(at int, v expr.Value) (expr.Value, error) {
	switch v.Kind() {
	case expr.KindNumber:
		return v, nil
	case expr.KindNull:
		return expr.Int(0), nil
	case expr.KindString:
		if v.Text() == "" {
			return expr.Int(0), nil
		}
		if n, ok := expr.ParseNumber(v.Text()); ok {
			return n, nil
		}
	}
	return expr.Null(), m.errorf(at, "%s cannot be used as a number", v.Describe())
}

// equal is == (EL 2.2 section 1.9.2): a number, boolean or string on one side
// coerces the other.
func (m *machine) equal(at int, a, b expr.Value) (bool, error) {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull(), nil
	}
	switch {
	case either(expr.KindNumber, a, b):
		x, err := m.number(at, a)
		if err != nil {
			return false, err
		}
		y, err := m.number(at, b)
		if err != nil {
			return false, err
		}
		return expr.CompareNumbers(x, y) == 0, nil
	case either(expr.KindBoolean, a, b):
		x, err := m.boolean(at, a)
		if err != nil {
			return false, err
		}
		y, err := m.boolean(at, b)
		return x == y, err
	case either(expr.KindString, a, b):
		return a.Text() == b.Text(), nil
	}
	equal, ok := expr.Equal(a, b)
	return equal && ok, nil
}

func either(kind expr.Kind, a, b expr.Value) bool { return a.Kind() == kind || b.Kind() == kind }

// relation is one of < > <= >= (EL 2.2 section 1.9.1): false where a side is null.
func (m *machine) relation(at int, op string, a, b expr.Value) (bool, error) {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull() && len(op) == 2, nil
	}
	order, err := m.compare(at, a, b)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return order < 0, nil
	case ">":
		return order > 0, nil
	case "<=":
		return order <= 0, nil
	}
	return order >= 0, nil
}

func (m *machine) compare(at int, a, b expr.Value) (int, error) {
	if either(expr.KindNumber, a, b) {
		x, err := m.number(at, a)
		if err != nil {
			return 0, err
		}
		y, err := m.number(at, b)
		if err != nil {
			return 0, err
		}
		return expr.CompareNumbers(x, y), nil
	}
	if either(expr.KindString, a, b) {
		return strings.Compare(a.Text(), b.Text()), nil
	}
	if x, ok := a.AsBool(); ok && b.Kind() == expr.KindBoolean {
		return cmp.Compare(rank(x), rank(b.IsTrue())), nil
	}
	order, ok := expr.Compare(a, b)
	if !ok {
		return 0, m.errorf(at, "%s and %s have no order", a.Describe(), b.Describe())
	}
	return order, nil
}

// rank orders booleans as Java does: false comes first.
func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// arithmetic is one of + - * / % (EL 2.2 section 1.7): 0 for two nulls.
func (m *machine) arithmetic(at int, op string, left, right expr.Value) (expr.Value, error) {
	if left.IsNull() && right.IsNull() {
		return expr.Int(0), nil
	}
	a, err := m.number(at, left)
	if err != nil {
		if op == "+" {
			return a, m.errorf(at, `%s and %s cannot be added; use "+=" or text around ${…} to join strings`, left.Describe(), right.Describe())
		}
		return a, err
	}
	b, err := m.number(at, right)
	if err != nil {
		return b, err
	}
	if (op == "/" || op == "%") && b.Sign() == 0 {
		return expr.Null(), m.errorf(at, "division by zero")
	}
	v := compute(op, a, b)
	if v.IsNull() {
		return v, m.errorf(at, "the result is not a number that can be represented")
	}
	return v, nil
}

func compute(op string, a, b expr.Value) expr.Value {
	switch op {
	case "+":
		return expr.Add(a, b)
	case "-":
		return expr.Subtract(a, b)
	case "*":
		return expr.Multiply(a, b)
	case "/":
		return expr.Divide(a, b)
	}
	return remainder(a, b)
}

// remainder has the sign of the dividend, as in Java.
func remainder(a, b expr.Value) expr.Value {
	x, _ := a.AsDecimal()
	y, _ := b.AsDecimal()
	c := expr.DecimalContext()
	var rest apd.Decimal
	if _, err := c.Rem(&rest, x, y); err != nil {
		return expr.Null()
	}
	return expr.Number(&rest)
}
