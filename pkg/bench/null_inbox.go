package bench

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// inbox holds what was fetched for a home and not yet decided: results without
// bound (there are never more than tasks in flight), start messages up to a limit.
type inbox struct {
	mu      sync.Mutex
	results []*kgo.Record
	starts  []*kgo.Record
	limit   int
	filled  chan struct{} // something to take
	emptied chan struct{} // room for start messages
}

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, filled: make(chan struct{}, 1), emptied: make(chan struct{}, 1)}
}

func (b *inbox) putResults(rs []*kgo.Record) {
	b.mu.Lock()
	b.results = append(b.results, rs...)
	b.mu.Unlock()
	signal(b.filled)
}

// putStarts waits while the inbox is full.
func (b *inbox) putStarts(ctx context.Context, rs []*kgo.Record) {
	for {
		b.mu.Lock()
		if len(b.starts) < b.limit {
			b.starts = append(b.starts, rs...)
			b.mu.Unlock()
			signal(b.filled)
			return
		}
		b.mu.Unlock()
		select {
		case <-b.emptied:
		case <-ctx.Done():
			return
		}
	}
}

// take moves up to max records to the given slices, results first. It waits
// until there is one; false: ctx is done.
func (b *inbox) take(ctx context.Context, max int, results, starts *[]*kgo.Record) bool {
	for {
		b.mu.Lock()
		b.results = move(b.results, results, max)
		b.starts = move(b.starts, starts, max-len(*results))
		b.mu.Unlock()
		if len(*starts) > 0 {
			signal(b.emptied)
		}
		if len(*results)+len(*starts) > 0 {
			return true
		}
		select {
		case <-b.filled:
		case <-ctx.Done():
			return false
		}
	}
}

// move takes up to n records from the front of queue.
func move(queue []*kgo.Record, to *[]*kgo.Record, n int) []*kgo.Record {
	n = min(n, len(queue))
	*to = append((*to)[:0], queue[:n]...)
	if n == len(queue) {
		clear(queue)
		return queue[:0]
	}
	return queue[n:]
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
