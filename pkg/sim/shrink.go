package sim

import (
	"cmp"
	"slices"
	"testing"
	"time"
)

// Shrink looks for a smaller run that is broken too: fewer steps, kinds of faults,
// processes and homes. It tries for as long as it may.
func Shrink(t *testing.T, cfg Config, within time.Duration) Config {
	t.Helper()
	s := shrinker{t: t, best: cfg, until: time.Now().Add(within)}
	out := Run(t, cfg, false)
	s.cut(out)
	for _, smaller := range []func(*Config){
		func(c *Config) { c.Random = 0 }, func(c *Config) { c.Relays = 0 }, func(c *Config) { c.Engines = 1 },
		func(c *Config) { c.Engines = min(c.Engines, 2) }, func(c *Config) { c.Homes = 1 }, func(c *Config) { c.Homes = min(c.Homes, 2) },
	} {
		s.try(smaller)
	}
	for i := range faultNames {
		s.try(func(c *Config) { *c.Faults.all()[i] = false })
	}
	s.leaveOut()
	return s.best
}

type shrinker struct {
	t     *testing.T
	best  Config
	until time.Time
}

// try keeps a change if the run is still broken.
func (s *shrinker) try(change func(*Config)) bool {
	c := s.best
	change(&c)
	if time.Now().After(s.until) || c.String() == s.best.String() {
		return false
	}
	out := Run(s.t, c, false)
	if out.Broken == "" {
		return false
	}
	s.best = c
	s.cut(out)
	return true
}

// cut drops the steps after the one at which the run broke.
func (s *shrinker) cut(out Outcome) {
	s.best.Steps = min(s.best.Steps, out.Step)
	s.best.Only = slices.DeleteFunc(slices.Clone(s.best.Only), func(step int) bool { return step > out.Step })
	if len(s.best.Only) == 0 {
		s.best.Only = nil
	}
}

// leaveOut drops runs of steps, large ones first.
func (s *shrinker) leaveOut() {
	if s.best.Only == nil {
		for step := range s.best.Steps {
			s.best.Only = append(s.best.Only, step+1)
		}
	}
	for size := cmp.Or(len(s.best.Only)/2, 1); size > 0; size /= 2 {
		for at := 0; at < len(s.best.Only); {
			end := min(at+size, len(s.best.Only))
			if !s.try(func(c *Config) { c.Only = slices.Concat(c.Only[:at], c.Only[end:]) }) {
				at = end
			}
		}
	}
}
