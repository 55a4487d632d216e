package bpmn

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// cron is a cron expression of six fields in the dialect of Spring 5.3: second,
// minute, hour, day of month, month, day of week. An instant matches if every
// field does.
type cron struct {
	seconds, minutes, hours, months uint64                         // bit n: the value n
	days                            uint64                         // of the month
	weekdays                        uint64                         // bit 0: Sunday
	monthDay                        func(day, last time.Time) bool // L, L-3, LW, 15W; nil: days
	weekDay                         func(day, last time.Time) bool // MON#2, 5L; nil: weekdays
}

var cronMacros = map[string]string{
	"@yearly": "0 0 0 1 1 *", "@annually": "0 0 0 1 1 *", "@monthly": "0 0 0 1 * *",
	"@weekly": "0 0 0 * * 0", "@daily": "0 0 0 * * *", "@midnight": "0 0 0 * * *", "@hourly": "0 0 * * * *",
}

var (
	monthNames   = strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")
	weekdayNames = strings.Fields("MON TUE WED THU FRI SAT SUN")
)

// cronField is the values of one field.
type cronField struct {
	name     string
	min, max int
	names    []string // of the values from 1 on
}

var (
	secondField  = cronField{"second", 0, 59, nil}
	minuteField  = cronField{"minute", 0, 59, nil}
	hourField    = cronField{"hour", 0, 23, nil}
	dayField     = cronField{"day of month", 1, 31, nil}
	monthField   = cronField{"month", 1, 12, monthNames}
	weekdayField = cronField{"day of week", 0, 7, weekdayNames}
)

// cronSchedule is the first firing of a cron expression after now.
func cronSchedule(text string, now time.Time) (Schedule, error) {
	c, err := parseCron(text)
	if err != nil {
		return Schedule{}, err
	}
	due, ok := c.next(now)
	if !ok {
		return Schedule{}, fmt.Errorf("the cron expression %q never fires: no day of the next %d years matches", shorten(text), cronHorizon)
	}
	return Schedule{Due: due, Repetitions: Endless, Interval: text}, nil
}

func parseCron(text string) (*cron, error) {
	if expanded, ok := cronMacros[strings.ToLower(text)]; ok {
		text = expanded
	}
	fields := strings.Fields(strings.ToUpper(text))
	if len(fields) != 6 {
		return nil, fmt.Errorf("%q is not a cycle: %s", shorten(text), cycleAdvice)
	}
	c := &cron{}
	plain := []struct {
		field cronField
		bits  *uint64
		text  string
	}{{secondField, &c.seconds, fields[0]}, {minuteField, &c.minutes, fields[1]}, {hourField, &c.hours, fields[2]}, {monthField, &c.months, fields[4]}}
	for _, f := range plain {
		var err error
		if *f.bits, err = f.field.parse(f.text); err != nil {
			return nil, err
		}
	}
	if err := c.parseMonthDay(fields[3]); err != nil {
		return nil, err
	}
	return c, c.parseWeekday(fields[5])
}

// parse reads a list of values, ranges and steps.
func (f cronField) parse(text string) (uint64, error) {
	var set uint64
	for item := range strings.SplitSeq(text, ",") {
		part, stepText, stepped := strings.Cut(item, "/")
		low, high, err := f.bounds(part, stepped)
		if err != nil {
			return 0, err
		}
		step := 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return 0, f.wrong(item)
			}
		}
		for value := low; value <= high; value += min(step, f.max+1) {
			set |= 1 << value
		}
	}
	return set, nil
}

// bounds reads *, a value or a range; a single value with a step goes up to the
// field's last value.
func (f cronField) bounds(text string, stepped bool) (low, high int, err error) {
	if text == "*" {
		return f.min, f.last(), nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if low, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		if high, err = f.value(to); err != nil {
			return 0, 0, err
		}
	case stepped:
		high = f.last()
	default:
		high = low
	}
	if isRange && f.max == 7 && low == 7 && high < 7 {
		low = 0 // Sunday is 0 and 7
	}
	if low > high {
		return 0, 0, f.wrong(text)
	}
	return low, high, nil
}

// last is the last value that is not another name of the first.
func (f cronField) last() int {
	if f.max == 7 {
		return 6
	}
	return f.max
}

