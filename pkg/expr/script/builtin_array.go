package script

import (
	"strconv"

	"github.com/dop251/goja"
)

func (m *machine) eachOf(array *goja.Object, n int, visit func(goja.Value)) {
	for i := range n {
		v := array.Get(strconv.Itoa(i))
		if v == nil {
			v = goja.Undefined()
		}
		visit(v)
	}
}

// spread makes an array of what can be iterated over.
func (m *machine) spread(v goja.Value) goja.Value {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return v // what takes it will say so
	}
	if o, ok := v.(*goja.Object); ok && isArray(o) {
		n := lengthOf(o)
		m.room(n)
		m.charge(10 + 2*n)
		return v
	}
	items := []any{}
	m.js.ForOf(v, func(item goja.Value) bool {
		m.charge(1)
		items = append(items, item)
		if len(items) > m.limits.Items {
			m.room(len(items))
		}
		return true
	})
	return m.js.NewArray(items...)
}

// arrayFrom is written anew: what claims a length is bounded by it.
func arrayFrom(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		each, mapped := goja.AssertFunction(c.Argument(1))
		source := c.Argument(0)
		items := []any{}
		add := func(v goja.Value) {
			if mapped {
				v = call(each, goja.FunctionCall{This: c.Argument(2), Arguments: []goja.Value{v, m.js.ToValue(len(items))}})
			}
			items = append(items, v)
		}
		if o, ok := source.(*goja.Object); ok && o.ClassName() == "Object" && o.Get("next") == nil {
			n := 0
			if length := o.Get("length"); length != nil {
				n = int(length.ToInteger())
			}
			m.room(n)
			m.charge(n)
			m.eachOf(o, n, add)
		} else {
			array := m.spread(source).ToObject(m.js)
			m.eachOf(array, lengthOf(array), add)
		}
		return m.js.NewArray(items...)
	}
}

// newArray is Array(n) and Array(a, b, …).
func (m *machine) newArray(original goja.Value) func(goja.ConstructorCall) *goja.Object {
	return func(c goja.ConstructorCall) *goja.Object {
		if len(c.Arguments) == 1 {
			switch n := c.Arguments[0].Export().(type) {
			case int64:
				m.room(int(n))
			case float64:
				m.room(int(min(n, 1<<40)))
			}
		}
		m.charge(1 + len(c.Arguments))
		o, err := m.js.New(original, c.Arguments...)
		if err != nil {
			panic(err)
		}
		return o
	}
}

const maxFlat = 20 // levels that flat takes away

func flat(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		depth := int64(1)
		if !goja.IsUndefined(c.Argument(0)) {
			depth = min(c.Argument(0).ToInteger(), maxFlat)
		}
		m.room(m.countFlat(c.This, depth))
		return call(run, goja.FunctionCall{This: c.This, Arguments: []goja.Value{m.js.ToValue(depth)}})
	}
}

// countFlat is the number of elements of the flat array.
func (m *machine) countFlat(v goja.Value, depth int64) int {
	o, ok := v.(*goja.Object)
	if !ok || !isArray(o) {
		return 1
	}
	n := lengthOf(o)
	m.charge(1 + n)
	if depth < 0 {
		return 1
	}
	total := 0
	m.eachOf(o, n, func(item goja.Value) { total += m.countFlat(item, depth-1) })
	return total
}

func flatMap(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		each, ok := goja.AssertFunction(c.Argument(0))
		if !ok {
			return call(run, c)
		}
		total := 0
		counted := func(inner goja.FunctionCall) goja.Value {
			v := call(each, inner)
			if o, isObject := v.(*goja.Object); isObject && isArray(o) {
				total += lengthOf(o)
				m.room(total)
				m.charge(lengthOf(o))
			}
			return v
		}
		m.charge(m.looked(c))
		return call(run, goja.FunctionCall{This: c.This, Arguments: []goja.Value{m.js.ToValue(counted), c.Argument(1)}})
	}
}
