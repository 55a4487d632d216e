package sim

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// process is an engine with its relay, or a relay alone: the product's own code,
// with a database session, a producer and a place in the group that are simulated.
type process struct {
	w      *World
	id     string
	number int // of all processes ever
	slot   int // which of the machines it runs on
	o      *orchestrator.Orchestrator
	r      *relay.Relay

	ctx    context.Context //nolint:containedctx // the life of the process
	kill   context.CancelFunc
	up     bool // o is there
	dead   bool
	paused bool
	frozen chan struct{} // closed when it wakes; nil: it is awake
	skew   time.Duration // of its clock
	random *rand.ChaCha8

	calls    map[string]int
	producer *producer
	metrics  *prometheus.Registry
	holdings map[int32]*holding

	mu     sync.Mutex
	stream map[int32]map[string]bool // what is not fetched for now, by home and topic
}

// start begins a process on a machine.
func (w *World) start(slot int) {
	w.started++
	p := &process{
		w: w, id: processName(w.started), number: w.started, slot: slot, calls: make(map[string]int),
		holdings: make(map[int32]*holding), stream: make(map[int32]map[string]bool),
		random: rand.NewChaCha8(seedOf(w.random.Uint64())),
	}
	p.producer = newProducer(p)
	if w.cfg.Faults.Clock {
		p.skew = time.Duration(w.random.IntN(4000)-2000) * time.Millisecond
	}
	p.ctx, p.kill = context.WithCancel(context.Background())
	w.machines[slot] = p
	w.log(event{what: "start process", who: p.id, home: -1})
	w.running.Go(p.run)
}

func seedOf(n uint64) (seed [32]byte) {
	binary.LittleEndian.PutUint64(seed[:], n)
	return seed
}

func processName(n int) string { return "p" + string(rune('0'+n/10%10)) + string(rune('0'+n%10)) }

// Read gives chance to the process.
func (p *process) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.Read(b)
}

func (p *process) clock() time.Time { return time.Now().Add(p.skew) }

// run is the main function of a process.
func (p *process) run() {
	cfg := relay.Config{
		Store: session{p}, Producer: p.producer, Holder: p.id, Random: p,
		// Seldom enough that housekeeping does not fill the simulation.
		LeaseTTL: 6 * time.Second, SaveEvery: 2 * time.Second, WatchEvery: 10 * time.Second, RotateCheck: 10 * time.Second, RotateEvery: 30 * time.Second,
		PollMin: 100 * time.Millisecond, PollMax: 2 * time.Second, BacklogRows: 20, AlarmAge: time.Hour, RetryMax: time.Second,
	}
	if p.isRelay() {
		p.r = relay.New(cfg)
		_ = p.r.Run(p.ctx) // the configuration is right
		return
	}
	cfg.Homes = func() []int32 { return p.o.Homes() }
	p.r = relay.New(cfg)
	if !p.boot() {
		return
	}
	var parts sync.WaitGroup
	if p.w.cfg.Relays == 0 {
		parts.Go(func() { _ = p.r.Run(p.ctx) })
	}
	_ = p.o.Run(p.ctx) // ends with ctx
	parts.Wait()
}

func (p *process) isRelay() bool { return p.slot >= p.w.cfg.Engines }

// boot makes the orchestrator, trying again while the database is away.
func (p *process) boot() bool {
	for p.ctx.Err() == nil {
		p.metrics = prometheus.NewRegistry()
		o, err := orchestrator.New(p.ctx, orchestrator.Config{
			ID: p.id, Store: session{p}, Relay: p.publisher(), Metrics: p.metrics, Clock: p.clock, Random: p, Decide: p.decide,
			BatchBytes: 24 << 10, // some batches are too large for it, no step is
		})
		if err == nil {
			o.UseConsumer(p)
			p.o, p.up = o, true
			return true
		}
		p.sleep(100 * time.Millisecond)
	}
	return false
}

func (p *process) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ctx.Done():
	case <-timer.C:
	}
	p.w.meet()
}

func (p *process) publisher() orchestrator.Relay {
	if p.w.cfg.Relays > 0 {
		return elsewhere{}
	}
	return p.r
}

// elsewhere leaves publishing to relays of their own.
type elsewhere struct{}

func (elsewhere) Offer(int32, int64, []byte)              {}
func (elsewhere) Wait(ctx context.Context, _ int32) error { return ctx.Err() }

// crash ends a process as kill -9 does: nothing it does from now on has any
// effect, except for what is on its way already.
func (w *World) crash(p *process) {
	w.log(event{what: "crash", who: p.id, home: -1})
	p.dead = true
	w.group.gone(p)
	w.meet()
	if p.paused {
		p.thaw()
	}
	w.mu.Lock()
	waiting := append([]*call(nil), w.waiting...)
	w.mu.Unlock()
	for _, c := range waiting {
		if c.p != p || c.alone {
			continue
		}
		w.unpark(c)
		if c.writes && w.random.IntN(2) == 0 {
			w.again(c)
		}
		c.answer <- errCrashed
	}
	for _, at := range p.producer.pending() {
		if w.random.IntN(2) == 0 { // in flight, or lost
			w.appended(p, at, p.producer.queues[at][0].records)
		}
	}
	clear(p.producer.queues)
	p.kill()
	w.machines[p.slot] = nil
}

func (p *process) freeze() {
	p.paused, p.frozen = true, make(chan struct{})
	p.w.meet()
}

func (p *process) thaw() {
	thaw := p.frozen
	p.paused, p.frozen = false, nil
	p.w.meet()
	close(thaw)
}

// Pause stops fetching a topic for a home.
func (p *process) Pause(home int32, topic string) { p.setStream(home, topic, true) }

// Resume goes on.
func (p *process) Resume(home int32, topic string) { p.setStream(home, topic, false) }

func (p *process) setStream(home int32, topic string, stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream[home] == nil {
		p.stream[home] = make(map[string]bool)
	}
	p.stream[home][topic] = stopped
}

func (p *process) stopped(home int32, topic string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stream[home][topic]
}

// CommitHint is for dashboards.
func (p *process) CommitHint(map[kafka.TopicPartition]int64) {}

// take hands records to the orchestrator as the consumer does.
func (p *process) take(home int32, records []wire.Record) { p.o.Take(home, records) }

// committed tells the checker about a batch that has become true.
func (w *World) committed(p *process, f store.Fence, rows *store.Rows) {
	w.check.committed(p, f, rows)
	if len(rows.Outbox) > 0 && w.chance(w.cfg.Faults.Visibility, 10) {
		w.db.hidden = append(w.db.hidden, outboxKey{f.Home, f.OutboxSeq + 1})
	}
}
