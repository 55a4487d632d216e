package orchestrator

import (
	"context"
	"io"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// newBackoff waits 20 ms at first and up to 1 s, with jitter, without end:
// infrastructure that is away comes back, and is noticed soon, or is given up by
// whoever stops us.
func (o *Orchestrator) newBackoff() backoff.BackOff {
	return jitter{o.cfg.Random, backoff.NewExponentialBackOff(backoff.WithRandomizationFactor(0),
		backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0))}
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
	timer := time.NewTimer(retry.NextBackOff())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
