package script

import (
	"strings"

	"github.com/dop251/goja"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// guardRegExp makes a pattern of a literal.
const guardRegExp = "\x00regexp"

// install makes what is left of the built-in objects, and freezes it.
func (m *machine) install() {
	global := m.js.GlobalObject()
	kept := globalNames()
	for _, l := range libraries() {
		m.restrict(l)
	}
	for _, name := range global.GetOwnPropertyNames() {
		if !kept[name] {
			m.must(global.Delete(name))
		}
	}
	m.functions(global)
	m.constructors(global)
	m.guards(global)
	m.freeze(global)
}

// variables puts those that a script reads into the global object.
func (m *machine) variables(names []string) {
	global := m.js.GlobalObject()
	for _, name := range names {
		if v, ok := m.lookup(name); ok {
			m.define(global, name, v)
		}
	}
}

// fixture is a property that scripts may hide on their objects, as in
// error.name = "x", and therefore cannot be frozen: a frozen property could not.
type fixture struct {
	object *goja.Object
	name   string
	value  goja.Value
}

func (f fixture) holds() bool {
	v := f.object.Get(f.name)
	return v != nil && v.StrictEquals(f.value)
}

// freeze makes built-in objects unchangeable. Prototypes of objects and errors can
// only be added to by nobody; whether their properties are still the same is looked
// at after each evaluation.
func (m *machine) freeze(global *goja.Object) {
	object := global.Get("Object").ToObject(m.js)
	run, _ := goja.AssertFunction(object.Get("freeze"))
	seal, _ := goja.AssertFunction(object.Get("seal"))
	m.evaluation = evaluation{env: &expr.Env{}, limits: expr.Limits{Steps: 1 << 30}.OrDefault()}
	m.own = map[string]bool{}
	for _, name := range global.GetOwnPropertyNames() {
		m.own[name] = true
		v := global.Get(name)
		m.must(global.DefineDataProperty(name, v, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE))
		o, ok := v.(*goja.Object)
		if !ok || o == global {
			continue
		}
		if prototype, ok := o.Get("prototype").(*goja.Object); ok {
			by := run
			if name == "Object" || strings.HasSuffix(name, "Error") {
				by = seal
				m.watch(prototype)
			}
			freezeMembers(run, by, prototype)
		}
		freezeMembers(run, run, o)
	}
	freezeMembers(run, run, object.Prototype())
}

// freezeMembers freezes the functions in an object, and by another way the object.
func freezeMembers(run, by goja.Callable, o *goja.Object) {
	for _, name := range o.GetOwnPropertyNames() {
		if name == "prototype" || name == "size" || name == "constructor" {
			continue // frozen on its own, or a getter that only works on instances
		}
		if f, ok := o.Get(name).(*goja.Object); ok {
			call(run, goja.FunctionCall{Arguments: []goja.Value{f}})
		}
	}
	call(by, goja.FunctionCall{Arguments: []goja.Value{o}})
}

func (m *machine) watch(o *goja.Object) {
	for _, name := range o.GetOwnPropertyNames() {
		m.pristine = append(m.pristine, fixture{o, name, o.Get(name)})
	}
}

// restrict removes what a library does not have, and wraps what it has.
func (m *machine) restrict(l library) {
	o := m.js.GlobalObject().Get(l.object).ToObject(m.js)
	if l.proto {
		o = o.Get("prototype").ToObject(m.js)
	}
	kept := map[string]bool{"length": true, "name": true}
	for _, group := range l.members {
		for _, name := range strings.Fields(group.names) {
			kept[name] = true
			if group.wrap != nil {
				m.wrap(o, name, group.wrap)
			}
		}
	}
	for _, name := range o.GetOwnPropertyNames() {
		if !kept[name] {
			m.must(o.Delete(name))
		}
	}
}

func (m *machine) wrap(o *goja.Object, name string, by wrapper) {
	run, _ := goja.AssertFunction(o.Get(name))
	m.method(o, name, by(m, run))
}

// method sets a function that is not enumerated.
func (m *machine) method(o *goja.Object, name string, f func(goja.FunctionCall) goja.Value) {
	m.must(o.DefineDataProperty(name, m.js.ToValue(f), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE))
}

// functions are those of functions, and the global ones.
func (m *machine) functions(global *goja.Object) {
	function := global.Get("Object").ToObject(m.js).Prototype()
	apply, _ := goja.AssertFunction(function.Get("apply"))
	for _, name := range function.GetOwnPropertyNames() {
		if name != "call" && name != "toString" && name != "length" && name != "name" {
			m.must(function.Delete(name))
		}
	}
	m.method(function, "apply", func(c goja.FunctionCall) goja.Value {
		args := c.Argument(1)
		if !goja.IsUndefined(args) && !goja.IsNull(args) {
			args = m.spread(args)
		}
		return call(apply, goja.FunctionCall{This: c.This, Arguments: []goja.Value{c.Argument(0), args}})
	})
	for _, name := range []string{"isNaN", "isFinite", "parseInt", "parseFloat"} {
		m.wrap(global, name, sized)
	}
	for _, name := range []string{"encodeURIComponent", "decodeURIComponent", "encodeURI", "decodeURI"} {
		m.wrap(global, name, built)
	}
	silent := func(goja.FunctionCall) goja.Value { return goja.Undefined() }
	m.method(global, "print", silent)
	console := m.js.NewObject()
	for _, name := range []string{"log", "info", "warn", "error", "debug"} {
		m.method(console, name, silent)
	}
	m.define(global, "console", console)
}

// constructors replaces those that have to be bounded; what they make still is an
// instance of the original.
func (m *machine) constructors(global *goja.Object) {
	array, date, regExp := global.Get("Array"), global.Get("Date"), global.Get("RegExp")
	utc, _ := goja.AssertFunction(date.ToObject(m.js).Get("UTC"))
	m.replace(global, "Array", array, m.newArray(array))
	m.replace(global, "Date", date, m.date(date, utc))
	m.replace(global, "RegExp", regExp, m.regExp(regExp))
	m.define(global, guardRegExp, global.Get("RegExp"))
}

func (m *machine) replace(global *goja.Object, name string, original goja.Value, by func(goja.ConstructorCall) *goja.Object) {
	old := original.ToObject(m.js)
	made := m.js.ToValue(by).ToObject(m.js)
	prototype := old.Get("prototype").ToObject(m.js)
	m.must(made.DefineDataProperty("prototype", prototype, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE))
	for _, property := range old.GetOwnPropertyNames() {
		if property != "prototype" && property != "length" && property != "name" {
			m.must(made.DefineDataProperty(property, old.Get(property), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE))
		}
	}
	m.must(prototype.DefineDataProperty("constructor", made, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE))
	m.must(global.DefineDataProperty(name, made, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE))
}

// guards are what the rewriter calls.
func (m *machine) guards(global *goja.Object) {
	for name, run := range map[string]func(goja.Value) goja.Value{
		guardStep: func(v goja.Value) goja.Value {
			m.charge(int(v.ToInteger()))
			return goja.Undefined()
		},
		guardText: func(v goja.Value) goja.Value {
			m.text(v)
			return v
		},
		guardPart: func(v goja.Value) goja.Value {
			s := v.ToString()
			m.text(s)
			return s
		},
		guardWeigh: func(v goja.Value) goja.Value {
			if s, ok := v.(goja.String); ok {
				m.charge(s.Length() / bytesPerStep)
			}
			return v
		},
		guardSpread: m.spread,
		guardProps: func(v goja.Value) goja.Value {
			m.properlySized(v)
			return v
		},
	} {
		guarded := func(c goja.FunctionCall) goja.Value { return run(c.Argument(0)) }
		m.must(global.DefineDataProperty(name, m.js.ToValue(guarded), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE))
	}
}
