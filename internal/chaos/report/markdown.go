package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/ledger"
)

// meanings say what each kind of finding would have been.
var meanings = map[ledger.Kind]string{
	ledger.Lost:      "a status record, task command, hop, message, side effect or step of history that should be there and is not",
	ledger.Doubled:   "a start, message, task or branch that took effect twice; work done twice that no fault explains",
	ledger.Forked:    "a chain with two next hops; two copies of a record, or two books, that differ; an answer out of nothing",
	ledger.Reordered: "a status record or task command whose first copy appeared before that of what precedes it",
	ledger.Early:     "a timer or a retry before it was due, by the engine's clock, by Kafka's timestamp or by the worker's clock",
	ledger.Waiting:   "an instance that did not go on when everything was mended",
	ledger.Defect:    "an incident, a dead letter, a parked instance, an engine or relay that ended by itself, a finding of `fsck`",
}

// Markdown is the report for people.
func (o *Outcome) Markdown() string {
	var b strings.Builder
	o.introduction(&b)
	o.verdict(&b)
	o.recoveries(&b)
	o.books(&b)
	if len(o.Deaths) > 0 {
		fmt.Fprintf(&b, "\n## Ended by themselves\n\nProcesses that nobody had ended, and that were started again:\n\n")
		for _, d := range o.Deaths {
			fmt.Fprintf(&b, "- %s at %s: %s\n", d.Process, d.At.UTC().Format(time.TimeOnly), d.How)
		}
	}
	return b.String()
}

func (o *Outcome) introduction(b *strings.Builder) {
	commit := ""
	if o.Commit != "" {
		commit = " of commit " + o.Commit
	}
	rates := o.rates()
	sorted := slices.Sorted(slices.Values(rates))
	fmt.Fprintf(b, `# Chaos

Written by `+"`make chaos DURATION=%s SEED=%d`"+`%s on %s; the same seed gives the same schedule of faults.
The figures are in [chaos.json](chaos.json) too, with every fault and the throughput of every second.

Apache Kafka 4.2 and Postgres %s (fsync on), two engines (one that publishes itself, one that leaves it to the relays), two relays, two workers in Go and two in Python:
ten processes on one machine with %d processors and a load average of %.0f (other work included), with a TCP proxy on each of the twelve connections between them. **%d faults in %s**, one every %s; %d chains of echoes made
**%d hops** meanwhile (%d a second in the median, %d at most), beside %d short processes.

![Throughput over time with the faults](chaos.svg)

`, o.Duration, o.Seed, commit, o.Began.UTC().Format(time.DateOnly), o.Postgres, o.Processors, o.Load, len(o.Faults), o.Duration, o.Every, o.Figures.Chains,
		o.Figures.Hops, sorted[len(sorted)/2], sorted[len(sorted)-1], o.Figures.Instances-o.Figures.Chains)
}

func (o *Outcome) verdict(b *strings.Builder) {
	b.WriteString("## What was found\n\n| | | what it would be |\n|---|---|---|\n")
	for _, k := range ledger.Kinds() {
		fmt.Fprintf(b, "| **%s** | **%d** | %s |\n", k, ledger.Count(o.Findings, k), meanings[k])
	}
	fmt.Fprintf(b, "\nWhen the last fault was mended, every chain and every short process had gone on after %s. Then everything was ended in order, and `orchestrator fsck` said: %s.\n",
		o.Settled.Sub(o.Mended).Round(time.Second), o.Fsck)
	some, more := o.list()
	for _, f := range some {
		fmt.Fprintf(b, "\n- %s: %s\n", f.Kind, strings.ReplaceAll(f.What, "\n", " "))
	}
	if more > 0 {
		fmt.Fprintf(b, "\n- … and %d more\n", more)
	}
}

func (o *Outcome) recoveries(b *strings.Builder) {
	fmt.Fprintf(b, `
## Faults and recoveries

A fault is *felt* if within %d s a second has less than half the hops of the median of the %d s before. It has *recovered* with the first second of at least nine
tenths, counted from the fault's beginning; faults overlap, so the time contains what else was broken meanwhile. The longest time without any hop was %s.

| hit | fault | how often | felt | recovery p50 | max |
|---|---|---|---|---|---|
`, lookFor, medianOf, silence(o.rates()))
	for _, r := range o.rows() {
		p50, most := "", ""
		if r.Felt > 0 {
			p50, most = seconds(r.P50), seconds(r.Max)
		}
		count := fmt.Sprint(r.Count)
		if r.Failed > 0 {
			count += fmt.Sprintf(" (%d in vain)", r.Failed)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %d | %s | %s |\n", r.Target, r.Kind, count, r.Felt, p50, most)
	}
}

func seconds(m millis) string { return fmt.Sprintf("%.1f s", time.Duration(m).Seconds()) }

func (o *Outcome) books(b *strings.Builder) {
	f := &o.Figures
	fmt.Fprintf(b, `
## What was compared

Three books, kept apart from each other: the engine's history in Postgres (%d steps), all records of all topics in Kafka (%d status records, %d task commands, %d results), and
what the workers wrote down before they answered (%d side effects); and what was sent (%d messages).

- **Chains**: each hop has exactly one task command, a side effect and one completion; no hop is missing, none has two successors.
- **Every attempt at a task** is told of by status, commanded, worked on, answered and completed, in that order and consistently. First copies are in order.
- **Every instance** has one status record per sequence without gaps, and history says the same, byte for byte.
- **Short processes** each began once and ended by a way their model allows: three branches joined once; messages that raced with what waits for them (some sent
  twice) were taken once each; claims paid, refused by BPMN error (%d), or paid with the third attempt (%d retries); of answer, message and timer exactly one won (%d tasks were interrupted).
- **Timers**: %d fired, none before it was due by three clocks; in the median %d ms after, at most %.1f s, which is how long engines, Kafka or Postgres were away.

Delivery is at least once, and this is what it came to: %d status records and %d task commands were published again, with the same content; workers did %d tasks again,
each time after a fault (%d after a rebalance that Kafka tells of and no fault explains: the machine was busy), and sent %d results again, which changed nothing.
`, f.HistorySteps, f.Status, f.Commands, f.Results, f.Effects, f.Messages, f.BusinessErrors, f.Retries, f.Interrupted, f.Timers,
		time.Duration(f.TimerLatenessP50).Milliseconds(), time.Duration(f.TimerLatenessMost).Seconds(), f.StatusAgain, f.CommandsAgain, f.EffectsAgain, f.EffectsByTurmoil, f.ResultsAgain)
}
