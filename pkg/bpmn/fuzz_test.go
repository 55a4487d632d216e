package bpmn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// mostSteps bounds the allocations of one schedule: a monthly cycle that began
// in the year 1 takes 25,000 steps of a few, nothing takes more.
const mostSteps = 200_000

// FuzzSchedule reads values of timers: each firing is later than the one before,
// within the years that can be stored, and is found in a bounded number of steps.
func FuzzSchedule(f *testing.F) {
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		timer := &Timer{Kind: TimerDate + TimerKind(kind%3)}
		s, err := timer.Schedule(expr.String(text), testNow)
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = timer.Schedule(expr.String(text), testNow) }), float64(mostSteps))
		if err != nil {
			require.LessOrEqual(t, len(err.Error()), 1000)
			return
		}
		for range 20 {
			require.True(t, inRange(s.Due), s.Due)
			require.GreaterOrEqual(t, s.Repetitions, Endless)
			next, more := s.Next(s.Due)
			if !more {
				return
			}
			require.True(t, next.Due.After(s.Due), "%v after %v", next.Due, s.Due)
			s = next
		}
	})
}
