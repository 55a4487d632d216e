package syntax

import (
	"slices"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Type is a type of FEEL as instance of and parameters name it. The zero Type is
// Any.
type Type struct {
	name    string // as in typeNames; "" is Any
	kind    expr.Kind
	element *Type   // of list<…> and range<…>
	fields  []Field // of context<…>
	params  []Type  // of function<…>; nil where they are not given
}

// Field is an entry of a context type.
type Field struct {
	Name string
	Type Type
}

var typeNames = map[string]expr.Kind{
	"Null": expr.KindNull, "null": expr.KindNull, "boolean": expr.KindBoolean, "number": expr.KindNumber, "string": expr.KindString,
	"date": expr.KindDate, "time": expr.KindTime, "date and time": expr.KindDateTime, "dateTime": expr.KindDateTime,
	"years and months duration": expr.KindYearsMonths, "year month duration": expr.KindYearsMonths, "yearMonthDuration": expr.KindYearsMonths,
	"days and time duration": expr.KindDaysTime, "day time duration": expr.KindDaysTime, "dayTimeDuration": expr.KindDaysTime,
	"list": expr.KindList, "context": expr.KindContext, "range": expr.KindRange, "function": expr.KindFunction,
}

// IsAny tells whether every value is of the type.
func (t Type) IsAny() bool { return t.name == "" }

// ListOf is the type of lists of elements of a type.
func ListOf(element Type) Type {
	return Type{name: expr.KindList.String(), kind: expr.KindList, element: &element}
}

// ContextOf is the type of contexts that have at least the given entries.
func ContextOf(fields ...Field) Type {
	return Type{name: expr.KindContext.String(), kind: expr.KindContext, fields: fields}
}

// FunctionOf is the type of functions that can be called with arguments of the types.
func FunctionOf(params ...Type) Type {
	return Type{name: expr.KindFunction.String(), kind: expr.KindFunction, params: append([]Type{}, params...)}
}

// ParseType reads a type as it is written after instance of; types are those of
// the host.
func ParseType(text string, types map[string]Type) (Type, error) {
	p, err := newParser(text, Options{Types: types})
	if err != nil {
		return Type{}, err
	}
	t, err := p.typeName()
	if err == nil && p.peek().kind != tokenEnd {
		err = p.unexpected("the end of the type")
	}
	return t, err
}

// String is the type as it is written.
func (t Type) String() string {
	switch {
	case t.name == "":
		return "Any"
	case t.element != nil:
		return t.name + "<" + t.element.String() + ">"
	case t.fields != nil:
		fields := make([]string, len(t.fields))
		for i, f := range t.fields {
			fields[i] = f.Name + ": " + f.Type.String()
		}
		return t.name + "<" + strings.Join(fields, ", ") + ">"
	}
	return t.name
}

// Contains tells whether v is of the type. Null is of the types Null and Any
// alone.
func (t Type) Contains(v expr.Value) bool {
	if t.name == "" {
		return !v.IsNull()
	}
	if v.Kind() != t.kind {
		return false
	}
	switch t.kind {
	case expr.KindList:
		return t.containsItems(v)
	case expr.KindContext:
		return t.containsFields(v)
	case expr.KindRange:
		r, _ := v.AsRange()
		return t.element == nil || t.element.conforms(r.Low) && t.element.conforms(r.High)
	case expr.KindFunction:
		f, _ := v.AsFunction()
		return t.params == nil || t.accepts(f)
	}
	return true
}

// accepts tells whether a function can be called as the type says: its parameters
// take what the type's parameters give (DMN 1.5 section 10.3.2.9.2). Those of
// built-in functions are counted only.
func (t Type) accepts(f expr.Function) bool {
	if len(f.Parameters()) != len(t.params) {
		return false
	}
	typed, ok := f.(interface{ ParameterTypes() []Type })
	if !ok {
		return true
	}
	for i, declared := range typed.ParameterTypes() {
		if !t.params[i].conformsTo(declared) {
			return false
		}
	}
	return true
}

// conformsTo tells whether every value of the type is one of the other.
func (t Type) conformsTo(other Type) bool {
	if other.IsAny() {
		return true
	}
	if t.IsAny() || t.kind != other.kind {
		return t.kind == expr.KindNull && !t.IsAny()
	}
	if other.element != nil && (t.element == nil || !t.element.conformsTo(*other.element)) {
		return false
	}
	for _, wanted := range other.fields {
		at := slices.IndexFunc(t.fields, func(f Field) bool { return f.Name == wanted.Name })
		if at < 0 || !t.fields[at].Type.conformsTo(wanted.Type) {
			return false
		}
	}
	return other.params == nil || len(t.params) == len(other.params)
}

// conforms is Contains where null is allowed, as it is for parts of a value.
func (t Type) conforms(v expr.Value) bool { return v.IsNull() || t.Contains(v) }

func (t Type) containsItems(v expr.Value) bool {
	items, _ := v.AsList()
	if t.element == nil {
		return true
	}
	for _, item := range items {
		if !t.element.conforms(item) {
			return false
		}
	}
	return true
}

func (t Type) containsFields(v expr.Value) bool {
	c, _ := v.AsContext()
	for _, f := range t.fields {
		field, found := c.Get(f.Name)
		if !found || !f.Type.conforms(field) {
			return false
		}
	}
	return true
}

// Coerce makes v fit the type as an argument or result does (DMN 1.5 section
// 10.3.2.9.4): a list of one and its element stand for each other, a date is a
// date and time at midnight. ok is false where v does not conform.
func (t Type) Coerce(v expr.Value) (expr.Value, bool) {
	if t.IsAny() || t.conforms(v) {
		return v, true
	}
	if items, isList := v.AsList(); isList && len(items) == 1 && t.conforms(items[0]) {
		return items[0], true
	}
	if t.kind == expr.KindList && t.Contains(expr.List(v)) {
		return expr.List(v), true
	}
	if t.kind == expr.KindDateTime && v.Kind() == expr.KindDate {
		return expr.At(v, expr.TimeOfDay(0, expr.FixedZone(0))), true
	}
	return expr.Null(), false
}
