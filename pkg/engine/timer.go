package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// due is something of an element instance whose time has come.
type due struct {
	at   int64
	key  Key
	node int // the timer's node, bpmn.None for the task
}

// dueAt lists what is due, by time, key and node.
func (s *State) dueAt(now time.Time) []due {
	var firings []due
	limit := now.UnixMicro()
	for _, pg := range s.pages {
		if at := pg.earliest(); at == 0 || at > limit {
			continue
		}
		for _, e := range pg.elements {
			firings = e.dueAt(limit, firings)
		}
	}
	slices.SortFunc(firings, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key), cmp.Compare(a.node, b.node))
	})
	return firings
}

func (e *element) dueAt(limit int64, firings []due) []due {
	if at := e.task.due; at != 0 && at <= limit {
		firings = append(firings, due{at, e.key, bpmn.None})
	}
	for i := range e.waits {
		if at := e.waits[i].due; at != 0 && at <= limit {
			firings = append(firings, due{at, e.key, e.waits[i].node})
		}
	}
	return firings
}

// MaxFirings bounds what one Tick fires. The rest stays due.
const MaxFirings = 1000

// tick fires what is due. What an earlier firing ended is gone; what it started
// waits for the next tick, even if it is due already.
func (d *decision) tick() *Rejection {
	firings := d.s.dueAt(d.now)
	if len(firings) == 0 {
		return reject(Inapplicable, "nothing is due at %s", d.now.UTC().Format(time.RFC3339Nano))
	}
	for _, f := range firings[:min(len(firings), MaxFirings)] {
		if d.isTired() {
			break
		}
		if e := d.s.element(f.key); e != nil {
			d.fire(e, f)
			d.run()
		}
	}
	return nil
}

func (d *decision) fire(e *element, f due) {
	if f.node == bpmn.None {
		if e.task.due == f.at {
			d.fireTask(e)
		}
		return
	}
	w := e.wait(f.node)
	if w == nil || w.due != f.at {
		return
	}
	next, again := w.schedule().Next(d.now)
	d.append(TimerFired{Key: e.key, Node: f.node})
	if n := &d.p.Nodes[f.node]; again && n.AttachedTo != bpmn.None && !n.Interrupting {
		d.append(TimerScheduled{
			Key: e.key, Node: f.node, Due: next.Due, Repetitions: next.Repetitions, Interval: next.Interval,
		})
	}
	d.trigger(e, trigger{node: f.node})
}

// fireTask is a retry that is due, or a deadline that has passed.
func (d *decision) fireTask(e *element) {
	switch e.task.phase {
	case taskWaiting:
		d.sendAgain(e, e.task.left)
	case taskSent:
		d.failTask(e, TaskResult{Attempt: e.task.attempt, ErrorMessage: "deadline exceeded"})
	}
}
