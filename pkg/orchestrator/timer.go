package orchestrator

import (
	"context"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// tick tells an instance what time it is, since something of it is due.
type tick struct {
	instance engine.InstanceID
	late     time.Duration // after what was due first
}

func (in *tick) needs(n *needs) { n.instance(in.instance) }

func (in *tick) decide(b *batch, w *work) disposition {
	inst := b.instance(in.instance)
	if inst == nil {
		return nothing
	}
	inst.recheck = true
	if due, any := inst.state.NextDue(); any {
		in.late = max(b.now.Sub(due), 0)
	}
	end := b.apply(w, inst, engine.Tick{Now: b.now}, nil)
	if end == applied || w.redo {
		return end
	}
	return nothing // due was a lower bound
}

// startTimer fires a timer start event.
type startTimer struct{ row store.StartTimerRow }

// startTimerMove is the next firing of a timer start event.
type startTimerMove struct {
	w    *work
	seen int64
	row  store.StartTimerRow
}

func (in *startTimer) needs(*needs) {}

func (in *startTimer) decide(b *batch, w *work) disposition {
	next := store.StartTimerRow{Definition: in.row.Definition, Node: in.row.Node}
	schedule := bpmn.Schedule{Due: time.UnixMilli(in.row.Due), Repetitions: int(in.row.Repetitions), Interval: in.row.Interval}
	if s, more := schedule.Next(b.now); more {
		next.Due, next.Repetitions, next.Interval = ceilMillis(s.Due), int32(s.Repetitions), s.Interval
		b.h.startTimers.soonest(s.Due)
	}
	b.startTimers = append(b.startTimers, startTimerMove{w, in.row.Due, next})
	def := b.defs.byID[in.row.Definition]
	if def == nil {
		return nothing
	}
	return b.start(w, def, engine.Start{Now: b.now, Node: int(in.row.Node)})
}

// ceilMillis is t in unix milliseconds, rounded up: what is stored as due must
// not come before it is.
func ceilMillis(t time.Time) int64 {
	ms := t.UnixMilli()
	if time.UnixMilli(ms).Before(t) {
		ms++
	}
	return ms
}

// alarm is when a home has to look at the database next for one kind of due
// things. The owner is the only one to write them, so what it wrote itself is
// enough to know; the periodic look is for what others deploy or mend.
type alarm struct {
	at    time.Time // zero: nothing known
	every time.Duration
	last  time.Time
}

// soonest makes the alarm go off at t at the latest.
func (a *alarm) soonest(t time.Time) {
	if !t.IsZero() && (a.at.IsZero() || t.Before(a.at)) {
		a.at = t
	}
}

// rings tells whether it is time to look.
func (a *alarm) rings(now time.Time) bool {
	return (!a.at.IsZero() && !now.Before(a.at)) || now.Sub(a.last) >= a.every
}

// wait is how long until it rings.
func (a *alarm) wait(now time.Time) time.Duration {
	d := a.every - now.Sub(a.last)
	if !a.at.IsZero() {
		d = min(d, a.at.Sub(now))
	}
	return max(d, 0)
}

// looked notes a look at now that said when the next is due. More is for when
// the look did not see everything.
func (a *alarm) looked(now, next time.Time) { a.last, a.at = now, next }

// maxDue is how many due things of a kind one batch takes up.
const maxDue = 500

// due makes work of what is due in the home.
func (h *home) due(ctx context.Context) ([]*work, error) {
	now := h.o.now()
	var works []*work
	for _, look := range []struct {
		alarm *alarm
		at    func(context.Context, time.Time) ([]*work, time.Time, error)
	}{{&h.timers, h.dueInstances}, {&h.expiries, h.dueExpiries}, {&h.startTimers, h.dueStartTimers}} {
		if !look.alarm.rings(now) {
			continue
		}
		found, next, err := look.at(ctx, now)
		if err != nil {
			return nil, err
		}
		look.alarm.looked(now, next)
		works = append(works, found...)
	}
	return works, nil
}

func (h *home) dueInstances(ctx context.Context, now time.Time) (works []*work, next time.Time, err error) {
	ids, next, err := h.o.store.DueInstances(ctx, h.id, now, maxDue)
	for _, id := range ids {
		works = append(works, &work{in: &tick{instance: id}})
	}
	return works, next, err
}

func (h *home) dueExpiries(ctx context.Context, now time.Time) (works []*work, next time.Time, err error) {
	keys, next, err := h.o.store.ExpiringCorrelations(ctx, h.id, now, maxDue)
	for _, k := range keys {
		works = append(works, &work{in: &expiry{k}})
	}
	return works, next, err
}

func (h *home) dueStartTimers(ctx context.Context, now time.Time) (works []*work, next time.Time, err error) {
	rows, at, err := h.o.store.DueStartTimers(ctx, h.id, now.UnixMilli(), maxDue)
	for _, row := range rows {
		works = append(works, &work{in: &startTimer{row}})
	}
	if at != 0 {
		next = time.UnixMilli(at)
	}
	return works, next, err
}

// wait is how long the home may sleep.
func (h *home) wait() time.Duration {
	now := h.o.now()
	return min(h.timers.wait(now), h.expiries.wait(now), h.startTimers.wait(now))
}
