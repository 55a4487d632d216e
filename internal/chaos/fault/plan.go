package fault

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// Kind is what is done.
type Kind string

// The kinds of faults.
const (
	Kill      Kind = "kill -9"   // and start again after For
	Pause     Kind = "SIGSTOP"   // SIGCONT after For: a zombie that believes what it knew
	Restart   Kind = "restart"   // SIGTERM, and start again
	Crash     Kind = "crash"     // Postgres: immediate shutdown, recovery after For
	Delay     Kind = "latency"   // on a connection, for For
	Cut       Kind = "cut"       // all TCP connections of a process to a server, once
	Refuse    Kind = "refuse"    // cut and not accepted for For
	Freeze    Kind = "blackhole" // nothing passes for For, nobody is told
	Snapshot  Kind = "snapshot"  // a transaction that holds a snapshot for For
	Rebalance Kind = "rebalance" // a member is thrown out of its consumer group
	Redeploy  Kind = "redeploy"  // new versions of all models
)

// Fault is something planned.
type Fault struct {
	At     time.Duration // since the first could be
	Kind   Kind
	Target string        // a process, a server, a connection "a to b", a group, or "all models"
	For    time.Duration // how long it lasts; 0: a moment
	Delay  time.Duration // of latency
}

func (f Fault) String() string {
	text := fmt.Sprintf("%s %s", f.Kind, f.Target)
	if f.Delay > 0 {
		text += " by " + f.Delay.String()
	}
	if f.For > 0 {
		text += " for " + f.For.String()
	}
	return text
}

// The servers.
const (
	kafka    = "kafka"
	postgres = "postgres"
)

// choice is a kind of fault with its targets; of weight in all weights one fault
// is of it.
type choice struct {
	kind           Kind
	weight         int
	targets        []string
	shortest, most time.Duration // how long it lasts; equal likely in each order of magnitude
}

// choices weigh processes most: they are many, and their death is what happens.
func choices() []choice {
	var toKafka, toPostgres []string
	for _, name := range concat(site.Engines, site.Relays, site.Workers) {
		toKafka = append(toKafka, name+" to "+kafka)
	}
	for _, name := range concat(site.Engines, site.Relays) {
		toPostgres = append(toPostgres, name+" to "+postgres)
	}
	links := concat(toKafka, toPostgres)
	const second, moment = time.Second, time.Second / 5
	return []choice{
		{Kill, 12, site.Engines, moment, 5 * second},
		{Kill, 9, site.Relays, moment, 5 * second},
		{Kill, 12, site.Workers, moment, 5 * second},
		{Kill, 2, []string{kafka}, moment, 3 * second},
		{Crash, 3, []string{postgres}, moment, 3 * second},
		{Pause, 6, site.Engines, second, 60 * second},
		{Pause, 5, site.Relays, second, 60 * second},
		{Pause, 6, site.Workers, second, 60 * second},
		{Pause, 1, []string{kafka}, second, 10 * second},
		{Pause, 2, []string{postgres}, second, 10 * second},
		{Restart, 6, concat(site.Engines, site.Relays, site.Workers), 0, 0},
		{Delay, 8, links, 2 * second, 30 * second},
		{Cut, 8, links, 0, 0},
		{Refuse, 4, links, second, 20 * second},
		{Freeze, 4, links, second, 20 * second},
		{Snapshot, 4, []string{postgres}, 10 * second, 60 * second},
		{Rebalance, 5, []string{site.Group, "chaos-echo-go", "chaos-python"}, 0, 0},
		{Redeploy, 3, []string{"all models"}, 0, 0},
	}
}

func concat(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Plan gives the faults of a run of that length, every so often on average: the
// same for the same seed. A target is not harmed again before it is mended.
func Plan(seed uint64, length, every time.Duration) (plan []Fault) {
	random := rand.New(rand.NewPCG(seed, 0))
	all := choices()
	mended := make(map[string]time.Duration)
	// From half to one and a half times the mean: pauses long enough to see
	// recoveries, and overlaps.
	next := func() time.Duration { return time.Duration((0.5 + random.Float64()) * float64(every)) }
	for at := next() / 2; at < length; {
		f := pick(random, all)
		f.At = at
		if mended[f.Target] > at {
			continue // draw again
		}
		mended[f.Target] = at + f.For + time.Second
		plan = append(plan, f)
		at += next()
	}
	return plan
}

func pick(random *rand.Rand, all []choice) Fault {
	total := 0
	for _, c := range all {
		total += c.weight
	}
	n := random.IntN(total)
	for _, c := range all {
		if n -= c.weight; n < 0 {
			return c.draw(random)
		}
	}
	panic("weights do not add up") // n < total
}

func (c choice) draw(random *rand.Rand) Fault {
	f := Fault{Kind: c.kind, Target: c.targets[random.IntN(len(c.targets))]}
	if c.most > 0 {
		span := math.Log(float64(c.most) / float64(c.shortest))
		f.For = time.Duration(float64(c.shortest) * math.Exp(random.Float64()*span)).Round(10 * time.Millisecond)
	}
	if c.kind == Delay {
		f.Delay = time.Duration(20+random.IntN(480)) * time.Millisecond
	}
	return f
}
