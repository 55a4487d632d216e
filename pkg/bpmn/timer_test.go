package bpmn

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return parsed.UTC()
}

func TestScheduleOfOneFiring(t *testing.T) {
	t.Parallel()
	dateTime, ok := expr.ParseDateTime("2026-07-01T08:00:00@Europe/Berlin")
	require.True(t, ok)
	months, ok := expr.ParseDuration("P1M")
	require.True(t, ok)
	for _, c := range []struct {
		name string
		kind TimerKind
		text any // string or expr.Value
		due  string
	}{
		{"date in UTC", TimerDate, "2030-01-31T09:00:00Z", "2030-01-31T09:00:00Z"},
		{"date with offset", TimerDate, "2030-01-31T09:00:00.25+01:00", "2030-01-31T08:00:00.25Z"},
		{"date without zone is UTC", TimerDate, "2030-01-31T09:00:00", "2030-01-31T09:00:00Z"},
		{"date with zone", TimerDate, "2030-07-31T09:00:00@Europe/Berlin", "2030-07-31T07:00:00Z"},
		{"date alone is midnight", TimerDate, "2030-01-31", "2030-01-31T00:00:00Z"},
		{"date in the past", TimerDate, "2001-01-31T09:00:00Z", "2001-01-31T09:00:00Z"},
		{"FEEL date and time", TimerDate, dateTime, "2026-07-01T06:00:00Z"},
		{"duration", TimerDuration, "PT15M", "2026-01-31T12:15:00Z"},
		{"duration with a fraction", TimerDuration, "PT0.5S", "2026-01-31T12:00:00.5Z"},
		{"duration of weeks", TimerDuration, "P2W", "2026-02-14T12:00:00Z"},
		{"duration of all units", TimerDuration, "P1Y2M3DT4H5M6S", "2027-04-03T16:05:06Z"},
		{"a month ends with its last day", TimerDuration, "P1M", "2026-02-28T12:00:00Z"},
		{"FEEL duration of months", TimerDuration, months, "2026-02-28T12:00:00Z"},
		{"FEEL duration of time", TimerDuration, expr.Seconds(90, 0), "2026-01-31T12:01:30Z"},
		{"zero is due at once", TimerDuration, "PT0S", "2026-01-31T12:00:00Z"},
		{"negative is due at once", TimerDuration, "-PT1H", "2026-01-31T12:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			value, ok := c.text.(expr.Value)
			if !ok {
				value = expr.String(c.text.(string))
			}
			s, err := (&Timer{Kind: c.kind}).Schedule(value, testNow)
			require.NoError(t, err)
			require.Equal(t, Schedule{Due: at(t, c.due)}, s)
			_, more := s.Next(s.Due)
			require.False(t, more)
		})
	}
}

func TestScheduleRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind TimerKind
		text string
		want string
	}{
		{TimerDate, "tomorrow", "is not a date and time: write it in ISO 8601"},
		{TimerDate, "2030-02-30T09:00:00Z", "is not a date and time"},
		{TimerDate, "99999-01-01T00:00:00Z", "is not a date and time"},
		{TimerDate, "PT5M", "is not a date and time"},
		{TimerDuration, "5 minutes", "is not a duration: write it in ISO 8601"},
		{TimerDuration, "P", "is not a duration"},
		{TimerDuration, "PT", "is not a duration"},
		{TimerDuration, "P99999Y", "is not a duration"},
		{TimerDuration, "P9999999999999999999D", "is not a duration"},
		{TimerCycle, "", "is not a cycle"},
		{TimerCycle, "PT5M", "is not a cycle: write a repetition"},
		{TimerCycle, "R0/PT5M", "is not a number of repetitions"},
		{TimerCycle, "R-1/PT5M", "is not a number of repetitions"},
		{TimerCycle, "R99999999999/PT5M", "is not a number of repetitions"},
		{TimerCycle, "R3", "is not a cycle"},
		{TimerCycle, "R3/a/b/c", "is not a cycle"},
		{TimerCycle, "R3/soon/PT5M", "is not the start of a cycle"},
		{TimerCycle, "R3/-9999-01-01T00:00:00Z/P1M", "is not the start of a cycle"},
		{TimerCycle, "R3/PT5M/2030-01-01T00:00:00Z", "is not the interval of a cycle"},
		{TimerCycle, "R/PT0S", "too short"},
		{TimerCycle, "R/PT0.999S", "too short"},
		{TimerCycle, "R/-PT5M", "too short"},
		{TimerCycle, "R/P8028Y", "leads beyond the year 9999"},
		{TimerCycle, "0 0 9 * *", "is not a cycle"},
		{TimerCycle, "0 0 24 * * *", `"24" is not a hour`},
		{TimerCycle, "0 0 9 31 FEB *", "never fires"},
		{TimerCycle, "0 0 9 * * MON#6", "is not a day of week"},
		{TimerCycle, "0 0 9 0 * *", "is not a day of month"},
		{TimerCycle, "0 0 9 32L * *", "is not a day of month"},
		{TimerCycle, "0 */0 9 * * *", "is not a minute"},
		{TimerCycle, "0 30-10 9 * * *", "is not a minute"},
		{TimerCycle, "0 , 9 * * *", "is not a minute"},
		{TimerCycle, "@fortnightly", "is not a cycle"},
	} {
		_, err := (&Timer{Kind: c.kind}).Schedule(expr.String(c.text), testNow)
		require.ErrorContains(t, err, c.want, "%v %q", c.kind, c.text)
	}
	_, err := (&Timer{Kind: TimerDuration}).Schedule(expr.Null(), testNow)
	require.ErrorContains(t, err, "null is not a duration")
	_, err = (&Timer{Kind: TimerCycle}).Schedule(expr.Int(5), testNow)
	require.ErrorContains(t, err, `"5" is not a cycle`)
}

// firings are the first due times of a cycle whose timer is always late by late.
func firings(t *testing.T, text string, now time.Time, late time.Duration, limit int) []string {
	t.Helper()
	s, err := (&Timer{Kind: TimerCycle}).Schedule(expr.String(text), now)
	require.NoError(t, err)
	var due []string
	for more := true; more && len(due) < limit; s, more = s.Next(s.Due.Add(late)) {
		due = append(due, s.Due.Format("Mon 2006-01-02 15:04:05"))
	}
	return due
}

func TestCycles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a number of times, without drift", "R3/PT1H", []string{"Sat 2026-01-31 13:00:00", "Sat 2026-01-31 14:00:00", "Sat 2026-01-31 15:00:00"}},
		{"once", "R1/P1D", []string{"Sun 2026-02-01 12:00:00"}},
		{"for ever", "R/P1W", []string{"Sat 2026-02-07 12:00:00", "Sat 2026-02-14 12:00:00", "Sat 2026-02-21 12:00:00", "Sat 2026-02-28 12:00:00"}},
		{"months keep to their last day", "R/P1M", []string{"Sat 2026-02-28 12:00:00", "Sat 2026-03-28 12:00:00", "Tue 2026-04-28 12:00:00", "Thu 2026-05-28 12:00:00"}},
		{"from a start", "R2/2026-03-01T00:00:00Z/P1D", []string{"Sun 2026-03-01 00:00:00", "Mon 2026-03-02 00:00:00"}},
		{"from a start that is now", "R2/2026-01-31T12:00:00Z/P1D", []string{"Sat 2026-01-31 12:00:00", "Sun 2026-02-01 12:00:00"}},
		{"missed firings count", "R4/2026-01-29T18:00:00Z/P1D", []string{"Sat 2026-01-31 18:00:00", "Sun 2026-02-01 18:00:00"}},
		{"the last of missed firings is late", "R2/2020-01-01T00:00:00Z/P1D", []string{"Thu 2020-01-02 00:00:00"}},
		{"missed firings of an endless cycle", "R/0001-01-01T00:00:00Z/PT1.5S", []string{"Sat 2026-01-31 12:00:00", "Sat 2026-01-31 12:00:01", "Sat 2026-01-31 12:00:03", "Sat 2026-01-31 12:00:04"}},
		{"missed months", "R/0001-01-15T00:00:00Z/P1M", []string{"Sun 2026-02-15 00:00:00", "Sun 2026-03-15 00:00:00", "Wed 2026-04-15 00:00:00", "Fri 2026-05-15 00:00:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, firings(t, c.text, testNow, 20*time.Minute, 4))
		})
	}
}

