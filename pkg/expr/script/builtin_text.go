package script

import (
	"strconv"
	"strings"

	"github.com/dop251/goja"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// text counts a value if it is a string.
func (m *machine) text(v goja.Value) {
	if s, ok := v.(goja.String); ok {
		m.grow(s.Length())
	}
}

func concatText(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		total := len(textOf(c.This))
		for i, arg := range c.Arguments {
			s := textOf(arg)
			total += len(s)
			c.Arguments[i] = m.js.ToValue(s)
		}
		m.grow(total)
		return call(run, c)
	}
}

func repeat(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		n := c.Argument(0).ToInteger()
		length := int64(len(textOf(c.This)))
		if n > 0 && length > 0 {
			m.grow(int(length * min(n, int64(m.limits.Bytes)+1)))
		}
		return call(run, goja.FunctionCall{This: c.This, Arguments: []goja.Value{m.js.ToValue(n)}})
	}
}

func pad(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		n := c.Argument(0).ToInteger()
		if n > 0 {
			m.grow(int(min(n, int64(m.limits.Bytes)+1)))
		}
		return call(run, goja.FunctionCall{This: c.This, Arguments: append([]goja.Value{m.js.ToValue(n)}, c.Arguments[min(1, len(c.Arguments)):]...)})
	}
}

// join is written anew, since elements that make text of themselves could make any
// amount of it. It is also what makes text of arrays.
func join(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		o := c.This.ToObject(m.js)
		separator := ","
		if !goja.IsUndefined(c.Argument(0)) {
			separator = textOf(c.Argument(0))
		}
		if m.joins++; m.joins > expr.MaxJSONDepth {
			m.fail("an array is nested deeper than %d levels, or contains itself", expr.MaxJSONDepth)
		}
		defer func() { m.joins-- }()
		var b strings.Builder
		n := lengthOf(o)
		m.charge(n)
		for i := range n {
			if i > 0 {
				b.WriteString(separator)
			}
			if v := o.Get(strconv.Itoa(i)); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
				b.WriteString(textOf(v))
			}
			m.short(b.Len())
		}
		m.grow(b.Len())
		return m.js.ToValue(b.String())
	}
}

// short ends the evaluation when a text that is being built has become too long.
func (m *machine) short(bytes int) {
	if bytes > m.limits.Bytes {
		m.grow(bytes)
	}
}

// parseJSON bounds the nesting, since the parser is recursive.
func parseJSON(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s := textOf(c.Argument(0))
		m.charge(1 + len(s)/16)
		if jsonDepth(s) > expr.MaxJSONDepth {
			m.fail("the JSON is nested deeper than %d levels", expr.MaxJSONDepth)
		}
		return call(run, c)
	}
}

func jsonDepth(s string) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// stringify sees each value that the original visits, by way of its replacer.
func stringify(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		replacer, isFunction := goja.AssertFunction(c.Argument(1))
		keys := m.replacerKeys(c.Argument(1))
		depths := map[*goja.Object]int{}
		size := 0
		visit := func(v goja.FunctionCall) goja.Value {
			key, value := v.Argument(0), v.Argument(1)
			holder := v.This.ToObject(m.js)
			switch {
			case isFunction:
				value = call(replacer, v)
			case keys != nil && !isArray(holder) && depths[holder] > 0 && !keys[textOf(key)]:
				return goja.Undefined()
			}
			m.charge(1 + m.weight(value))
			size += len(key.String()) + 4
			if s, ok := value.(goja.String); ok {
				size += s.Length()
			}
			m.short(size)
			if o, ok := value.(*goja.Object); ok {
				depths[o] = max(depths[o], depths[holder]+1)
				if depths[o] > expr.MaxJSONDepth {
					m.fail("a value is nested deeper than %d levels, or contains itself", expr.MaxJSONDepth)
				}
			}
			return value
		}
		v := call(run, goja.FunctionCall{This: c.This, Arguments: []goja.Value{c.Argument(0), m.js.ToValue(visit), c.Argument(2)}})
		m.text(v)
		return v
	}
}

// replacerKeys are the properties to keep, nil for all.
func (m *machine) replacerKeys(v goja.Value) map[string]bool {
	if !isArray(v) {
		return nil
	}
	keys := map[string]bool{}
	o := v.ToObject(m.js)
	m.charge(lengthOf(o))
	m.eachOf(o, lengthOf(o), func(v goja.Value) { keys[textOf(v)] = true })
	return keys
}
