package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// book keeps what is known of every instance of a run: when it was sent, and
// what its status records said. sent is called by one goroutine, note by another.
type book struct {
	pages      [1 << 14]atomic.Pointer[page]
	started    atomic.Int64
	completed  atomic.Int64
	duplicates atomic.Int64 // status records seen again: delivery is at least once
	first      atomic.Int64 // unix nanoseconds of the first start message
	last       atomic.Int64 // unix nanoseconds of the last completion

	mu        sync.Mutex
	latencies []uint32 // microseconds
	finished  chan struct{}
	all       atomic.Bool
	err       error
}

const pageSize = 1 << 13

type page [pageSize]entry

// entry is one instance.
type entry struct {
	sent      int64  // unix nanoseconds
	instance  uint64 // part of its id
	sequence  uint32 // of the last status record
	completed bool
}

func newBook() *book { return &book{finished: make(chan struct{})} }

// open is how many instances are started and not completed.
func (b *book) open() int { return int(b.started.Load() - b.completed.Load()) }

func (b *book) sent(n int, at time.Time) {
	if n%pageSize == 0 {
		b.pages[n/pageSize].Store(new(page))
	}
	b.pages[n/pageSize].Load()[n%pageSize].sent = at.UnixNano()
	b.first.CompareAndSwap(0, at.UnixNano())
	b.started.Add(1)
}

// sentAll says that no more instances will be started.
func (b *book) sentAll() {
	b.all.Store(true)
	b.checkFinished()
}

// fail ends the run.
func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.finish()
	}
}

func (b *book) checkFinished() {
	if !b.all.Load() || b.open() > 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish()
}

func (b *book) finish() {
	select {
	case <-b.finished:
	default:
		close(b.finished)
	}
}

// wait returns when every instance has completed, with the first failure, or
// when none has completed for the time of stall.
func (b *book) wait(ctx context.Context, stall time.Duration) error {
	every := time.NewTicker(stall)
	defer every.Stop()
	for before := int64(-1); ; {
		select {
		case <-b.finished:
			return b.failure()
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
			if now := b.completed.Load(); now == before {
				return fmt.Errorf("%d instances did not complete, none within %s", b.open(), stall)
			} else {
				before = now
			}
		}
	}
}

// failure is the first one, if any.
func (b *book) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// statusRecord is what counts of a status record.
type statusRecord struct {
	n         int // of the instance in this run
	instance  [16]byte
	sequence  uint32
	completed bool
}

// note enters a status record; those of other runs are skipped.
func (l *load) note(r *kgo.Record, now time.Time) error {
	s, mine, err := l.read(r)
	if err != nil {
		return fmt.Errorf("status record %s[%d]@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	if !mine {
		return nil
	}
	return l.book.note(s, now)
}

func (l *load) read(r *kgo.Record) (s statusRecord, mine bool, err error) {
	var id, kind, key []byte
	for i := range r.Headers {
		switch h := &r.Headers[i]; h.Key {
		case wire.HeaderCEID:
			id = h.Value
		case wire.HeaderCEType:
			kind = h.Value
		case wire.HeaderBusinessKey:
			key = h.Value
		}
	}
	if len(key) != len(l.run)+1+keyDigits || string(key[:len(l.run)]) != l.run {
		return s, false, nil
	}
	if s.n, err = strconv.Atoi(string(key[len(l.run)+1:])); err != nil {
		return s, false, fmt.Errorf("business key %q: %w", key, err)
	}
	var ok bool
	if len(id) < 38 {
		return s, false, fmt.Errorf("ce_id %q is not <instance>.<sequence>", id)
	}
	if s.instance, ok = wire.ParseUUID(id[:36]); !ok || !bytes.Equal(r.Key, id[:36]) {
		return s, false, fmt.Errorf("ce_id %q does not begin with the record key %q", id, r.Key)
	}
	seq, err := strconv.ParseUint(string(id[37:]), 10, 32)
	s.sequence, s.completed = uint32(seq), bytes.HasSuffix(kind, []byte(".completed"))
	return s, true, err
}

func (b *book) note(s statusRecord, now time.Time) error {
	p := b.pages[s.n/pageSize].Load()
	if p == nil {
		return fmt.Errorf("instance %d was never started", s.n)
	}
	e := &p[s.n%pageSize]
	part := binary.BigEndian.Uint64(s.instance[:8]) ^ binary.BigEndian.Uint64(s.instance[8:])
	switch {
	case e.sequence == 0:
		e.instance = part
	case e.instance != part:
		return fmt.Errorf("start message %d made two instances, the second is %x", s.n, s.instance)
	}
	switch {
	case s.sequence <= e.sequence:
		b.duplicates.Add(1)
		return nil
	case s.sequence != e.sequence+1:
		return fmt.Errorf("instance %x: sequence %d after %d", s.instance, s.sequence, e.sequence)
	case e.completed:
		return fmt.Errorf("instance %x: sequence %d after it completed", s.instance, s.sequence)
	}
	e.sequence = s.sequence
	if e.completed = s.completed; s.completed {
		b.complete(e, now)
	}
	return nil
}

func (b *book) complete(e *entry, now time.Time) {
	b.latencies = append(b.latencies, uint32(min((now.UnixNano()-e.sent)/1000, 1<<32-1)))
	b.last.Store(now.UnixNano())
	b.completed.Add(1)
	b.checkFinished()
}

// quantiles gives latencies in milliseconds, in the order of qs (0 to 1).
func (b *book) quantiles(qs ...float64) []float64 {
	slices.Sort(b.latencies)
	out := make([]float64, len(qs))
	if len(b.latencies) == 0 {
		return out
	}
	for i, q := range qs {
		out[i] = float64(b.latencies[int(q*float64(len(b.latencies)-1))]) / 1000
	}
	return out
}
