package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Config says what is simulated. A run is the same for the same Config.
type Config struct {
	Seed    uint64
	Steps   int
	Engines int
	Relays  int // of their own; 0: each engine publishes
	Homes   int32
	Random  int // processes of the generator, beside those made by hand
	Faults  Faults
	// Only are the steps done, ascending; nil: all. Each step draws its own chance,
	// so that leaving some out changes the others little.
	Only []int

	// What is broken on purpose, to see that it is found.
	Guards        Guards
	IgnoreAttempt bool
}

// Faults are the kinds of things that go wrong.
type Faults struct {
	Database   bool // calls fail, or succeed without an answer, or later
	Visibility bool // outbox rows are seen late
	Kafka      bool // appends fail, or succeed without an answer
	Crash      bool // processes die
	Zombie     bool // processes stand still and wake up
	Rebalance  bool // homes move
	Clock      bool // clocks differ
	Workers    bool // workers answer twice, late, wrongly or never
	Defects    bool // the engine fails
	Deploy     bool // models are deployed while instances run
}

// Default is the configuration that belongs to a seed: everything that can go
// wrong does, in a world of a random size.
func Default(seed uint64, steps int) Config {
	r := rand.New(rand.NewPCG(seed, 1<<63))
	c := Config{Seed: seed, Steps: steps, Engines: 1 + r.IntN(3), Homes: int32(1 + r.IntN(4)), Random: r.IntN(4)}
	if r.IntN(3) == 0 {
		c.Relays = 1 + r.IntN(2)
	}
	for _, f := range c.Faults.all() {
		*f = r.IntN(6) > 0
	}
	return c
}

func (f *Faults) all() []*bool {
	return []*bool{&f.Database, &f.Visibility, &f.Kafka, &f.Crash, &f.Zombie, &f.Rebalance, &f.Clock, &f.Workers, &f.Defects, &f.Deploy}
}

var faultNames = []string{"Database", "Visibility", "Kafka", "Crash", "Zombie", "Rebalance", "Clock", "Workers", "Defects", "Deploy"}

func (f Faults) String() (s string) {
	for i, on := range f.all() {
		if *on {
			s += " " + faultNames[i]
		}
	}
	return s
}

// World is everything there is in a run. Its methods are called by one goroutine,
// the scheduler; everything else runs only while that sleeps.
type World struct {
	cfg    Config
	names  wire.Names
	pcg    *rand.PCG
	random *rand.Rand // of this step
	calm   bool       // nothing goes wrong any more

	db       *Database
	kafka    *cluster
	group    *group
	workers  *workers
	senders  *senders
	check    *checker
	machines []*process // nil: nothing runs there
	started  int
	running  sync.WaitGroup

	compiled map[int64]*bpmn.Process

	mu      sync.Mutex
	waiting []*call
	scratch []*call

	step  int
	done  int // things the scheduler did
	trace trace
	// Broken is what must never be, "" if all is well.
	broken string
}

// newWorld is a world in which nothing runs yet. It must be made in the bubble.
func newWorld(cfg Config) *World {
	w := &World{cfg: cfg, pcg: rand.NewPCG(cfg.Seed, 0), machines: make([]*process, cfg.Engines+cfg.Relays), compiled: make(map[int64]*bpmn.Process)}
	w.random = rand.New(w.pcg)
	w.db = NewDatabase(time.Now)
	w.db.guard = cfg.Guards
	w.kafka = newCluster(cfg.Homes, w.names)
	w.group = &group{w: w, owner: make(map[int32]*process), next: make(map[int32]*process)}
	w.workers = &workers{w: w}
	w.senders = &senders{w: w}
	w.check = newChecker(w)
	w.trace.hash = 14695981039346656037
	return w
}

// chance is one in n, for a kind of fault that is on.
func (w *World) chance(on bool, n int) bool { return on && !w.calm && w.random.IntN(n) == 0 }

// fail notes the first thing that must never be.
func (w *World) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == "" {
		w.broken = fmt.Sprintf("step %d: ", w.step) + fmt.Sprintf(format, args...)
	}
}

// settled waits until everybody waits for the scheduler, the clock or each other.
func (w *World) settled() { synctest.Wait() }

// run is a whole life: start, disturb, heal, look.
func (w *World) run() {
	w.pcg.Seed(w.cfg.Seed, 1<<62)
	w.prologue()
	for w.step = 1; w.step <= w.cfg.Steps && w.broken == ""; w.step++ {
		if _, chosen := slices.BinarySearch(w.cfg.Only, w.step); w.cfg.Only != nil && !chosen {
			continue
		}
		w.pcg.Seed(w.cfg.Seed, uint64(w.step))
		w.settled()
		w.act()
	}
	w.settled()
	if w.broken == "" {
		w.heal()
	}
	w.end()
}

// prologue starts everything and deploys, without faults.
func (w *World) prologue() {
	w.calm = true
	for slot := range w.machines {
		w.start(slot)
	}
	w.until("all engines are up", func() bool {
		for _, p := range w.machines[:w.cfg.Engines] {
			if !p.up {
				return false
			}
		}
		return true
	})
	w.deployAll()
	w.calm = false
}

// until lets everything happen that can until cond holds.
func (w *World) until(what string, cond func() bool) {
	for range 10_000 {
		w.settled()
		if cond() || w.broken != "" {
			return
		}
		if !w.goOn() {
			w.advance(100 * time.Millisecond)
		}
	}
	w.fail("it never came that %s", what)
}

// end lets everything die, so that no goroutine is left.
func (w *World) end() {
	w.calm = true
	for _, p := range w.machines {
		if p != nil {
			w.crash(p)
		}
	}
	w.meet()
	w.running.Wait()
	<-time.After(time.Minute) // releases and leases of the dead time out
	w.settled()
}

// meet puts what the scheduler has done before what a process does now. Only one of
// them runs at a time, but a process that a timer has woken has not been told by
// anybody, and the race detector wants to know.
func (w *World) meet() {
	w.mu.Lock()
	defer w.mu.Unlock()
}

// advance lets time pass. When much of it does, everybody sleeps through it, as in
// a machine that stands still: else those who wait would give up and begin again
// a thousand times.
func (w *World) advance(d time.Duration) {
	w.log(event{what: "time passes", home: -1, d: d})
	var asleep []*process
	for _, p := range w.machines {
		if d > 3*time.Second && p != nil && !p.paused {
			asleep = append(asleep, p)
			p.freeze()
		}
	}
	w.meet()
	<-time.After(d)
	w.settled()
	for _, p := range asleep {
		p.thaw()
	}
}
