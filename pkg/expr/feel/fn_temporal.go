package feel

import (
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func temporalFunctions() []*builtin {
	return []*builtin{
		function("now", func(c *invocation) expr.Value { return expr.DateTime(c.env.Now) }, ""),
		function("today", func(c *invocation) expr.Value { return dateOf(c.env.Now) }, ""),
		function("date", date, "from", "year, month, day"),
		function("time", timeOf, "from", "hour, minute, second, offset?"),
		function("date and time", dateAndTime, "date, time", "from", "date, timezone"),
		function("years and months duration", yearsAndMonths, "from, to"),
		function("day of week", dateFunction(func(t time.Time) expr.Value { return expr.String(t.Weekday().String()) }), "date"),
		function("day of year", dateFunction(func(t time.Time) expr.Value { return expr.Int(int64(t.YearDay())) }), "date"),
		function("month of year", dateFunction(func(t time.Time) expr.Value { return expr.String(t.Month().String()) }), "date"),
		function("week of year", dateFunction(func(t time.Time) expr.Value {
			_, week := t.ISOWeek()
			return expr.Int(int64(week))
		}), "date"),
		function("last day of month", dateFunction(func(t time.Time) expr.Value {
			return dateOf(time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC))
		}), "date"),
	}
}

// costOfZone is the number of steps that looking up a time zone counts.
const costOfZone = 20

func dateFunction(f func(time.Time) expr.Value) func(*invocation) expr.Value {
	return func(c *invocation) expr.Value {
		if !isPoint(c.args[0]) {
			return c.want(0, "date")
		}
		t, _ := c.args[0].AsTime()
		return f(t)
	}
}

func date(c *invocation) expr.Value {
	if c.n == 3 {
		year, ok1 := c.integer(0)
		month, ok2 := c.integer(1)
		day, ok3 := c.integer(2)
		if !ok1 || !ok2 || !ok3 {
			return expr.Null()
		}
		v, ok := expr.Date(int(year), int(month), int(day))
		if !ok {
			return c.null("there is no day %d-%d-%d", year, month, day)
		}
		return v
	}
	if isPoint(c.args[0]) {
		t, _ := c.args[0].AsTime()
		return dateOf(t)
	}
	return c.parse(expr.ParseDate, "date such as 2024-01-31")
}

func (c *invocation) parse(parse func(string) (expr.Value, bool), what string) expr.Value {
	return c.text1(func(s string) expr.Value {
		if strings.Contains(s, "@") {
			c.charge(costOfZone)
		}
		v, ok := parse(s)
		if !ok {
			return c.null("%q is not a %s", s, what)
		}
		return v
	})
}

func timeOf(c *invocation) expr.Value {
	if c.n >= 3 {
		return c.timeOfParts()
	}
	switch c.args[0].Kind() {
	case expr.KindTime:
		return c.args[0]
	case expr.KindDate:
		return expr.TimeOfDay(0, time.UTC)
	case expr.KindDateTime:
		return expr.TimeOfDay(time.Duration(sinceMidnight(c.args[0])), c.args[0].Zone())
	}
	return c.parse(expr.ParseTime, "time such as 10:30:00")
}

func (c *invocation) timeOfParts() expr.Value {
	hour, ok1 := c.integer(0)
	minute, ok2 := c.integer(1)
	second, ok3 := c.num(2)
	if !ok1 || !ok2 || !ok3 {
		return expr.Null()
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second.Sign() < 0 || expr.CompareNumbers(second, expr.Int(60)) >= 0 {
		return c.null("there is no time %d:%d:%s", hour, minute, second.Text())
	}
	clock := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	seconds, nanos, _ := durationOf(expr.KindDaysTime, second).AsSeconds()
	clock += time.Duration(seconds)*time.Second + time.Duration(nanos)
	if !c.given(3) {
		return expr.TimeOfDay(clock, nil)
	}
	offset, _, ok := c.args[3].AsSeconds()
	if !ok || offset > 18*3600 || offset < -18*3600 {
		return c.want(3, "duration of at most 18 hours")
	}
	return expr.TimeOfDay(clock, expr.FixedZone(int(offset)))
}

func dateAndTime(c *invocation) expr.Value {
	if c.n == 1 {
		return c.dateAndTimeOf(c.args[0])
	}
	if !isPoint(c.args[0]) {
		return c.want(0, "date")
	}
	if id, ok := c.args[1].AsString(); ok {
		return c.inZone(c.args[0], id)
	}
	if c.args[1].Kind() != expr.KindTime {
		return c.want(1, "time")
	}
	day, _ := c.args[0].AsTime()
	return expr.At(dateOf(day), c.args[1])
}

func (c *invocation) dateAndTimeOf(v expr.Value) expr.Value {
	switch v.Kind() {
	case expr.KindDateTime:
		return v
	case expr.KindDate:
		return expr.At(v, expr.TimeOfDay(0, time.UTC))
	}
	return c.parse(func(s string) (expr.Value, bool) {
		if v, ok := expr.ParseDateTime(s); ok {
			return v, true
		}
		day, ok := expr.ParseDate(s)
		if !ok {
			return day, false
		}
		return expr.At(day, expr.TimeOfDay(0, nil)), true
	}, "date and time such as 2024-01-31T10:30:00")
}

// inZone is the same instant seen in another zone; a date and time without a zone
// is put there.
func (c *invocation) inZone(v expr.Value, id string) expr.Value {
	c.charge(costOfZone)
	zone, ok := expr.ParseZone("@" + id)
	if !ok {
		if zone, ok = expr.ParseZone(id); !ok || zone == nil {
			return c.null("%q is not a time zone", id)
		}
	}
	t, _ := v.AsTime()
	if v.Zone() != nil {
		return expr.DateTime(t.In(zone))
	}
	return expr.At(dateOf(t), expr.TimeOfDay(time.Duration(sinceMidnight(v)), zone))
}

// yearsAndMonths counts the whole months between two dates.
func yearsAndMonths(c *invocation) expr.Value {
	if !isPoint(c.args[0]) {
		return c.want(0, "date")
	}
	if !isPoint(c.args[1]) {
		return c.want(1, "date")
	}
	from, _ := c.args[0].AsTime()
	to, _ := c.args[1].AsTime()
	if from.After(to) {
		return expr.Months(-wholeMonths(to, from))
	}
	return expr.Months(wholeMonths(from, to))
}

func wholeMonths(from, to time.Time) int64 {
	months := int64(to.Year()-from.Year())*12 + int64(to.Month()-from.Month())
	rest := to.Day() - from.Day()
	if rest < 0 || rest == 0 && clockOf(to) < clockOf(from) {
		months--
	}
	return months
}

func clockOf(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}
