package feel

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

const secondsPerDay = 24 * 60 * 60

// addTemporal is a + b where at least one is a duration; ok is false if the kinds
// do not add, null is a result out of range (DMN 1.5 table 57).
func addTemporal(a, b expr.Value) (v expr.Value, ok bool) {
	if !isDuration(b) {
		a, b = b, a
	}
	if !isDuration(b) {
		return expr.Null(), false
	}
	if a.Kind() == b.Kind() {
		return addDurations(a, b), true
	}
	return addDuration(a, b)
}

func isDuration(v expr.Value) bool {
	return v.Kind() == expr.KindYearsMonths || v.Kind() == expr.KindDaysTime
}

func addDurations(a, b expr.Value) expr.Value {
	if months, ok := a.AsMonths(); ok {
		more, _ := b.AsMonths()
		return expr.Months(months + more)
	}
	seconds, nanos, _ := a.AsSeconds()
	moreSeconds, moreNanos, _ := b.AsSeconds()
	return expr.Seconds(seconds+moreSeconds, nanos+moreNanos)
}

// addDuration moves a date, time, or date and time by a duration.
func addDuration(a, d expr.Value) (expr.Value, bool) {
	switch a.Kind() {
	case expr.KindDate, expr.KindDateTime:
		from, _ := a.AsTime()
		moved, ok := d.AsDuration(from)
		if !ok {
			return expr.Null(), true
		}
		if a.Kind() == expr.KindDate {
			return dateOf(moved), true
		}
		return inZoneOf(a, moved), true
	case expr.KindTime:
		if d.Kind() != expr.KindDaysTime {
			return expr.Null(), false
		}
		return moveTime(a, d), true
	}
	return expr.Null(), false
}

func dateOf(t time.Time) expr.Value {
	v, _ := expr.Date(t.Year(), int(t.Month()), t.Day())
	return v
}

// inZoneOf is t as a date and time that has a zone if v has one.
func inZoneOf(v expr.Value, t time.Time) expr.Value {
	if v.Zone() == nil {
		return expr.LocalDateTime(t)
	}
	return expr.DateTime(t)
}

// moveTime wraps around midnight.
func moveTime(a, d expr.Value) expr.Value {
	seconds, nanos, _ := d.AsSeconds()
	const day = int64(24 * time.Hour)
	moved := (sinceMidnight(a) + seconds%secondsPerDay*int64(time.Second) + nanos) % day
	if moved < 0 {
		moved += day
	}
	return expr.TimeOfDay(time.Duration(moved), a.Zone())
}

func sinceMidnight(v expr.Value) int64 {
	t, _ := v.Clock()
	return int64(t.Hour())*int64(time.Hour) + int64(t.Minute())*int64(time.Minute) +
		int64(t.Second())*int64(time.Second) + int64(t.Nanosecond())
}

func negateDuration(v expr.Value) expr.Value {
	if months, ok := v.AsMonths(); ok {
		return expr.Months(-months)
	}
	seconds, nanos, _ := v.AsSeconds()
	return expr.Seconds(-seconds, -nanos)
}

// subtractTemporal is a − b: a point minus a duration is a point, the difference
// of two points is a days and time duration. A date counts as its midnight in UTC.
func subtractTemporal(a, b expr.Value) (v expr.Value, ok bool) {
	if isDuration(b) {
		if isDuration(a) && a.Kind() != b.Kind() {
			return expr.Null(), false
		}
		return addTemporal(a, negateDuration(b))
	}
	if bothAre(expr.KindTime, a, b) {
		if (a.Zone() == nil) != (b.Zone() == nil) {
			return expr.Null(), false
		}
		x, _ := a.Clock()
		y, _ := b.Clock()
		return between(x, y), true
	}
	if !isPoint(a) || !isPoint(b) || hasZone(a) != hasZone(b) {
		return expr.Null(), false
	}
	x, _ := a.AsTime()
	y, _ := b.AsTime()
	return between(x, y), true
}

func isPoint(v expr.Value) bool { return v.Kind() == expr.KindDate || v.Kind() == expr.KindDateTime }

func hasZone(v expr.Value) bool { return v.Kind() == expr.KindDate || v.Zone() != nil }

func between(a, b time.Time) expr.Value {
	return expr.Seconds(a.Unix()-b.Unix(), int64(a.Nanosecond()-b.Nanosecond()))
}

