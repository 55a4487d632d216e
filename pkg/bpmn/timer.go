package bpmn

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Endless is the number of repetitions of a cycle without end.
const Endless = -1

// minInterval is the shortest interval of a cycle.
const minInterval = time.Second

// maxYear is the last year in which a timer can be due.
const maxYear = 9999

// Schedule is when a timer fires. All calculation is in UTC: a day has 24 hours.
type Schedule struct {
	Due time.Time
	// Repetitions is how many more times the timer fires after Due: 0 none,
	// Endless without end.
	Repetitions int
	// Interval is the ISO 8601 duration between two firings, or a cron
	// expression; empty for a timer that fires once.
	Interval string
}

// Schedule reads the value of the timer's expression as of now.
//
//   - TimerDate: a date and time, a date (its midnight), or either as text in ISO
//     8601; without zone or offset it is UTC.
//   - TimerDuration: a duration, or one as text in ISO 8601. Zero and negative
//     ones are due at once.
//   - TimerCycle: text, R[n]/<duration> (first due after one duration),
//     R[n]/<start>/<duration> (first due at start; firings missed before now
//     count, but for the last), or a cron expression of six fields (second,
//     minute, hour, day of month, month, day of week) in Spring's dialect. n is
//     how often the timer fires, without it forever. An interval is at least a second.
func (t *Timer) Schedule(v expr.Value, now time.Time) (Schedule, error) {
	now = now.UTC()
	switch t.Kind {
	case TimerDate:
		due, ok := v.AsTime()
		if !ok || !inRange(due) {
			return Schedule{}, fmt.Errorf("%s is not a date and time: write it in ISO 8601, as 2030-01-31T09:00:00Z", quoted(v))
		}
		return Schedule{Due: due.UTC()}, nil
	case TimerDuration:
		due, ok := v.AsDuration(now)
		if !ok || due.Year() > maxYear {
			return Schedule{}, fmt.Errorf("%s is not a duration: write it in ISO 8601, as PT15M or P1D", quoted(v))
		}
		if due.Before(now) {
			due = now
		}
		return Schedule{Due: due.UTC()}, nil
	}
	text, ok := v.AsString()
	if !ok {
		return Schedule{}, fmt.Errorf("%s is not a cycle: %s", quoted(v), cycleAdvice)
	}
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "R") {
		return interval(text, now)
	}
	return cronSchedule(text, now)
}

const cycleAdvice = "write a repetition, as R3/PT1H or R/2030-01-31T09:00:00Z/P1D, or a cron expression of six fields, as 0 0 9 * * MON-FRI"

func quoted(v expr.Value) string {
	if v.IsNull() {
		return "null"
	}
	return strconv.Quote(shorten(v.Text()))
}

// interval reads R[n]/[start/]duration.
func interval(text string, now time.Time) (Schedule, error) {
	parts := strings.Split(text, "/")
	repetitions, err := repetitions(parts[0])
	if err != nil {
		return Schedule{}, err
	}
	if len(parts) < 2 || len(parts) > 3 {
		return Schedule{}, fmt.Errorf("%q is not a cycle: %s", shorten(text), cycleAdvice)
	}
	step := parts[len(parts)-1]
	s := Schedule{Repetitions: repetitions, Interval: step}
	if err := checkInterval(step); err != nil {
		return Schedule{}, err
	}
	if len(parts) == 2 {
		s.Due = now
		s.Due = s.after(1)
		return s, s.checkDue()
	}
	start, ok := expr.String(parts[1]).AsTime()
	if !ok || !inRange(start) {
		return Schedule{}, fmt.Errorf("%q is not the start of a cycle: write a date and time in ISO 8601, as 2030-01-31T09:00:00Z", shorten(parts[1]))
	}
	s.Due = start.UTC()
	s = s.skipTo(now)
	return s, s.checkDue()
}

func (s Schedule) checkDue() error {
	if !inRange(s.Due) {
		return fmt.Errorf("the interval %q leads beyond the year %d: use a shorter one", shorten(s.Interval), maxYear)
	}
	return nil
}

// inRange keeps to years that every format and database can say.
func inRange(t time.Time) bool { return t.Year() >= 1 && t.Year() <= maxYear }

// repetitions reads R or R<n>: how often the timer fires after the first time.
func repetitions(text string) (int, error) {
	if text == "R" {
		return Endless, nil
	}
	n, err := strconv.ParseInt(text[1:], 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number of repetitions: write R for ever, or R1 and more", shorten(text))
	}
	return int(n) - 1, nil
}

func checkInterval(step string) error {
	epoch := time.Unix(0, 0).UTC()
	next, ok := expr.String(step).AsDuration(epoch)
	switch {
	case !ok || next.Year() > maxYear:
		return fmt.Errorf("%q is not the interval of a cycle: write a duration in ISO 8601, as PT15M or P1D", shorten(step))
	case next.Sub(epoch) < minInterval:
		return fmt.Errorf("the interval %q is too short: use one second or more", shorten(step))
	}
	return nil
}

