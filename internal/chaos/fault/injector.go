package fault

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// Injected is a fault as it happened.
type Injected struct {
	Fault
	Began, Mended time.Time
	Problem       string // why it could not be done, or mended; "" if it was
}

// Injector does what was planned.
type Injector struct {
	site     *site.Site
	log      io.Writer // a line for each fault
	revision int       // of the models

	mu    sync.Mutex
	turns map[string]*sync.Mutex // by target: one fault at a time
	done  []Injected
}

// NewInjector makes an injector that writes a line per fault to log.
func NewInjector(s *site.Site, log io.Writer) *Injector {
	return &Injector{site: s, log: log, revision: 1, turns: make(map[string]*sync.Mutex)}
}

// Run injects the plan, each fault at its time, and returns when all are mended.
// When ctx ends nothing new begins, and what lasts is mended at once.
func (i *Injector) Run(ctx context.Context, plan []Fault) {
	var all sync.WaitGroup
	began := time.Now()
	for _, f := range plan {
		if !Wait(ctx, time.Until(began.Add(f.At))) {
			break
		}
		all.Go(func() { i.inject(ctx, f) })
	}
	all.Wait()
}

// inject does one fault. The site is used without ctx: what is broken is mended
// even when the run is over.
func (i *Injector) inject(ctx context.Context, f Fault) {
	turn := i.turn(f.Target)
	turn.Lock()
	defer turn.Unlock()
	happened := Injected{Fault: f, Began: time.Now()}
	err := i.act(ctx, f)
	happened.Mended = time.Now()
	if err != nil {
		happened.Problem = err.Error()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.done = append(i.done, happened)
	fmt.Fprintf(i.log, "%s %s %s %s\n", happened.Began.Format("15:04:05.000"), happened.Mended.Format("15:04:05.000"), f, happened.Problem)
}

// turn is the lock of a target.
func (i *Injector) turn(target string) *sync.Mutex {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.turns[target] == nil {
		i.turns[target] = new(sync.Mutex)
	}
	return i.turns[target]
}

// Count is how many faults are over.
func (i *Injector) Count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.done)
}

// Done are the faults that are over, in the order of their beginning.
func (i *Injector) Done() []Injected {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.SortedFunc(slices.Values(i.done), func(a, b Injected) int { return a.Began.Compare(b.Began) })
}

// Wait waits so long, and says whether ctx is still going on.
func Wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err() == nil
}