func TestCron(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"0 0 9-17 * * MON-FRI", []string{"Mon 2026-02-02 09:00:00", "Mon 2026-02-02 10:00:00", "Mon 2026-02-02 11:00:00"}},
		{"*/10 * * * * *", []string{"Sat 2026-01-31 12:00:10", "Sat 2026-01-31 12:00:20", "Sat 2026-01-31 12:00:30"}},
		{"0 0/20 * * * ?", []string{"Sat 2026-01-31 12:20:00", "Sat 2026-01-31 12:40:00", "Sat 2026-01-31 13:00:00"}},
		{"5,7 59 23 31 12 *", []string{"Thu 2026-12-31 23:59:05", "Thu 2026-12-31 23:59:07", "Fri 2027-12-31 23:59:05"}},
		{"0 0 0 L * *", []string{"Sat 2026-02-28 00:00:00", "Tue 2026-03-31 00:00:00", "Thu 2026-04-30 00:00:00"}},
		{"0 0 0 L-3 * *", []string{"Wed 2026-02-25 00:00:00", "Sat 2026-03-28 00:00:00", "Mon 2026-04-27 00:00:00"}},
		{"0 0 0 LW * *", []string{"Fri 2026-02-27 00:00:00", "Tue 2026-03-31 00:00:00", "Thu 2026-04-30 00:00:00"}},
		{"0 0 0 1W * *", []string{"Mon 2026-02-02 00:00:00", "Mon 2026-03-02 00:00:00", "Wed 2026-04-01 00:00:00"}},
		{"0 0 0 1W aug *", []string{"Mon 2026-08-03 00:00:00", "Mon 2027-08-02 00:00:00", "Tue 2028-08-01 00:00:00"}},
		{"0 0 0 31W * *", []string{"Tue 2026-03-31 00:00:00", "Fri 2026-05-29 00:00:00", "Fri 2026-07-31 00:00:00"}},
		{"0 0 0 ? * MON#2", []string{"Mon 2026-02-09 00:00:00", "Mon 2026-03-09 00:00:00", "Mon 2026-04-13 00:00:00"}},
		{"0 0 0 ? * 5#5", []string{"Fri 2026-05-29 00:00:00", "Fri 2026-07-31 00:00:00", "Fri 2026-10-30 00:00:00"}},
		{"0 0 0 * * FRIL", []string{"Fri 2026-02-27 00:00:00", "Fri 2026-03-27 00:00:00", "Fri 2026-04-24 00:00:00"}},
		{"0 0 0 * * 7", []string{"Sun 2026-02-01 00:00:00", "Sun 2026-02-08 00:00:00", "Sun 2026-02-15 00:00:00"}},
		{"0 0 0 * * 0", []string{"Sun 2026-02-01 00:00:00", "Sun 2026-02-08 00:00:00", "Sun 2026-02-15 00:00:00"}},
		{"0 0 0 * * SUN-MON", []string{"Sun 2026-02-01 00:00:00", "Mon 2026-02-02 00:00:00", "Sun 2026-02-08 00:00:00"}},
		{"0 0 0 * * SAT-SUN", []string{"Sun 2026-02-01 00:00:00", "Sat 2026-02-07 00:00:00", "Sun 2026-02-08 00:00:00"}},
		{"0 0 0 13 * FRI", []string{"Fri 2026-02-13 00:00:00", "Fri 2026-03-13 00:00:00", "Fri 2026-11-13 00:00:00"}},
		{"0 0 0 29 2 MON", []string{"Mon 2044-02-29 00:00:00", "Mon 2072-02-29 00:00:00"}},
		{"@daily", []string{"Sun 2026-02-01 00:00:00", "Mon 2026-02-02 00:00:00", "Tue 2026-02-03 00:00:00"}},
		{"@hourly", []string{"Sat 2026-01-31 13:00:00", "Sat 2026-01-31 14:00:00", "Sat 2026-01-31 15:00:00"}},
		{"@weekly", []string{"Sun 2026-02-01 00:00:00", "Sun 2026-02-08 00:00:00", "Sun 2026-02-15 00:00:00"}},
		{"@monthly", []string{"Sun 2026-02-01 00:00:00", "Sun 2026-03-01 00:00:00", "Wed 2026-04-01 00:00:00"}},
		{"@yearly", []string{"Fri 2027-01-01 00:00:00", "Sat 2028-01-01 00:00:00", "Mon 2029-01-01 00:00:00"}},
	} {
		require.Equal(t, c.want, firings(t, c.text, testNow, 0, len(c.want)), c.text)
	}
}

