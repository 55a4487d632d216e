package expr

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. The zero Kind is that of null.
const (
	KindNull Kind = iota
	KindBoolean
	KindNumber
	KindString
	KindDate
	KindTime
	KindDateTime
	KindYearsMonths // years and months duration
	KindDaysTime    // days and time duration
	KindList
	KindContext
	KindRange
	KindFunction
)

var kindNames = [...]string{
	"null", "boolean", "number", "string", "date", "time", "date and time",
	"years and months duration", "days and time duration", "list", "context", "range", "function",
}

// String is the kind's name in FEEL.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return "kind " + strconv.Itoa(int(k))
	}
	return kindNames[k]
}

// Value is an immutable value of an expression: null, boolean, number (decimal,
// 34 digits and more), string, date, time, date and time, either duration, list,
// context, range or function. The zero Value is null. Values are compared with
// Equal, not with ==.
//
// What the fields hold depends on the kind:
//
//	boolean       n is 0 or 1
//	number        n·10^aux, or *apd.Decimal in ref where that does not fit
//	string        s
//	date          n days since 1970-01-01
//	time          n nanoseconds since midnight; ref the zone, nil without one
//	date and time n seconds and aux nanoseconds since the epoch; ref the zone,
//	              without one counted as if the zone were UTC
//	years-months  n months
//	days-time     n seconds and aux nanoseconds, of equal sign
//	list          ref []Value; context *Context; range *Range; function Function;
//	              n their size, aux their depth
type Value struct {
	kind Kind
	aux  int32
	n    int64
	s    string
	ref  any
}

// Range is an interval. A bound that is null is open to infinity.
type Range struct {
	Low, High             Value
	LowClosed, HighClosed bool
}

// Function is a callable value. Only the language that made it can call it.
type Function interface {
	// Parameters are the names of the parameters, in order.
	Parameters() []string
}

// Null is the value null.
func Null() Value { return Value{} }

// Bool makes a boolean.
func Bool(b bool) Value {
	v := Value{kind: KindBoolean}
	if b {
		v.n = 1
	}
	return v
}

// String makes a string.
func String(s string) Value { return Value{kind: KindString, s: s} }

// Int makes a number of an integer.
func Int(n int64) Value { return Value{kind: KindNumber, n: n} }

// List makes a list. The slice is not copied and must not be changed afterwards.
func List(items ...Value) Value {
	size, depth := measure(items)
	return Value{kind: KindList, ref: items, n: size, aux: depth}
}

// OfContext makes a value of a context; nil is the empty context.
func OfContext(c *Context) Value {
	if c == nil {
		c = &Context{}
	}
	size, depth := measure(c.values)
	for _, key := range c.keys {
		size += int64(len(key))
	}
	return Value{kind: KindContext, ref: c, n: size, aux: depth}
}

// OfRange makes a value of a range.
func OfRange(r Range) Value {
	size, depth := measure([]Value{r.Low, r.High})
	return Value{kind: KindRange, ref: &r, n: size, aux: depth}
}

const maxSize = 1 << 40 // sizes stop growing here, so that they never overflow

func measure(items []Value) (size int64, depth int32) {
	size = 1
	for i := range items {
		size = min(size+items[i].Size(), maxSize)
		depth = max(depth, items[i].nesting())
	}
	return size, depth + 1
}

// Size is about the number of bytes of the value as JSON: 1, plus those of its
// strings, plus the sizes of its elements. It is known without looking into
// them, so it bounds the work before it is done.
func (v Value) Size() int64 {
	switch v.kind {
	case KindString:
		return int64(len(v.s)) + 1
	case KindList, KindContext, KindRange:
		return v.n
	}
	return 1
}

// Depth is how deep the value is nested: 0 for scalars, 1 for a list of them.
func (v Value) Depth() int { return int(v.nesting()) }

func (v Value) nesting() int32 {
	switch v.kind {
	case KindList, KindContext, KindRange:
		return v.aux
	}
	return 0
}

// OfFunction makes a value of a function.
func OfFunction(f Function) Value { return Value{kind: KindFunction, ref: f} }

// Kind is the type of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether the value is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsTrue tells whether the value is the boolean true; null and everything else
// is not.
func (v Value) IsTrue() bool { return v.kind == KindBoolean && v.n == 1 }

// AsBool is the boolean; ok is false if the value is not one.
func (v Value) AsBool() (b, ok bool) { return v.n == 1, v.kind == KindBoolean }

// AsString is the string; ok is false if the value is not one.
func (v Value) AsString() (string, bool) { return v.s, v.kind == KindString }

