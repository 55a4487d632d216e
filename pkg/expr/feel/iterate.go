package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// loopSource is what one iterator walks over: the elements of a list, or the steps of low..high.
type loopSource struct {
	slot      int
	low, high code // high nil: low is a list
	site      site
}

func (c *compiler) iterators(list []syntax.Iterator) []loopSource {
	sources := make([]loopSource, len(list))
	for i, it := range list {
		src := loopSource{low: c.node(it.Low), site: c.site(it.Low)}
		if it.High != nil {
			src.high = c.node(it.High)
		}
		src.slot = c.bind(it.Name)
		sources[i] = src
	}
	return sources
}

func (c *compiler) loop(n *syntax.For) code {
	bound := c.bound()
	sources := c.iterators(n.Iterators)
	partial := c.bind("partial")
	body, cost := c.measured(n.Body)
	usesPartial := c.body.bindings[c.bound()-1].used
	c.unbind(bound)
	return func(m *machine) expr.Value {
		results := []expr.Value{}
		ok := m.iterate(sources, func() bool {
			if !m.charge(cost+1) || !m.roomFor(len(results)+1) {
				return false
			}
			if usesPartial {
				m.charge(len(results) / 8)
				m.frame[partial] = expr.List(results[:len(results):len(results)]...)
			}
			results = append(results, body(m))
			return true
		})
		if !ok {
			return expr.Null()
		}
		return m.list(results)
	}
}

func (c *compiler) quantified(n *syntax.Quantified) code {
	bound := c.bound()
	sources := c.iterators(n.Iterators)
	condition, cost := c.measured(n.Condition)
	c.unbind(bound)
	s, decisive := c.site(n), !n.Every
	return func(m *machine) expr.Value {
		result := expr.Bool(n.Every)
		decided := false
		ok := m.iterate(sources, func() bool {
			if !m.charge(cost + 1) {
				return false
			}
			v := condition(m)
			b, isBool := v.AsBool()
			switch {
			case v.IsNull():
				result = v
			case !isBool:
				result, decided = m.null(s, "the condition is %s, not a boolean", v.Describe()), true
			case b == decisive:
				result, decided = v, true
			}
			return !decided
		})
		if !ok && !decided {
			return expr.Null()
		}
		return result
	}
}

// iterate calls each for all combinations, the last iterator fastest. It ends
// early, with false, when each says so or an iterator has nothing to walk over.
func (m *machine) iterate(sources []loopSource, each func() bool) bool {
	if len(sources) == 0 {
		return each()
	}
	src, rest := sources[0], sources[1:]
	return m.walk(src, func(v expr.Value) bool {
		m.frame[src.slot] = v
		return m.iterate(rest, each) && m.err == nil
	})
}

// walk visits the elements of a list, the elements of a range, or low..high in
// either direction.
func (m *machine) walk(src loopSource, visit func(expr.Value) bool) bool {
	low := src.low(m)
	if src.high != nil {
		return m.count(low, src.high(m), src.site, visit)
	}
	if r, ok := low.AsRange(); ok {
		return m.walkRange(r, src.site, visit)
	}
	items, ok := low.AsList()
	if !ok {
		if low.IsNull() {
			m.null(src.site, "null cannot be iterated over")
			return false
		}
		items = []expr.Value{low}
	}
	for _, item := range items {
		if !m.charge(1) || !visit(item) {
			return false
		}
	}
	return true
}

// count visits the integers, or the days, from low to high in either direction.
func (m *machine) count(low, high expr.Value, s site, visit func(expr.Value) bool) bool {
	if bothAre(expr.KindDate, low, high) {
		return m.countDays(low, high, visit)
	}
	from, ok1 := low.AsInt()
	to, ok2 := high.AsInt()
	if !ok1 || !ok2 {
		m.null(s, "%s to %s cannot be iterated over; use integers or dates", low.Describe(), high.Describe())
		return false
	}
	return m.countTo(from, to, func(n int64) bool { return visit(expr.Int(n)) })
}

func (m *machine) countDays(low, high expr.Value, visit func(expr.Value) bool) bool {
	first, _ := low.AsTime()
	last, _ := high.AsTime()
	return m.countTo(0, (last.Unix()-first.Unix())/secondsPerDay, func(n int64) bool {
		day, _ := addTemporal(low, expr.Seconds(n*secondsPerDay, 0))
		return visit(day)
	})
}

// countTo visits the integers between from and to, both included.
func (m *machine) countTo(from, to int64, visit func(int64) bool) bool {
	step := int64(1)
	if from > to {
		step = -1
	}
	for n := from; ; n += step {
		if !m.charge(1) || !visit(n) {
			return false
		}
		if n == to {
			return true
		}
	}
}

// walkRange visits what a range of integers or dates has in it.
func (m *machine) walkRange(r expr.Range, s site, visit func(expr.Value) bool) bool {
	if r.Low.IsNull() || r.High.IsNull() {
		m.null(s, "a range without an end cannot be iterated over")
		return false
	}
	return m.count(r.Low, r.High, s, func(v expr.Value) bool {
		if !m.includes(r, v, s).IsTrue() {
			return true
		}
		return visit(v)
	})
}
