package sim

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// call is a process waiting at a seam: what it wants done happens when the
// scheduler grants it, all at once, perhaps late, perhaps without an answer.
type call struct {
	p      *process
	name   string
	home   int32 // -1: of no home
	rest   int   // the REST call it is for, 0: none
	number int
	writes bool
	local  bool // within the process: it does not fail
	effect func() error
	answer chan error // capacity 1
	alone  bool       // nobody waits any more; it may still happen
}

var (
	errCrashed = errors.New("simulated: the process is dead")
	errAway    = errors.New("simulated: the database is away")
	errLost    = errors.New("simulated: the connection broke before the answer")
)

// do waits until the scheduler lets effect happen. A caller that gives up does
// not take back a request that is on its way.
func (p *process) do(ctx context.Context, c *call) error {
	p.w.meet()
	if p.dead {
		return errCrashed
	}
	c.p, c.answer = p, make(chan error, 1)
	c.rest, _ = ctx.Value(callOf{}).(int)
	p.w.park(c)
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
	}
	p.w.meet()
	if thaw := p.frozen; thaw != nil {
		<-thaw // a process that stands still does not notice that its time is over
	}
	p.w.abandon(c)
	return ctx.Err()
}

// abandon leaves a call to itself. A question that nobody asks any more is
// forgotten; what was to be done may be on its way, unless much is already.
func (w *World) abandon(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.alone = true
	alone := 0
	for _, other := range w.waiting {
		if other.alone && other.p == c.p {
			alone++
		}
	}
	if !c.writes || alone > 5 {
		w.waiting = slices.DeleteFunc(w.waiting, func(other *call) bool { return other == c })
	}
}

// park adds the call to those waiting, in an order that does not depend on which
// goroutine came first.
func (w *World) park(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.number = c.p.calls[c.name]
	c.p.calls[c.name]++
	at, _ := slices.BinarySearchFunc(w.waiting, c, (*call).compare)
	w.waiting = slices.Insert(w.waiting, at, c)
}

func (c *call) compare(other *call) int {
	return cmp.Or(cmp.Compare(c.p.number, other.p.number), cmp.Compare(c.name, other.name), cmp.Compare(c.home, other.home), cmp.Compare(c.rest, other.rest), cmp.Compare(c.number, other.number))
}

// grantable are the calls that may happen now.
func (w *World) grantable() []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.scratch[:0]
	for _, c := range w.waiting {
		if !c.p.paused || c.alone {
			list = append(list, c)
		}
	}
	w.scratch = list
	return list
}

func (w *World) unpark(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = slices.DeleteFunc(w.waiting, func(other *call) bool { return other == c })
}

// grant lets a call happen, or fail in one of the ways a database has.
func (w *World) grant(c *call) {
	w.unpark(c)
	fate := w.fate(c)
	var err error
	switch {
	case c.alone && !c.writes:
		return
	case fate == failsBefore:
		err = errAway
	case fate == answerLost:
		_ = c.effect()
		err = errLost
	case fate == happensLater: // the answer is lost before it happens
		err = errLost
		w.again(c)
	default:
		err = c.effect()
	}
	w.log(event{what: c.name, who: c.p.id, home: c.home, fate: fate, err: err, alone: c.alone})
	c.answer <- err
	if fate == crashAfter {
		w.crash(c.p)
	}
}

// again parks what was asked for once more, without anybody waiting for it.
func (w *World) again(c *call) {
	late := *c
	late.alone, late.answer = true, make(chan error, 1)
	w.park(&late)
}

// fate is how a call ends.
type fate uint8

const (
	succeeds fate = iota
	failsBefore
	answerLost
	happensLater
	crashAfter
)

var fateNames = [...]string{"", "fails before it happens", "happens, the answer is lost", "no answer, it happens later", "happens, then the process dies"}

// fate draws how a call ends. What is only read can only fail.
func (w *World) fate(c *call) fate {
	if c.alone || c.local || !w.chance(w.cfg.Faults.Database, 60) {
		return succeeds
	}
	if !c.writes {
		return failsBefore
	}
	f := fate(1 + w.random.IntN(4))
	if f == crashAfter && !w.cfg.Faults.Crash {
		return succeeds
	}
	return f
}
