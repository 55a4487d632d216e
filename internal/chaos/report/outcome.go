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

	Processors int
	Load       float64 // average of the last quarter of an hour, at the end of the faults

	Warmed  time.Time // when load began, Began when faults did, Mended when the last was, Settled when all had gone on
	Began   time.Time
	Mended  time.Time
	Settled time.Time

	Faults    []fault.Injected
	Deaths    []site.Death
	Figures   ledger.Figures
	Findings  []ledger.Finding
	PerSecond map[int64]int // hops by Unix time
	Fsck      string
}

// shown is how many findings of a kind are listed; all are counted.
const shown = 10

// list gives the findings to show, and says how many are left out.
func (o *Outcome) list() (some []ledger.Finding, more int) {
	seen := make(map[ledger.Kind]int)
	for _, f := range o.Findings {
		if seen[f.Kind]++; seen[f.Kind] <= shown {
			some = append(some, f)
		}
	}
	return some, len(o.Findings) - len(some)
}

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
	some, more := o.list()
	for _, finding := range some {
		fmt.Fprintf(&b, "%s: %s\n", strings.ToUpper(string(finding.Kind)), finding.What)
	}
	if more > 0 {
		fmt.Fprintf(&b, "… and %d more\n", more)
	}
	return b.String()
}
