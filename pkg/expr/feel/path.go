package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

func (c *compiler) path(n *syntax.Path) code {
	base, s, member := c.node(n.Base), c.site(n), n.Member
	return func(m *machine) expr.Value {
		v := base(m)
		if items, ok := v.AsList(); ok {
			return m.each(items, member, s)
		}
		if p, ok := property(v, member); ok {
			return p
		}
		return m.null(s, "%s has no entry %q", v.Describe(), member)
	}
}

// each is the member of every element of a list.
func (m *machine) each(items []expr.Value, member string, s site) expr.Value {
	if !m.charge(len(items)) {
		return expr.Null()
	}
	values := make([]expr.Value, len(items))
	for i, item := range items {
		v, ok := property(item, member)
		if !ok {
			v = m.null(s, "%s has no entry %q", item.Describe(), member)
		}
		values[i] = v
	}
	return m.list(values)
}

// property is a member of a context or a property of a temporal value, duration
// or range.
func property(v expr.Value, member string) (expr.Value, bool) {
	switch v.Kind() {
	case expr.KindContext:
		c, _ := v.AsContext()
		return c.Get(member)
	case expr.KindRange:
		r, _ := v.AsRange()
		return rangeProperty(r, member)
	case expr.KindNull:
		return v, false
	}
	return temporalProperty(v, member)
}

func rangeProperty(r expr.Range, member string) (expr.Value, bool) {
	switch member {
	case "start":
		return r.Low, true
	case "end":
		return r.High, true
	case "start included":
		return expr.Bool(r.LowClosed), true
	case "end included":
		return expr.Bool(r.HighClosed), true
	}
	return expr.Null(), false
}

func (c *compiler) filter(n *syntax.Filter) code {
	base := c.node(n.Base)
	bound := c.bound()
	slot := c.body.newSlot()
	c.body.bindings = append(c.body.bindings, binding{name: "item", slot: slot}, binding{slot: slot, dynamic: true})
	condition, cost := c.measured(n.Condition)
	c.unbind(bound)
	f := elementFilter{slot: slot, condition: condition, cost: cost + 1, site: c.site(n)}
	if position, ok := n.Condition.(*syntax.Literal); ok {
		f.isIndex = position.Value.Kind() == expr.KindNumber
	}
	return func(m *machine) expr.Value {
		v := base(m)
		items, isList := v.AsList()
		if !isList && !v.IsNull() {
			items = []expr.Value{v}
		}
		return f.apply(m, items)
	}
}

// elementFilter keeps the elements for which the condition is true, or takes one
// of them if the condition is a number: from 1, or from −1 backwards.
type elementFilter struct {
	slot      int
	condition code
	cost      int
	isIndex   bool // the condition is written as a number
	site      site
}

func (f elementFilter) apply(m *machine, items []expr.Value) expr.Value {
	if len(items) == 0 && f.isIndex {
		return f.index(m, items, f.condition(m))
	}
	kept := []expr.Value{}
	for i, item := range items {
		if !m.charge(f.cost) {
			return expr.Null()
		}
		m.frame[f.slot] = item
		v := f.condition(m)
		if i == 0 && v.Kind() == expr.KindNumber {
			return f.index(m, items, v)
		}
		switch {
		case v.IsTrue():
			kept = append(kept, item)
		case v.Kind() != expr.KindBoolean && !v.IsNull():
			return m.null(f.site, "the filter gives %s, neither a boolean nor a position", v.Describe())
		}
	}
	return m.list(kept)
}

func (f elementFilter) index(m *machine, items []expr.Value, position expr.Value) expr.Value {
	n, ok := position.AsInt()
	count := int64(len(items))
	switch {
	case ok && n >= 1 && n <= count:
		return items[n-1]
	case ok && n <= -1 && n >= -count:
		return items[count+n]
	}
	return m.null(f.site, "the list of %d elements has none at %s", count, position.Text())
}