// skipTo leaves out the firings before now, except for the last one of all:
// being late is better than not firing.
func (s Schedule) skipTo(now time.Time) Schedule {
	for s.Due.Before(now) && s.Repetitions != 0 {
		steps := s.stepsTo(now)
		if s.Repetitions != Endless {
			steps = min(steps, int64(s.Repetitions))
			s.Repetitions -= int(steps)
		}
		s.Due = s.after(steps)
	}
	return s
}

// stepsTo is a number of intervals, at least one, that does not lead beyond the
// first due time that is not before now.
func (s Schedule) stepsTo(now time.Time) int64 {
	if s.monthly() {
		return 1 // no fixed length; a month is long, so there are few
	}
	step := seconds(s.after(1)) - seconds(s.Due)
	return max(1, int64((seconds(now)-seconds(s.Due))/step))
}

// monthly says whether the interval has years or months; P0YT1S has none.
func (s Schedule) monthly() bool {
	date, _, _ := strings.Cut(s.Interval, "T")
	end := strings.LastIndexAny(date, "YM")
	return end >= 0 && strings.ContainsAny(date[:end], "123456789")
}

// seconds since the epoch; a time.Duration ends after 292 years.
func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// after is the due time n intervals later. With n above 1 the interval has a
// fixed length.
func (s Schedule) after(n int64) time.Time {
	if n == 1 {
		next, _ := expr.String(s.Interval).AsDuration(s.Due)
		return next.UTC()
	}
	step, _ := expr.String(s.Interval).AsDuration(time.Unix(0, 0).UTC())
	nanos := int64(step.Nanosecond())
	seconds := s.Due.Unix() + step.Unix()*n + n/1e9*nanos
	return time.Unix(seconds, int64(s.Due.Nanosecond())+n%1e9*nanos).UTC()
}

// Next is the schedule after a firing at the instant fired, if there is one. An
// interval is counted from the previous due time, so that lateness does not add
// up; cron goes on from fired.
func (s Schedule) Next(fired time.Time) (Schedule, bool) {
	if s.Repetitions == 0 || s.Interval == "" {
		return Schedule{}, false
	}
	next := s
	if s.Repetitions != Endless {
		next.Repetitions--
	}
	if strings.HasPrefix(s.Interval, "P") {
		due, ok := expr.String(s.Interval).AsDuration(s.Due)
		next.Due = due
		return next, ok && due.Year() <= maxYear
	}
	c, err := parseCron(s.Interval)
	if err != nil {
		return Schedule{}, false
	}
	if fired.Before(s.Due) {
		fired = s.Due
	}
	due, ok := c.next(fired.UTC())
	next.Due = due
	return next, ok
}

// timerKinds are the children of a timer event definition.
var timerKinds = map[string]TimerKind{"timeDate": TimerDate, "timeDuration": TimerDuration, "timeCycle": TimerCycle}

// timer reads a timer event definition; it is nil after a problem.
func (c *compiler) timer(n *Node, definition *etree.Element) *Timer {
	var given []*etree.Element
	for _, child := range definition.ChildElements() {
		if child.Space == "bpmn" && timerKinds[child.Tag] != 0 {
			given = append(given, child)
		}
	}
	if len(given) != 1 || content(given[0]) == "" {
		c.problem(definition, CodeMissing, "a timer has exactly one of timeDate, timeDuration and timeCycle, with a value: there are %d", len(given))
		return nil
	}
	e, text := given[0], content(given[0])
	t := &Timer{Kind: timerKinds[e.Tag], Value: c.expression(e, text)}
	if t.Kind == TimerCycle && (n.Kind == TimerCatchEvent || n.Kind == TimerBoundaryEvent && n.Interrupting) {
		c.problem(e, CodeStructure, "this timer can fire only once, so it cannot have a cycle: use a duration or date, or a boundary event that does not interrupt")
	}
	c.checkTimer(n, e, t)
	return t
}

// checkTimer computes what can be computed without variables, so that it does
// not first go wrong in an instance.
func (c *compiler) checkTimer(n *Node, e *etree.Element, t *Timer) {
	if t.Value == nil {
		return
	}
	value := expr.String(t.Value.Source())
	if n.Kind == TimerStartEvent {
		computed, ok := c.onDeployment(e, "timer", t.Value)
		if !ok {
			return
		}
		value = computed
	} else if !isStatic(t.Value.Source(), c.dialect) {
		return
	}
	if _, err := t.Schedule(value, c.cfg.Now); err != nil {
		what := "timer"
		if !isStatic(t.Value.Source(), c.dialect) {
			what = "timer, evaluated on deployment without variables"
		}
		c.problem(e, CodeValue, "%s: %s", what, err)
	}
}
