package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/fault"
	"github.com/barnabas-project/barnabas/internal/chaos/ledger"
	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// Outcome is all that is known of a run.
type Outcome struct {
	Seed     uint64
	Duration time.Duration // of the faults
	Every    time.Duration // mean time from fault to fault
	Postgres string        // version
	Commit   string        // of the sources, "" if not known
	Warmed   time.Time     // when load began, Began when faults did, Mended when the last was, Settled when all had gone on
	Began    time.Time
	Mended   time.Time
	Settled  time.Time

	Faults    []fault.Injected
	Deaths    []site.Death
	Figures   ledger.Figures
	Findings  []ledger.Finding
	PerSecond map[int64]int // hops by Unix time
	Fsck      string
}

// shown is how many findings are listed; all are counted.
const shown = 30

// Summary is the outcome in a few lines.
func (o *Outcome) Summary() string {
	var b strings.Builder
	f := &o.Figures
	fmt.Fprintf(&b, "seed %d: %d faults, %d hops of %d chains, %d instances, %d messages, %d timers\n", o.Seed, len(o.Faults), f.Hops, f.Chains, f.Instances, f.Messages, f.Timers)
	fmt.Fprintf(&b, "published again: %d status records, %d task commands; %d results and %d side effects repeated\n", f.StatusAgain, f.CommandsAgain, f.ResultsAgain, f.EffectsAgain)
	fmt.Fprintf(&b, "fsck: %s\n", o.Fsck)
	for _, k := range ledger.Kinds() {
		fmt.Fprintf(&b, "%d %s  ", ledger.Count(o.Findings, k), k)
	}
	b.WriteString("\n")
	for n, finding := range o.Findings {
		if n == shown {
			fmt.Fprintf(&b, "… and %d more\n", len(o.Findings)-shown)
			break
		}
		fmt.Fprintf(&b, "%s: %s\n", strings.ToUpper(string(finding.Kind)), finding.What)
	}
	return b.String()
}
