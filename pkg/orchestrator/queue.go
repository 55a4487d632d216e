package orchestrator

import (
	"sync"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// source orders the inputs of a home: results first, so that what is under way
// ends before anything new begins and waiting starts never pile up work inside.
type source int

const (
	fromResults source = iota
	fromControl
	fromMessages
	sources
)

// partitionQueue holds the records of one input partition that are fetched but
// not decided.
type partitionQueue struct {
	partition store.InputPartition
	source    source
	// stored is the position in the database, moved by commits only: the home's
	// goroutine writes it with inbox.mu held, and alone may read it without.
	stored  int64
	records []wire.Record
	bytes   int
	paused  bool
}

// Bounds of a queue: beyond, fetching pauses; it resumes at half of them.
const (
	maxQueuedRecords = 20_000
	maxQueuedBytes   = 32 << 20
)

func (q *partitionQueue) full() bool {
	return len(q.records) > maxQueuedRecords || q.bytes > maxQueuedBytes
}

func (q *partitionQueue) low() bool {
	return len(q.records) < maxQueuedRecords/2 && q.bytes < maxQueuedBytes/2
}

func recordBytes(r *wire.Record) int { return len(r.Key) + len(r.Value) + 64*len(r.Headers) }

// add appends records that have not been decided yet.
func (q *partitionQueue) add(records []wire.Record) {
	for i := range records {
		if records[i].Offset < q.stored {
			continue // fetched again from before the position
		}
		q.records = append(q.records, records[i])
		q.bytes += recordBytes(&records[i])
	}
}

// take removes up to n records.
func (q *partitionQueue) take(n int) []wire.Record {
	n = min(n, len(q.records))
	taken := q.records[:n:n]
	q.records = q.records[n:]
	for i := range taken {
		q.bytes -= recordBytes(&taken[i])
	}
	return taken
}

// inbox is what waits for a home's goroutine. Consumers and callers put in, the
// goroutine takes out.
type inbox struct {
	mu     sync.Mutex
	queues [sources][]*partitionQueue
	calls  []*work
	closed bool
	wake   chan struct{} // capacity 1
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// put adds records of a partition; full says that fetching should pause.
func (b *inbox) put(q *partitionQueue, records []wire.Record) (full bool) {
	b.mu.Lock()
	q.add(records)
	full = q.full() && !q.paused
	q.paused = q.paused || full
	b.mu.Unlock()
	b.signal()
	return full
}

// advance notes that a commit has moved the position of a partition.
func (b *inbox) advance(q *partitionQueue, stored int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q.stored = stored
}

// call adds a local input; false: the home is closed.
func (b *inbox) call(w *work) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.calls = append(b.calls, w)
	b.signal()
	return true
}

// close refuses further calls and returns those still waiting.
func (b *inbox) close() []*work {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	calls := b.calls
	b.calls = nil
	b.signal()
	return calls
}

func (b *inbox) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// taken is what a home decides next.
type taken struct {
	records []takenRecords
	calls   []*work
	resume  []*partitionQueue // may be fetched again
}

type takenRecords struct {
	from    *partitionQueue
	records []wire.Record
}

// take removes up to limit inputs: results, control, calls, messages.
func (b *inbox) take(limit int) taken {
	b.mu.Lock()
	defer b.mu.Unlock()
	var t taken
	limit = b.takeSource(&t, fromResults, limit)
	limit = b.takeSource(&t, fromControl, limit)
	n := min(limit, len(b.calls))
	t.calls, b.calls = b.calls[:n:n], b.calls[n:]
	b.takeSource(&t, fromMessages, limit-n)
	return t
}

func (b *inbox) takeSource(t *taken, s source, limit int) (left int) {
	for _, q := range b.queues[s] {
		if records := q.take(limit); len(records) > 0 {
			limit -= len(records)
			t.records = append(t.records, takenRecords{q, records})
		}
		if q.paused && q.low() {
			q.paused = false
			t.resume = append(t.resume, q)
		}
	}
	return limit
}
