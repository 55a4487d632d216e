package juel

import (
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// node is a part of a compiled expression.
type node interface {
	eval(m *machine) (expr.Value, error)
}

// machine is one evaluation.
type machine struct {
	env    *expr.Env
	limits expr.Limits
	source string
	steps  int
	bytes  int
}

// resume takes over what has been used so far by evaluations that belong to this.
func (m *machine) resume() {
	if u := m.env.Used; u != nil {
		m.steps, m.bytes = u.Steps, u.Bytes
	}
}

// settle is its counterpart.
func (m *machine) settle() {
	if u := m.env.Used; u != nil {
		u.Steps, u.Bytes = m.steps, m.bytes
	}
}

func (m *machine) errorf(at int, format string, args ...any) error {
	return expr.ErrorAt(m.source, at, format, args...)
}

// charge counts steps, and those it takes to look at all of the values.
func (m *machine) charge(at int, values ...expr.Value) error {
	m.steps++
	for _, v := range values {
		m.steps += int(min(v.Size()/64, 1<<30))
	}
	if m.steps > m.limits.Steps {
		return m.errorf(at, "the evaluation takes more than %d steps", m.limits.Steps)
	}
	return nil
}

// str makes a string within the limit of bytes for all strings being built.
func (m *machine) str(at int, s string) (expr.Value, error) {
	m.bytes += len(s)
	if m.bytes > m.limits.Bytes {
		return expr.Null(), m.errorf(at, "the strings being built take more than %d bytes", m.limits.Bytes)
	}
	return expr.String(s), nil
}

type literal struct{ value expr.Value }

func (n *literal) eval(*machine) (expr.Value, error) { return n.value, nil }

// composite is text with expressions in it.
type composite struct{ parts []node }

func (n *composite) eval(m *machine) (expr.Value, error) {
	var text strings.Builder
	for _, part := range n.parts {
		v, err := part.eval(m)
		if err != nil {
			return expr.Null(), err
		}
		text.WriteString(v.Text())
		if text.Len() > m.limits.Bytes {
			break
		}
	}
	return m.str(0, text.String())
}

type variable struct {
	at   int
	name string
}

func (n *variable) eval(m *machine) (expr.Value, error) {
	if v, ok := m.lookup(n.name); ok {
		return v, m.charge(n.at)
	}
	return expr.Null(), m.errorf(n.at, "no variable is named %q", n.name)
}

func (m *machine) lookup(name string) (expr.Value, bool) {
	if m.env.Scope == nil {
		return expr.Null(), false
	}
	return m.env.Scope.Lookup(name)
}

// property is base.name or base[key].
type property struct {
	at        int
	base, key node
}

func (n *property) eval(m *machine) (expr.Value, error) {
	base, err := n.base.eval(m)
	if err != nil {
		return base, err
	}
	key, err := n.key.eval(m)
	if err != nil {
		return key, err
	}
	if base.IsNull() || key.IsNull() {
		return expr.Null(), m.charge(n.at)
	}
	if items, ok := base.AsList(); ok {
		return m.element(n.at, items, key)
	}
	if c, ok := base.AsContext(); ok {
		v, _ := c.Get(key.Text())
		return v, m.charge(n.at)
	}
	if v, ok := temporalGetter(base, key.Text()); ok {
		return v, m.charge(n.at)
	}
	return expr.Null(), m.errorf(n.at, "%s has no property %q", base.Describe(), key.Text())
}

// element is null outside of the list, as ListELResolver has it.
func (m *machine) element(at int, items []expr.Value, key expr.Value) (expr.Value, error) {
	index, err := m.number(at, key)
	if err != nil {
		return expr.Null(), m.errorf(at, "a list has no property %q; use its index, or size()", key.Text())
	}
	i, ok := index.AsInt()
	if !ok || i < 0 || i >= int64(len(items)) {
		return expr.Null(), nil
	}
	return items[i], m.charge(at)
}

type ternary struct{ condition, then, otherwise node }

func (n *ternary) eval(m *machine) (expr.Value, error) {
	v, err := n.condition.eval(m)
	if err != nil {
		return v, err
	}
	b, err := m.boolean(0, v)
	if err != nil {
		return expr.Null(), err
	}
	if b {
		return n.then.eval(m)
	}
	return n.otherwise.eval(m)
}

type unary struct {
	at      int
	op      string
	operand node
}

func (n *unary) eval(m *machine) (expr.Value, error) {
	v, err := n.operand.eval(m)
	if err != nil {
		return v, err
	}
	switch n.op {
	case "empty":
		return expr.Bool(isEmpty(v)), m.charge(n.at)
	case "!":
		b, err := m.boolean(n.at, v)
		return expr.Bool(!b), err
	}
	number, err := m.number(n.at, v)
	if err != nil {
		return number, err
	}
	return expr.Negate(number), m.charge(n.at)
}

func isEmpty(v expr.Value) bool {
	if items, ok := v.AsList(); ok {
		return len(items) == 0
	}
	if c, ok := v.AsContext(); ok {
		return c.Len() == 0
	}
	s, isString := v.AsString()
	return v.IsNull() || isString && s == ""
}

type binary struct {
	at          int
	op          string
	left, right node
}

func (n *binary) eval(m *machine) (expr.Value, error) {
	left, err := n.left.eval(m)
	if err != nil {
		return left, err
	}
	if n.op == "&&" || n.op == "||" {
		return n.logic(m, left)
	}
	right, err := n.right.eval(m)
	if err != nil {
		return right, err
	}
	if err := m.charge(n.at, left, right); err != nil {
		return expr.Null(), err
	}
	switch n.op {
	case "==", "!=":
		equal, err := m.equal(n.at, left, right)
		return expr.Bool(equal == (n.op == "==")), err
	case "<", ">", "<=", ">=":
		holds, err := m.relation(n.at, n.op, left, right)
		return expr.Bool(holds), err
	case "+=":
		return m.str(n.at, left.Text()+right.Text())
	}
	return m.arithmetic(n.at, n.op, left, right)
}

func (n *binary) logic(m *machine, left expr.Value) (expr.Value, error) {
	l, err := m.boolean(n.at, left)
	if err != nil {
		return expr.Null(), err
	}
	if l == (n.op == "||") {
		return expr.Bool(l), nil
	}
	right, err := n.right.eval(m)
	if err != nil {
		return right, err
	}
	r, err := m.boolean(n.at, right)
	return expr.Bool(r), err
}
