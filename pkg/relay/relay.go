package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// Relay publishes outbox rows. All methods are safe for concurrent use.
type Relay struct {
	cfg     Config
	metrics *metrics
	quiet   *zap.Logger // for what homes would say again and again
	keeper  *keeper
	born    time.Time     // what deadlines are counted from: differences of times of one process use its monotonic clock
	lone    chan struct{} // held by the home that publishes record by record, see refusal.go

	mu     sync.RWMutex
	shards map[int32]*shard // leased homes
}

// New returns a relay that does nothing until Run. Mistakes in cfg are reported by Run.
func New(cfg Config) *Relay {
	cfg.setDefaults()
	r := &Relay{
		cfg:     cfg,
		metrics: newMetrics(cfg.Metrics),
		quiet:   quiet(cfg.Logger),
		born:    time.Now(),
		lone:    make(chan struct{}, 1),
		shards:  make(map[int32]*shard),
	}
	r.keeper = &keeper{relay: r, known: make(map[int32]bool)}
	return r
}

// quietFor is how long the same message is not repeated.
const quietFor = 30 * time.Second

func quiet(l *zap.Logger) *zap.Logger {
	return l.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, quietFor, 1, 0)
	}))
}

// Run publishes until ctx ends. Then it hands out nothing more, waits a moment for Kafka's acknowledgements, stores what is published and
// gives its leases up, so that another relay goes on at once. It returns nil then, and an error only for a wrong Config: a database or
// Kafka that is away is waited for.
func (r *Relay) Run(ctx context.Context) error {
	if err := r.cfg.validate(); err != nil {
		return err
	}
	watcher := watcher{relay: r, gaps: make(map[int32]time.Time), alarmed: make(map[int32]time.Time)}
	rotation := rotation{relay: r}
	var loops sync.WaitGroup
	loops.Go(func() { r.keeper.run(ctx) })
	loops.Go(func() { watcher.run(ctx) })
	loops.Go(func() { rotation.run(ctx) })
	if r.cfg.Homes == nil {
		loops.Go(func() { r.poll(ctx) })
	}
	loops.Wait()
	return nil
}

// Ready returns nil while the relay reaches the database, else why not.
func (r *Relay) Ready() error {
	contact, err := r.keeper.state()
	switch {
	case err != nil:
		return err
	case contact.IsZero():
		return errors.New("relay has not begun")
	case time.Since(contact) > r.cfg.LeaseTTL:
		return fmt.Errorf("no contact with the database for %s", time.Since(contact).Round(time.Second))
	}
	return nil
}

// Offer brings an outbox row right after its commit; data must not change any more. If the relay holds the home and seq is its next row,
// it is published from memory; else it is read from the table in its turn. Offer never waits.
func (r *Relay) Offer(home int32, seq int64, data []byte) {
	if s := r.shard(home); s != nil {
		s.offer(seq, data)
	}
}

// Backlog tells what of a home waits for acknowledgement: how many rows, and how many bytes of them are in memory. Both are 0 for a home
// whose lease the relay does not hold.
func (r *Relay) Backlog(home int32) (rows, bytes int64) {
	if s := r.shard(home); s != nil {
		return s.backlog()
	}
	return 0, 0
}

// Wait returns when the home's backlog is below Config.BacklogRows and BacklogBytes, when the relay does not hold its lease (any more), or
// when ctx ends, with its error.
func (r *Relay) Wait(ctx context.Context, home int32) error {
	if s := r.shard(home); s != nil {
		return s.waitForRoom(ctx)
	}
	return ctx.Err()
}

// Held lists the homes whose lease the relay holds, in order.
func (r *Relay) Held() []int32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	homes := make([]int32, 0, len(r.shards))
	for home := range r.shards {
		homes = append(homes, home)
	}
	slices.Sort(homes)
	return homes
}

func (r *Relay) shard(home int32) *shard {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.shards[home]
}

// held lists the shards by home.
func (r *Relay) held() []*shard {
	r.mu.RLock()
	defer r.mu.RUnlock()
	shards := make([]*shard, 0, len(r.shards))
	for _, s := range r.shards {
		shards = append(shards, s)
	}
	slices.SortFunc(shards, func(a, b *shard) int { return int(a.lease.Home - b.lease.Home) })
	return shards
}

// add starts publishing a home whose lease was taken in an attempt that began at attempt.
func (r *Relay) add(lease store.RelayLease, attempt time.Time) {
	ctx, s := newShard(r, lease)
	s.trustFrom(attempt)
	r.mu.Lock()
	r.shards[lease.Home] = s
	r.mu.Unlock()
	go s.run(ctx)
	r.metrics.leases.WithLabelValues(leaseTaken).Inc()
	r.cfg.Logger.Info("relay lease taken", zap.Int32("home", lease.Home), zap.Int64("term", lease.Term), zap.Int64("published_seq", lease.PublishedSeq))
}

// What can happen to a lease.
const (
	leaseTaken    = "taken"
	leaseLost     = "lost"
	leaseReleased = "released"
)

// remove ends publishing a home.
func (r *Relay) remove(s *shard, how string) {
	s.stop()
	s.expiry.Stop()
	r.mu.Lock()
	if r.shards[s.lease.Home] == s {
		delete(r.shards, s.lease.Home)
	}
	r.mu.Unlock()
	r.metrics.leases.WithLabelValues(how).Inc()
	r.cfg.Logger.Info("relay lease "+how, zap.Int32("home", s.lease.Home), zap.Int64("term", s.lease.Term))
}