// scaleDuration is duration · number; months are cut to whole ones.
func scaleDuration(d, factor expr.Value) (expr.Value, bool) {
	if !isDuration(d) || factor.Kind() != expr.KindNumber {
		return expr.Null(), false
	}
	return durationOf(d.Kind(), expr.Multiply(magnitude(d), factor)), true
}

// divideDuration is duration / number or duration / duration of the same kind.
func divideDuration(d, by expr.Value) (expr.Value, bool) {
	switch {
	case isDuration(d) && d.Kind() == by.Kind():
		return expr.Divide(magnitude(d), magnitude(by)), true
	case isDuration(d) && by.Kind() == expr.KindNumber:
		return durationOf(d.Kind(), expr.Divide(magnitude(d), by)), true
	}
	return expr.Null(), false
}

// magnitude is a duration as a number of months or seconds.
func magnitude(d expr.Value) expr.Value {
	if months, ok := d.AsMonths(); ok {
		return expr.Int(months)
	}
	seconds, nanos, _ := d.AsSeconds()
	return expr.Add(expr.Int(seconds), expr.Number(apd.New(nanos, -9)))
}

func durationOf(kind expr.Kind, magnitude expr.Value) expr.Value {
	if magnitude.IsNull() {
		return magnitude
	}
	whole := rounded(magnitude, 0, apd.RoundDown)
	n, ok := whole.AsInt()
	if !ok {
		return expr.Null()
	}
	if kind == expr.KindYearsMonths {
		return expr.Months(n)
	}
	fraction := expr.Subtract(magnitude, whole)
	nanos, _ := rounded(expr.Multiply(fraction, expr.Int(1_000_000_000)), 0, apd.RoundHalfEven).AsInt()
	return expr.Seconds(n, nanos)
}

// temporalProperty is a property of table 65 of DMN 1.5.
func temporalProperty(v expr.Value, member string) (expr.Value, bool) {
	if months, ok := v.AsMonths(); ok {
		return monthsProperty(months, member)
	}
	if seconds, nanos, ok := v.AsSeconds(); ok {
		return secondsProperty(seconds, nanos, member)
	}
	t, ok := v.Clock()
	if !ok {
		return expr.Null(), false
	}
	if v.Kind() != expr.KindTime {
		if p, ok := dateProperty(t, member); ok {
			return p, true
		}
	}
	if v.Kind() != expr.KindDate {
		return clockProperty(v, t, member)
	}
	return expr.Null(), false
}

func dateProperty(t time.Time, member string) (expr.Value, bool) {
	switch member {
	case "year":
		return expr.Int(int64(t.Year())), true
	case "month":
		return expr.Int(int64(t.Month())), true
	case "day":
		return expr.Int(int64(t.Day())), true
	case "weekday":
		return expr.Int(int64(t.Weekday()+6)%7 + 1), true
	}
	return expr.Null(), false
}

func clockProperty(v expr.Value, t time.Time, member string) (expr.Value, bool) {
	switch member {
	case "hour":
		return expr.Int(int64(t.Hour())), true
	case "minute":
		return expr.Int(int64(t.Minute())), true
	case "second":
		return expr.Int(int64(t.Second())), true
	case "time offset":
		if v.Zone() == nil {
			return expr.Null(), true
		}
		_, offset := t.Zone()
		return expr.Seconds(int64(offset), 0), true
	case "timezone":
		if id, ok := expr.ZoneID(v.Zone()); ok {
			return expr.String(id), true
		}
		return expr.Null(), true
	}
	return expr.Null(), false
}

func monthsProperty(months int64, member string) (expr.Value, bool) {
	switch member {
	case "years":
		return expr.Int(months / 12), true
	case "months":
		return expr.Int(months % 12), true
	}
	return expr.Null(), false
}

func secondsProperty(seconds, nanos int64, member string) (expr.Value, bool) {
	switch member {
	case "days":
		return expr.Int(seconds / secondsPerDay), true
	case "hours":
		return expr.Int(seconds / 3600 % 24), true
	case "minutes":
		return expr.Int(seconds / 60 % 60), true
	case "seconds":
		if nanos == 0 {
			return expr.Int(seconds % 60), true
		}
		return expr.Add(expr.Int(seconds%60), expr.Number(apd.New(nanos, -9))), true
	}
	return expr.Null(), false
}