func TestCronGoesOnFromTheFiring(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"Sat 2026-01-31 12:10:00", "Sat 2026-01-31 12:50:00", "Sat 2026-01-31 13:30:00"},
		firings(t, "0 */10 * * * *", testNow, 35*time.Minute, 3))
}

// TestCronNeverRepeats: a clock that was set back does not fire a time again.
func TestCronNeverRepeats(t *testing.T) {
	t.Parallel()
	s, err := (&Timer{Kind: TimerCycle}).Schedule(expr.String("@daily"), testNow)
	require.NoError(t, err)
	next, ok := s.Next(s.Due.Add(-time.Hour))
	require.True(t, ok)
	require.Equal(t, s.Due.AddDate(0, 0, 1), next.Due)
}

// TestCronAgainstSearch compares next with trying second after second.
func TestCronAgainstSearch(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(options ...string) string { return options[random.IntN(len(options))] }
	for range 200 {
		text := pick("0", "*/7", "30", "5-10", "59") + " " + pick("*", "0", "*/13", "58,59") + " " + pick("*", "0", "23", "9-17") + " " +
			pick("*", "L", "1", "28-31", "LW", "15W", "L-2") + " * " + pick("*", "MON-FRI", "7", "5L", "TUE#1")
		c, err := parseCron(text)
		require.NoError(t, err)
		from := testNow.Add(time.Duration(random.Int64N(int64(400 * 24 * time.Hour))))
		due, ok := c.next(from)
		if !ok { // days of month and of week that exclude each other
			require.NotContains(t, text, " * * *")
			continue
		}
		if due.Sub(from) > 6*time.Hour {
			from = due.Add(-6 * time.Hour) // what lies before is covered by other rounds
		}
		second := from.Truncate(time.Second).Add(time.Second)
		for !(has(c.seconds, second.Second()) && has(c.minutes, second.Minute()) && has(c.hours, second.Hour()) && c.matches(clock(second, 0, 0, 0))) {
			second = second.Add(time.Second)
		}
		require.Equal(t, second, due, "%s from %s", text, from)
	}
}

// TestTimersAreNeverEarly: whatever is due by a duration or cycle is not due
// before now, unless every firing was missed.
func TestTimersAreNeverEarly(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	texts := []string{"R/PT1.000000001S", "R/2020-02-29T00:00:00Z/P1M", "R/1990-01-01T00:00:00Z/PT7H", "R/2026-01-01T00:00:00Z/P200000D", "R/P1M1D", "@hourly", "0 0 3 L * *"}
	for range 500 {
		now := testNow.Add(time.Duration(random.Int64()))
		text := texts[random.IntN(len(texts))]
		s, err := (&Timer{Kind: TimerCycle}).Schedule(expr.String(text), now)
		require.NoError(t, err)
		require.False(t, s.Due.Before(now), "%s as of %s is due %s", text, now, s.Due)
		next, ok := s.Next(s.Due)
		require.True(t, ok)
		require.True(t, next.Due.After(s.Due), "%s: %s is followed by %s", text, s.Due, next.Due)
	}
}