func (f cronField) value(text string) (int, error) {
	for i, name := range f.names {
		if text == name {
			return i + 1, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max || text[0] == '+' {
		return 0, f.wrong(text)
	}
	return n, nil
}

func (f cronField) wrong(text string) error {
	return fmt.Errorf("cron: %q is not a %s: use values from %d to %d, ranges a-b, steps a/b, lists a,b or *", shorten(text), f.name, f.min, f.max)
}

// parseMonthDay also reads L (last day), L-n (n days before it), LW (last
// weekday) and nW (the weekday nearest to day n, within the month).
func (c *cron) parseMonthDay(text string) error {
	switch {
	case text == "?":
		text = "*"
	case text == "L":
		c.monthDay = func(day, last time.Time) bool { return day.Day() == last.Day() }
		return nil
	case text == "LW":
		c.monthDay = func(day, last time.Time) bool { return day.Equal(nearestWeekday(last, last)) }
		return nil
	case strings.HasPrefix(text, "L-"):
		n, err := dayField.value(text[2:])
		if err != nil {
			return err
		}
		c.monthDay = func(day, last time.Time) bool { return day.Day() == last.Day()-n }
		return nil
	case strings.HasSuffix(text, "W"):
		n, err := dayField.value(strings.TrimSuffix(text, "W"))
		if err != nil {
			return err
		}
		c.monthDay = func(day, last time.Time) bool {
			return n <= last.Day() && day.Equal(nearestWeekday(last.AddDate(0, 0, n-last.Day()), last))
		}
		return nil
	}
	days, err := dayField.parse(text)
	c.days = days
	return err
}

// nearestWeekday moves a Saturday or Sunday to Friday or Monday of the month.
func nearestWeekday(day, last time.Time) time.Time {
	switch {
	case day.Weekday() == time.Saturday && day.Day() == 1:
		return day.AddDate(0, 0, 2)
	case day.Weekday() == time.Saturday:
		return day.AddDate(0, 0, -1)
	case day.Weekday() == time.Sunday && day.Day() == last.Day():
		return day.AddDate(0, 0, -2)
	case day.Weekday() == time.Sunday:
		return day.AddDate(0, 0, 1)
	}
	return day
}

// parseWeekday also reads MON#2 (the second Monday of the month) and 5L (its
// last Friday).
func (c *cron) parseWeekday(text string) error {
	if name, nth, ok := strings.Cut(text, "#"); ok {
		weekday, err := weekdayField.value(name)
		n, bad := strconv.Atoi(nth)
		if err != nil || bad != nil || n < 1 || n > 5 {
			return weekdayField.wrong(text)
		}
		c.weekDay = func(day, _ time.Time) bool { return int(day.Weekday()) == weekday%7 && (day.Day()-1)/7 == n-1 }
		return nil
	}
	if name, ok := strings.CutSuffix(text, "L"); ok && name != "" {
		weekday, err := weekdayField.value(name)
		if err != nil {
			return err
		}
		c.weekDay = func(day, last time.Time) bool { return int(day.Weekday()) == weekday%7 && last.Day()-day.Day() < 7 }
		return nil
	}
	if text == "?" {
		text = "*"
	}
	weekdays, err := weekdayField.parse(text)
	c.weekdays = weekdays&0x7f | weekdays>>7&1
	return err
}

// cronHorizon is how many years ahead a match is looked for: a 29 February on a
// given weekday can be 40 years away.
const cronHorizon = 50

// next is the first matching instant after t.
func (c *cron) next(t time.Time) (time.Time, bool) {
	t = t.Truncate(time.Second).Add(time.Second)
	if t.Year() > maxYear-cronHorizon {
		return time.Time{}, false
	}
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if due, ok := c.timeFrom(day, t.Hour(), t.Minute(), t.Second()); ok && c.matches(day) {
		return due, true
	}
	for end := day.AddDate(cronHorizon, 0, 0); day.Before(end); {
		day = day.AddDate(0, 0, 1)
		if !has(c.months, int(day.Month())) {
			day = day.AddDate(0, 1, -day.Day()) // its last day; the next one is another month
			continue
		}
		if c.matches(day) {
			return c.timeFrom(day, 0, 0, 0)
		}
	}
	return time.Time{}, false
}

// matches tells whether the fields of days match.
func (c *cron) matches(day time.Time) bool {
	last := day.AddDate(0, 1, -day.Day()) // day 0 of the next month
	monthDay, weekDay := has(c.days, day.Day()), has(c.weekdays, int(day.Weekday()))
	if c.monthDay != nil {
		monthDay = c.monthDay(day, last)
	}
	if c.weekDay != nil {
		weekDay = c.weekDay(day, last)
	}
	return has(c.months, int(day.Month())) && monthDay && weekDay
}

// timeFrom is the first matching time of the day that is not before the clock
// given.
func (c *cron) timeFrom(day time.Time, hour, minute, second int) (time.Time, bool) {
	if s := atLeast(c.seconds, second); has(c.hours, hour) && has(c.minutes, minute) && s >= 0 {
		return clock(day, hour, minute, s), true
	}
	if m := atLeast(c.minutes, minute+1); has(c.hours, hour) && m >= 0 {
		return clock(day, hour, m, atLeast(c.seconds, 0)), true
	}
	if h := atLeast(c.hours, hour+1); h >= 0 {
		return clock(day, h, atLeast(c.minutes, 0), atLeast(c.seconds, 0)), true
	}
	return time.Time{}, false
}

func clock(day time.Time, hour, minute, second int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, second, 0, time.UTC)
}

func has(set uint64, value int) bool { return set>>value&1 == 1 }

// atLeast is the smallest member that is not below value, or -1.
func atLeast(set uint64, value int) int {
	rest := set >> value << value
	if rest == 0 {
		return -1
	}
	return bits.TrailingZeros64(rest)
}
