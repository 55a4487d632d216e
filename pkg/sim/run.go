package sim

import (
	"testing"
	"testing/synctest"
)

// Outcome is how a run went.
type Outcome struct {
	Broken  string   // what must never be and was, "" if all is well
	Step    int      // at which it was noticed
	Hash    uint64   // of everything that happened
	Trace   []string // what happened, if asked for
	Done    int      // things the scheduler did
	Ended   int      // instances that have ended
	Decided int      // steps of instances that were committed
}

// Run runs a simulation in a bubble of virtual time.
func Run(t *testing.T, cfg Config, trace bool) (out Outcome) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w := newWorld(cfg)
		w.trace.keep = trace
		w.run()
		out = Outcome{Broken: w.broken, Step: w.step, Hash: w.trace.hash, Trace: w.trace.lines, Done: w.done, Ended: w.check.ended}
		for _, b := range w.check.books {
			if b.fold != nil {
				out.Decided += int(b.fold.Sequence)
			}
		}
	})
	return out
}
