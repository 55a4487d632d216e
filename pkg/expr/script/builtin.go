package script

import (
	"math/bits"
	"strings"

	"github.com/dop251/goja"
)

// wrapper puts the bounds around a built-in function, run being the original; nil
// where it needs none.
type wrapper func(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value

// library is what there is of one built-in object: all else is removed.
type library struct {
	object  string
	proto   bool // of its prototype
	members []member
}

type member struct {
	names string
	wrap  wrapper
}

// globals are the names there are besides those of libraries.
var globals = strings.Fields("undefined NaN Infinity globalThis isNaN isFinite parseInt parseFloat encodeURIComponent decodeURIComponent encodeURI decodeURI " +
	"Error EvalError RangeError ReferenceError SyntaxError TypeError URIError Boolean print console")

// globalNames are the names of all that is built in.
func globalNames() map[string]bool {
	names := map[string]bool{}
	for _, name := range globals {
		names[name] = true
	}
	for _, l := range libraries() {
		names[l.object] = true
	}
	return names
}

func libraries() []library {
	return []library{
		{object: "Object", members: []member{
			{"prototype is hasOwn", nil},
			{"keys values entries getOwnPropertyNames freeze isFrozen seal isSealed", props},
			{"assign", assign}, {"fromEntries", fromEntries},
		}},
		{object: "Object", proto: true, members: []member{{"constructor toString valueOf hasOwnProperty", nil}}},
		{object: "Array", members: []member{{"prototype isArray of", nil}, {"from", arrayFrom}}},
		arrayLibrary(),
		{object: "String", members: []member{{"prototype fromCharCode fromCodePoint", nil}}},
		stringLibrary(),
		{object: "Number", members: []member{
			{"prototype EPSILON MAX_SAFE_INTEGER MIN_SAFE_INTEGER MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger", nil},
			{"parseFloat parseInt", sized},
		}},
		{object: "Number", proto: true, members: []member{{"constructor toString valueOf toFixed toPrecision toExponential", nil}}},
		{object: "Math", members: []member{
			{"E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh atan atanh atan2 cbrt ceil clz32 cos cosh exp expm1 floor fround hypot imul", nil},
			{"log log1p log10 log2 max min pow random round sign sin sinh sqrt tan tanh trunc", nil},
		}},
		{object: "JSON", members: []member{{"parse", parseJSON}, {"stringify", stringify}}},
		{object: "RegExp", members: []member{{"prototype", nil}}},
		{object: "RegExp", proto: true, members: []member{{"constructor source flags global ignoreCase multiline dotAll unicode toString", nil}, {"exec", execPattern}, {"test", testPattern}}},
		{object: "Map", members: []member{{"prototype", nil}}},
		{object: "Map", proto: true, members: []member{{"constructor size clear keys values entries forEach", nil}, {"get set has delete", sized}}},
		{object: "Set", members: []member{{"prototype", nil}}},
		{object: "Set", proto: true, members: []member{{"constructor size clear keys values entries forEach", nil}, {"add has delete", sized}}},
		{object: "Date", members: []member{{"prototype UTC", nil}, {"now", now}, {"parse", parseDateText}}},
		dateLibrary(),
	}
}

func arrayLibrary() library {
	return library{object: "Array", proto: true, members: []member{
		{"constructor length at pop push toString", nil},
		{"every filter find findIndex findLast findLastIndex forEach map reduce reduceRight some keys values entries", sized},
		{"slice splice shift unshift reverse fill copyWithin with toReversed toSpliced concat", moved},
		{"includes indexOf lastIndexOf", searched},
		{"sort toSorted", sortedBy}, {"join", join}, {"flat", flat}, {"flatMap", flatMap},
	}}
}

func stringLibrary() library {
	return library{object: "String", proto: true, members: []member{
		{"constructor length at charAt charCodeAt codePointAt toString valueOf", nil},
		{"slice substring substr trim trimEnd trimStart trimLeft trimRight", sized},
		{"startsWith endsWith includes indexOf lastIndexOf localeCompare", searched},
		{"toLowerCase toUpperCase toLocaleLowerCase toLocaleUpperCase normalize", built},
		{"concat", concatText}, {"repeat", repeat}, {"padStart padEnd", pad},
		{"split", split}, {"match", match}, {"matchAll", matchAll}, {"search", search},
		{"replace", replace(false)}, {"replaceAll", replace(true)},
	}}
}

// call runs the original; what it throws goes on.
func call(run goja.Callable, c goja.FunctionCall) goja.Value {
	v, err := run(c.This, c.Arguments...)
	if err != nil {
		panic(err)
	}
	return v
}

// looked is the number of steps to look at this and all arguments.
func (m *machine) looked(c goja.FunctionCall) int {
	steps := 1 + m.weight(c.This)
	for _, arg := range c.Arguments {
		steps += m.weight(arg)
	}
	return steps
}

// sized looks at everything once.
func sized(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		m.charge(m.looked(c))
		return call(run, c)
	}
}

// arrayLike refuses what claims a length without being an array.
func (m *machine) arrayLike(v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok || isArray(o) {
		return
	}
	switch o.ClassName() {
	case "Map", "Set", "String", "Arguments", "RegExp", "Date":
		return
	}
	if length := o.Get("length"); length != nil && !goja.IsUndefined(length) {
		panic(m.js.NewTypeError("functions of arrays are for arrays; use Array.from"))
	}
}

// moved copies elements without looking at them.
func moved(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		n := 0
		if o, ok := c.This.(*goja.Object); ok && isArray(o) {
			n = lengthOf(o)
		}
		for _, arg := range c.Arguments {
			if o, ok := arg.(*goja.Object); ok && isArray(o) {
				n += lengthOf(o)
			}
		}
		m.charge(1 + len(c.Arguments) + n/2)
		return call(run, c)
	}
}

// built makes text of about the size of what it gets.
func built(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.charge(m.looked(c))
		v := call(run, c)
		m.text(v)
		return v
	}
}

// searched compares a value with each element, or a text with each place in another.
func searched(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		m.charge((1 + m.weight(c.This)) * (1 + m.weight(c.Argument(0))))
		return call(run, c)
	}
}

// sortedBy compares n·log n times.
func sortedBy(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.arrayLike(c.This)
		o := c.This.ToObject(m.js)
		if !isArray(o) {
			return call(run, c)
		}
		n := lengthOf(o)
		rounds := bits.Len(uint(n))
		m.charge(1 + n*rounds/8)
		if goja.IsUndefined(c.Argument(0)) {
			m.charge(rounds * m.textWeight(o, n))
		}
		return call(run, c)
	}
}

// textWeight is the number of steps to look at the texts in an array.
func (m *machine) textWeight(array *goja.Object, n int) int {
	steps := n / 4
	m.charge(steps)
	m.eachOf(array, n, func(v goja.Value) { steps += m.weight(v) })
	return steps
}

// props looks at the properties of an object.
func props(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		m.properlySized(c.Argument(0))
		return call(run, c)
	}
}

// properlySized counts the properties of an object.
func (m *machine) properlySized(v goja.Value) {
	n := 0
	switch v := v.(type) {
	case goja.String:
		n = v.Length()
	case *goja.Object:
		if isArray(v) {
			n = lengthOf(v)
		} else {
			n = len(v.Keys())
		}
	}
	m.charge(1 + n)
}

func assign(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		for _, arg := range c.Arguments {
			m.properlySized(arg)
		}
		return call(run, c)
	}
}

func fromEntries(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if len(c.Arguments) > 0 {
			c.Arguments[0] = m.spread(c.Arguments[0])
		}
		return call(run, c)
	}
}