// AsInt is the number as an integer; ok is false if the value is not a number,
// has a fraction or does not fit.
func (v Value) AsInt() (int64, bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	if v.ref == nil && v.aux == 0 {
		return v.n, true
	}
	d := apd.Decimal{}
	d.Set(v.decimal(&apd.Decimal{}))
	d.Reduce(&d)
	if d.Exponent < 0 || d.Exponent > 18 {
		return 0, d.IsZero()
	}
	n, err := d.Int64()
	return n, err == nil
}

// AsFloat is the number as the nearest float64; ok is false if the value is not
// a number.
func (v Value) AsFloat() (float64, bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	f, err := v.decimal(&apd.Decimal{}).Float64()
	return f, err == nil && !math.IsInf(f, 0)
}

// AsList is the elements of the list, not to be changed; ok is false if the
// value is not a list.
func (v Value) AsList() ([]Value, bool) {
	items, ok := v.ref.([]Value)
	return items, ok
}

// AsContext is the context; ok is false if the value is not one.
func (v Value) AsContext() (*Context, bool) {
	c, ok := v.ref.(*Context)
	return c, ok
}

// AsRange is the range; ok is false if the value is not one.
func (v Value) AsRange() (Range, bool) {
	r, ok := v.ref.(*Range)
	if !ok {
		return Range{}, false
	}
	return *r, true
}

// AsFunction is the function; ok is false if the value is not one.
func (v Value) AsFunction() (Function, bool) {
	f, ok := v.ref.(Function)
	return f, ok && v.kind == KindFunction
}

// AsTime is the instant of a date and time, of a date (its midnight) or of a
// string that is either in ISO 8601, where seconds may be missing. Without a zone
// it is meant in UTC.
func (v Value) AsTime() (time.Time, bool) {
	switch v.kind {
	case KindDateTime:
		return time.Unix(v.n, int64(v.aux)).In(v.location()), true
	case KindDate:
		return time.Unix(v.n*secondsPerDay, 0).UTC(), true
	case KindString:
		if parsed, ok := ParseDateTime(withSeconds(v.s)); ok {
			return parsed.AsTime()
		}
		if parsed, ok := ParseDate(v.s); ok {
			return parsed.AsTime()
		}
	}
	return time.Time{}, false
}

// AsDuration is from, advanced by the duration: of either kind, or a string in
// ISO 8601, which may mix all units (P1Y2M3W4DT5H6M7S). Months are added by the
// calendar of from's location; a day that the month does not have becomes its last.
func (v Value) AsDuration(from time.Time) (time.Time, bool) {
	switch v.kind {
	case KindYearsMonths:
		return addMonths(from, v.n)
	case KindDaysTime:
		return addSeconds(from, v.n, v.aux)
	case KindString:
		d, ok := parseISODuration(v.s)
		if !ok {
			return time.Time{}, false
		}
		moved, ok := addMonths(from, d.months)
		if !ok {
			return time.Time{}, false
		}
		return addSeconds(moved, d.seconds, d.nanos)
	}
	return time.Time{}, false
}

// Text is the value as text: a string itself, a number in its shortest form
// (5 and 5.00 both give "5"), a temporal value in ISO 8601, null the empty
// string, lists and contexts as JSON. Correlation keys are made of it.
func (v Value) Text() string {
	switch v.kind {
	case KindNull:
		return ""
	case KindString:
		return v.s
	case KindNumber:
		return v.numberText()
	case KindRange, KindFunction:
		return v.kind.String()
	}
	text, err := v.AppendJSON(nil)
	if err != nil {
		return v.kind.String()
	}
	if n := len(text); n > 1 && text[0] == '"' {
		return string(text[1 : n-1]) // temporal values need no escaping
	}
	return string(text)
}

// String is Text, for logs and tests.
func (v Value) String() string { return v.Text() }

const maxDescribed = 40 // code points of a value in a message

// Describe names the value in a message: its kind and, unless it is composed of
// others, its text, shortened.
func (v Value) Describe() string {
	switch v.kind {
	case KindNull:
		return "null"
	case KindList, KindContext, KindRange, KindFunction:
		return "a " + v.kind.String()
	case KindString:
		return fmt.Sprintf("the string %q", shorten(v.s))
	}
	return "the " + v.kind.String() + " " + shorten(v.Text())
}

func shorten(s string) string {
	runes := []rune(s[:min(len(s), 4*(maxDescribed+1))])
	if len(runes) <= maxDescribed {
		return s
	}
	return string(runes[:maxDescribed]) + "…"
}
