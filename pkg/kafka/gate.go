package kafka

import (
	"context"
	"sync"
)

// gate keeps polling and changing what is polled apart: records that a poll
// returned are handed over before anything changes, and a change interrupts a
// poll that waits for records.
type gate struct {
	mu sync.Mutex // held by a poll or a change

	state     sync.Mutex
	waiting   int // changes
	interrupt context.CancelFunc
}

// poll runs f, whose ctx ends when a change wants to happen.
func (g *gate) poll(ctx context.Context, f func(context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g.state.Lock()
	g.interrupt = cancel
	if g.waiting > 0 {
		cancel()
	}
	g.state.Unlock()
	f(ctx)
}

// change runs f while nothing is polled.
func (g *gate) change(f func()) {
	g.state.Lock()
	g.waiting++
	if g.interrupt != nil {
		g.interrupt()
	}
	g.state.Unlock()

	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Lock()
	g.waiting--
	g.state.Unlock()
	f()
}
