package bench

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// outbox follows the batches of a home from the commit to the last
// acknowledgement, and gives their memory to later ones.
type outbox struct {
	mu        sync.Mutex
	free      []*outboxBatch
	acked     map[int64]bool // batches acknowledged out of order
	published int64          // all batches up to this one are acknowledged
	fail      func(error)
}

func newOutbox(fail func(error)) *outbox { return &outbox{acked: map[int64]bool{}, fail: fail} }

// outboxBatch is one outbox row and its records.
type outboxBatch struct {
	pack    *pack
	promise func(*kgo.Record, error)
	seq     int64
	left    atomic.Int64
}

// next is an empty batch.
func (o *outbox) next() *outboxBatch {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.free); n > 0 {
		b := o.free[n-1]
		o.free = o.free[:n-1]
		b.pack.reset()
		return b
	}
	b := &outboxBatch{pack: &pack{}}
	b.promise = func(_ *kgo.Record, err error) {
		if err != nil {
			o.fail(err)
		}
		if b.left.Add(-1) == 0 {
			o.done(b)
		}
	}
	return b
}

// begin says that the batch is stored and its records are about to be produced.
func (b *outboxBatch) begin(seq int64) {
	b.seq = seq
	b.left.Store(int64(len(b.pack.records)))
}

func (o *outbox) done(b *outboxBatch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acked[b.seq] = true
	for o.acked[o.published+1] {
		o.published++
		delete(o.acked, o.published)
	}
	o.free = append(o.free, b)
}

func (o *outbox) publishedSeq() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.published
}
