package script

import (
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/dop251/goja"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// maxSafe is the largest integer up to which all are numbers of JavaScript.
const maxSafe = 1<<53 - 1

// inexact is a number of the process that JavaScript would round. It can be passed
// on but not read: within objects and arrays it is a property whose getter fails.
type inexact struct{ v expr.Value }

var inexactType = reflect.TypeFor[*inexact]()

// toJS copies a value into the script.
func (m *machine) toJS(v expr.Value) goja.Value {
	if number, ok := m.exact(v); ok {
		return number
	}
	if v.Kind() == expr.KindNumber {
		m.unreadable(v)
	}
	return m.copied(v)
}

func (m *machine) unreadable(v expr.Value) {
	m.fail("the number %s has more digits than JavaScript can hold; pass it as a string", v.Text())
}

// exact is a number that JavaScript holds without loss.
func (m *machine) exact(v expr.Value) (goja.Value, bool) {
	if v.Kind() != expr.KindNumber {
		return nil, false
	}
	if n, ok := v.AsInt(); ok {
		return m.js.ToValue(n), n <= maxSafe && n >= -maxSafe
	}
	f, ok := v.AsFloat()
	if !ok {
		return nil, false
	}
	back, ok := expr.ParseNumber(strconv.FormatFloat(f, 'g', -1, 64))
	return m.js.ToValue(f), ok && expr.CompareNumbers(v, back) == 0
}

func (m *machine) copied(v expr.Value) goja.Value {
	m.charge(1)
	switch v.Kind() {
	case expr.KindNull:
		return goja.Null()
	case expr.KindBoolean:
		return m.js.ToValue(v.IsTrue())
	case expr.KindString:
		m.charge(int(v.Size() / bytesPerStep))
		return m.js.ToValue(v.Text())
	case expr.KindList:
		items, _ := v.AsList()
		return m.copiedList(items)
	case expr.KindContext:
		c, _ := v.AsContext()
		o := m.js.NewObject()
		for i := range c.Len() {
			key, item := c.At(i)
			m.define(o, key, item)
		}
		return o
	case expr.KindRange, expr.KindFunction:
		m.fail("%s cannot be used in a script", v.Describe())
	}
	return m.js.ToValue(v.Text())
}

func (m *machine) copiedList(items []expr.Value) goja.Value {
	copies := make([]any, len(items))
	var late []int
	for i, item := range items {
		number, ok := m.exact(item)
		switch {
		case ok:
			copies[i] = number
		case item.Kind() == expr.KindNumber:
			late = append(late, i)
		default:
			copies[i] = m.copied(item)
		}
	}
	m.charge(len(items) / 8)
	array := m.js.NewArray(copies...)
	for _, i := range late {
		m.define(array, strconv.Itoa(i), items[i])
	}
	return array
}

// define sets a property to a value of either side.
func (m *machine) define(o *goja.Object, key string, value any) {
	v, ours := value.(expr.Value)
	if !ours {
		m.must(o.DefineDataProperty(key, m.js.ToValue(value), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE))
		return
	}
	if number, ok := m.exact(v); ok {
		m.define(o, key, number)
		return
	}
	if v.Kind() != expr.KindNumber {
		m.define(o, key, m.copied(v))
		return
	}
	get := func(goja.FunctionCall) goja.Value {
		if !m.exporting {
			m.unreadable(v)
		}
		return m.js.ToValue(&inexact{v})
	}
	set := func(call goja.FunctionCall) goja.Value {
		m.define(call.This.ToObject(m.js), key, call.Argument(0))
		return goja.Undefined()
	}
	m.must(o.DefineAccessorProperty(key, m.js.ToValue(get), m.js.ToValue(set), goja.FLAG_TRUE, goja.FLAG_TRUE))
}

func (m *machine) must(err error) {
	if err != nil {
		m.fail("%v", err)
	}
}

// toValue copies a value out of the script. Like JSON it leaves out properties that
// are undefined; unlike JSON it refuses what would be lost.
func (m *machine) toValue(v goja.Value) expr.Value {
	m.exporting = true
	defer func() { m.exporting = false }()
	return m.exported(v, 0)
}

func (m *machine) exported(v goja.Value, depth int) expr.Value {
	m.charge(1)
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return expr.Null()
	}
	if depth > expr.MaxJSONDepth {
		m.fail("a value is nested deeper than %d levels, or contains itself", expr.MaxJSONDepth)
	}
	if o, ok := v.(*goja.Object); ok {
		return m.object(o, depth)
	}
	switch native := v.Export().(type) {
	case bool:
		return expr.Bool(native)
	case int64:
		return expr.Int(native)
	case float64:
		return m.float(native)
	case string:
		m.charge(len(native) / bytesPerStep)
		return expr.String(native)
	}
	m.fail("%s cannot be a variable", v.ExportType())
	return expr.Null()
}

func (m *machine) float(f float64) expr.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		m.fail("%v is not a number that a variable can have", f)
	}
	v, _ := expr.ParseNumber(strconv.FormatFloat(f, 'g', -1, 64))
	return v
}

func (m *machine) object(o *goja.Object, depth int) expr.Value {
	switch class := o.ClassName(); class {
	case "Array", "Arguments":
		return m.array(o, depth)
	case "Object":
		if kept, ok := hostValue(o); ok {
			return kept.v
		}
		m.plain(o)
		return m.properties(o, depth)
	case "Date":
		return m.dateValue(o)
	case "Number", "String", "Boolean":
		return m.exported(m.js.ToValue(o.Export()), depth)
	default:
		m.fail("a %s cannot be a variable; use plain objects and arrays", class)
	}
	return expr.Null()
}

// hostValue is what the getter of an inexact number gave.
func hostValue(o *goja.Object) (*inexact, bool) {
	if o.ExportType() != inexactType {
		return nil, false
	}
	kept, ok := o.Export().(*inexact)
	return kept, ok
}

// plain refuses collections, whose elements are no properties.
func (m *machine) plain(o *goja.Object) {
	if o.ExportType().Kind() == reflect.Slice {
		m.fail("a Map or Set cannot be a variable; make it an object with Object.fromEntries, or an array with Array.from")
	}
}

func (m *machine) array(o *goja.Object, depth int) expr.Value {
	n := lengthOf(o)
	m.room(n)
	items := make([]expr.Value, n)
	for i := range items {
		items[i] = m.exported(o.Get(strconv.Itoa(i)), depth+1)
	}
	return expr.List(items...)
}

func (m *machine) properties(o *goja.Object, depth int) expr.Value {
	keys := o.Keys()
	m.room(len(keys))
	b := expr.NewContextBuilder(len(keys))
	for _, key := range keys {
		v := o.Get(key)
		if v == nil || goja.IsUndefined(v) {
			continue
		}
		if _, isFunction := goja.AssertFunction(v); isFunction {
			m.fail("the property %q is a function, which cannot be a variable", key)
		}
		b.Put(key, m.exported(v, depth+1))
	}
	return b.Build()
}

// room bounds the elements of an array, and counts the work of making them.
func (m *machine) room(items int) {
	if items > m.limits.Items {
		m.fail("an array has more than %d elements", m.limits.Items)
	}
	m.charge(items / 8)
}
