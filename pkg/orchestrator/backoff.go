package orchestrator

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// newBackoff waits 20 ms at first and up to 5 s, with jitter, without end:
// infrastructure that is away comes back or is given up by whoever stops us.
func (o *Orchestrator) newBackoff() backoff.BackOff {
	return jitter{o.cfg.Random, backoff.NewExponentialBackOff(backoff.WithRandomizationFactor(0),
		backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))}
}

// jitter makes waits longer or shorter by up to a half, by chance from a source
// of our choice.
type jitter struct {
	random io.Reader
	backoff.BackOff
}

func (j jitter) NextBackOff() time.Duration {
	var by [1]byte
	_, _ = io.ReadFull(j.random, by[:]) // without chance there is no jitter
	d := j.BackOff.NextBackOff()
	return d/2 + d*time.Duration(by[0])/255
}

// waitOut notes that what is away is away, and waits a while before the next try.
func (o *Orchestrator) waitOut(ctx context.Context, retry backoff.BackOff, what string, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	o.ready.Set(what, cause)
	o.log.away(what, cause)
	timer := time.NewTimer(retry.NextBackOff())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Readiness tells whether everything the engine depends on is there.
type Readiness struct {
	mu   sync.Mutex
	away map[string]error
}

func newReadiness() *Readiness { return &Readiness{away: make(map[string]error)} }

// Set notes the condition of a dependency; nil is well.
func (r *Readiness) Set(what string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.away, what)
		return
	}
	r.away[what] = err
}

// Problems are the dependencies that are away, and why. None: ready.
func (r *Readiness) Problems() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make(map[string]string, len(r.away))
	for what, err := range r.away {
		list[what] = err.Error()
	}
	return list
}
