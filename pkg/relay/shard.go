package relay

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// shard publishes one home under one lease. It lives no longer than the lease: the next one begins afresh, and whatever Kafka still
// answers to this one goes nowhere.
type shard struct {
	relay *Relay
	lease store.RelayLease // as taken; PublishedSeq belongs to the keeper, which moves it to what is stored
	log   *zap.Logger

	stop     context.CancelFunc
	stopped  <-chan struct{} // closed by stop, or when the trust in the lease ends
	trust    atomic.Int64    // nanoseconds since Relay.born until which the lease is trusted
	expiry   *time.Timer     // stops the shard then
	ended    chan struct{}
	leaving  time.Time     // when the lease was decided to be given up; belongs to the keeper
	wake     chan struct{} // something happened that run may be waiting for
	unpacker wire.Unpacker
	typical  int // records of the last row
	pause    *backoff.ExponentialBackOff
	paused   int64 // what was acknowledged at the last pause

	mu      sync.Mutex
	next    int64             // row to hand to Kafka next
	known   int64             // highest row known to exist
	offered queue             // rows brought by Offer
	page    []store.OutboxRow // rows read from the table
	flight  flight
	careful int64         // rows up to this one are published record by record
	room    chan struct{} // closed when the backlog has shrunk; nil if nobody waits
}

// newShard returns a shard and the context to run it in.
func newShard(r *Relay, lease store.RelayLease) (context.Context, *shard) {
	ctx, stop := context.WithCancel(context.Background())
	s := &shard{
		relay: r,
		lease: lease,
		log:   r.cfg.Logger.With(zap.Int32("home", lease.Home), zap.Int64("term", lease.Term)),
		stop:  stop, stopped: ctx.Done(), ended: make(chan struct{}),
		wake: make(chan struct{}, 1),
		next: lease.PublishedSeq + 1,
		pause: backoff.NewExponentialBackOff(backoff.WithRandomizationFactor(0), backoff.WithInitialInterval(r.cfg.RetryMin),
			backoff.WithMaxInterval(r.cfg.RetryMax), backoff.WithMaxElapsedTime(0)),
	}
	s.flight = flightFrom(lease.PublishedSeq)
	s.expiry = time.AfterFunc(math.MaxInt64, stop)
	return ctx, s
}

// trustFrom trusts the lease for another LeaseTTL, counted from before the database was asked for it, less the margin.
func (s *shard) trustFrom(attempt time.Time) {
	t := attempt.Add(s.relay.cfg.LeaseTTL - s.relay.cfg.margin())
	s.trust.Store(int64(t.Sub(s.relay.born)))
	s.expiry.Reset(time.Until(t))
}

// trusted is asked before each row. The timer alone would do if it could not be late.
func (s *shard) trusted() bool {
	return !s.isStopped() && int64(time.Since(s.relay.born)) < s.trust.Load()
}

func (s *shard) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// run hands the home's rows to Kafka until the lease ends.
func (s *shard) run(ctx context.Context) {
	defer close(s.ended)
	defer s.stop()
	err := s.lookForRows(ctx)
	for s.trusted() {
		switch {
		case err != nil:
			s.relay.quiet.Warn("publishing the outbox is interrupted", zap.Int32("home", s.lease.Home), zap.Int64("term", s.lease.Term), zap.Error(err))
			s.takePause()
			err = s.lookForRows(ctx)
		case s.failed():
			err = s.goBack()
		default:
			err = s.step(ctx)
		}
	}
}

// step publishes the next row, or waits until there is one or room for it.
func (s *shard) step(ctx context.Context) error {
	if s.full() {
		return s.idle()
	}
	row, found, err := s.nextRow(ctx)
	switch {
	case err != nil:
		return err
	case !found:
		return s.idle()
	case row.Seq <= s.careful:
		return s.publishOneByOne(row)
	default:
		return s.publish(row)
	}
}

// lookForRows learns what the table holds: at the start, and when it may not be as thought.
func (s *shard) lookForRows(ctx context.Context) error {
	s.mu.Lock()
	after := s.next - 1
	s.mu.Unlock()
	lags, err := s.relay.cfg.Store.LagOutbox(ctx, []int32{s.lease.Home}, []int64{after})
	for _, lag := range lags {
		s.learn(lag)
	}
	return s.unlessStopped(err)
}

// nextRow finds row s.next: offered, read already, or read now.
func (s *shard) nextRow(ctx context.Context) (row store.OutboxRow, found bool, err error) {
	s.mu.Lock()
	row, found = s.takeRow()
	read := store.OutboxRead{Home: s.lease.Home, After: s.next - 1, Rows: s.relay.cfg.ReadRows, Bytes: s.relay.cfg.ReadBytes}
	known := s.known
	if first, any := s.offered.first(); any {
		read.Rows = min(read.Rows, first-s.next)
	}
	s.mu.Unlock()
	if found || known < read.After+1 {
		return row, found, nil
	}
	page, err := s.relay.cfg.Store.ReadOutbox(ctx, read)
	if err != nil {
		return row, false, s.unlessStopped(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page = page
	row, found = s.takeRow()
	if !found && s.known == known {
		s.known = s.next - 1 // can't be seen: the next offer, or look at the tables, brings us back
	}
	return row, found, nil
}

// takeRow takes row s.next if it is in memory. The caller holds s.mu.
func (s *shard) takeRow() (row store.OutboxRow, found bool) {
	if len(s.page) > 0 && s.page[0].Seq == s.next {
		row, s.page = s.page[0], s.page[1:]
		return row, true
	}
	s.page = nil
	return s.offered.take(s.next)
}

// idle waits until something happens.
func (s *shard) idle() error {
	select {
	case <-s.stopped:
	case <-s.wake:
	}
	return nil
}

// takePause waits the longer the more often in a row it is called without progress.
func (s *shard) takePause() {
	s.mu.Lock()
	progress := s.flight.acked > s.paused
	s.paused = s.flight.acked
	s.mu.Unlock()
	if progress {
		s.pause.Reset()
	}
	timer := time.NewTimer(s.relay.jittered(s.pause.NextBackOff()))
	defer timer.Stop()
	select {
	case <-s.stopped:
	case <-timer.C:
	}
}

// jittered is d, longer or shorter by up to a half by chance.
func (r *Relay) jittered(d time.Duration) time.Duration {
	var by [1]byte
	_, _ = io.ReadFull(r.cfg.Random, by[:]) // without chance there is no jitter
	return d/2 + d*time.Duration(by[0])/255
}

func (s *shard) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// unlessStopped drops errors that come from the lease having ended.
func (s *shard) unlessStopped(err error) error {
	if s.isStopped() && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
