package script

import (
	"math"
	"strings"
	"time"

	"github.com/dop251/goja"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// dateLibrary has the functions of dates, those of local time being those of UTC.
func dateLibrary() library {
	l := library{object: "Date", proto: true, members: []member{
		{"constructor valueOf getTime setTime toISOString toJSON toUTCString", nil},
		{"toString", formatDate("Mon Jan 02 2006 15:04:05 GMT+0000 (UTC)")},
		{"toDateString", formatDate("Mon Jan 02 2006")},
		{"toTimeString", formatDate("15:04:05 GMT+0000 (UTC)")},
		{"getTimezoneOffset", func(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
			return func(goja.FunctionCall) goja.Value { return m.js.ToValue(0) }
		}},
	}}
	for _, part := range strings.Fields("FullYear Month Date Day Hours Minutes Seconds Milliseconds") {
		l.members = append(l.members, member{"get" + part, inUTC("getUTC" + part)}, member{"getUTC" + part, nil})
		if part != "Day" {
			l.members = append(l.members, member{"set" + part, inUTC("setUTC" + part)}, member{"setUTC" + part, nil})
		}
	}
	return l
}

// inUTC gives a function of local time the work of that of UTC.
func inUTC(name string) wrapper {
	return func(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
		return func(c goja.FunctionCall) goja.Value {
			run, _ := goja.AssertFunction(c.This.ToObject(m.js).Get(name))
			return call(run, c)
		}
	}
}

func formatDate(layout string) wrapper {
	return func(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
		return func(c goja.FunctionCall) goja.Value {
			t, ok := timeOf(c.This)
			if !ok {
				return m.js.ToValue("Invalid Date")
			}
			return m.js.ToValue(t.Format(layout))
		}
	}
}

// timeOf is the instant of a date; ok is false if it has none.
func timeOf(v goja.Value) (time.Time, bool) {
	o, ok := v.(*goja.Object)
	if !ok || o.ClassName() != "Date" {
		return time.Time{}, false
	}
	t, ok := o.Export().(time.Time)
	return t.UTC(), ok
}

func (m *machine) dateValue(o *goja.Object) expr.Value {
	t, ok := timeOf(o)
	if !ok {
		m.fail("an invalid date cannot be a variable")
	}
	return expr.DateTime(t)
}

func (m *machine) nowMillis() int64 { return m.env.Now.UnixMilli() }

func now(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(goja.FunctionCall) goja.Value { return m.js.ToValue(m.nowMillis()) }
}

func parseDateText(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value { return m.js.ToValue(parseDate(textOf(c.Argument(0)))) }
}

// parseDate is the milliseconds since the epoch of a text in ISO 8601 or RFC 1123;
// NaN for any other. Without a zone it is meant in UTC.
func parseDate(s string) float64 {
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15:04Z07:00",
		"2006-01-02", "2006-01", "2006", time.RFC1123, time.RFC1123Z, "Mon Jan 02 2006 15:04:05 GMT-0700 (MST)",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.UnixMilli())
		}
	}
	return math.NaN()
}

// date is the constructor.
func (m *machine) date(original goja.Value, utc goja.Callable) func(goja.ConstructorCall) *goja.Object {
	return func(c goja.ConstructorCall) *goja.Object {
		var millis goja.Value
		switch len(c.Arguments) {
		case 0:
			millis = m.js.ToValue(m.nowMillis())
		case 1:
			millis = m.millisOf(c.Arguments[0])
		default:
			millis = call(utc, goja.FunctionCall{This: original, Arguments: c.Arguments})
		}
		o, err := m.js.New(original, millis)
		if err != nil {
			panic(err)
		}
		return o
	}
}

func (m *machine) millisOf(v goja.Value) goja.Value {
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "Date" {
		value, _ := goja.AssertFunction(o.Get("valueOf"))
		return call(value, goja.FunctionCall{This: o})
	}
	if s, ok := v.(goja.String); ok {
		return m.js.ToValue(parseDate(s.String()))
	}
	return v.ToNumber()
}
