package orchestrator

import (
	"context"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// spoiled are the works on which the engine failed, if they have not been
// decided in the knowledge of it.
func (b *batch) spoiled(works []*work) []*work {
	var list []*work
	for _, w := range works {
		if w.redo {
			list = append(list, w)
		}
	}
	return list
}

// again takes back the decisions of the works given and of all that share
// something with them, and decides these anew from what is stored.
func (b *batch) again(ctx context.Context, works []*work) error {
	b.err = nil
	affected := b.closure(works)
	for _, w := range affected {
		b.takeBack(w)
	}
	return b.decideThese(ctx, affected)
}

// closure is the works given and those connected to them by what they touched,
// in input order.
func (b *batch) closure(works []*work) []*work {
	in := make(map[*work]bool)
	things := make(map[any]bool)
	for _, w := range works {
		in[w] = true
		w.things(things)
	}
	for grown := true; grown; {
		grown = false
		for _, w := range b.works {
			if !in[w] && w.touchesAny(things) {
				in[w], grown = true, true
				w.things(things)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(b.works), func(w *work) bool { return !in[w] })
}

func (w *work) things(set map[any]bool) {
	for _, i := range w.instances {
		set[i] = true
	}
	for _, c := range w.correlations {
		set[c] = true
	}
}

func (w *work) touchesAny(set map[any]bool) bool {
	for _, i := range w.instances {
		if set[i] {
			return true
		}
	}
	for _, c := range w.correlations {
		if set[c] {
			return true
		}
	}
	return false
}

// takeBack undoes what w decided. The instances and correlations it touched are
// forgotten: they will be loaded as they are stored.
func (b *batch) takeBack(w *work) {
	for _, i := range w.instances {
		if i.touched {
			b.bytes -= i.state.Size() // about what it was
		}
		i.touched = false
		b.h.cache.drop(i)
		delete(b.fresh, i.state.ID)
	}
	b.touched = slices.DeleteFunc(b.touched, func(i *instance) bool { return !i.touched })
	for _, c := range w.correlations {
		delete(b.correlations, c.key)
	}
	for id, by := range b.marks {
		if by == w {
			delete(b.marks, id)
		}
	}
	b.spans = slices.DeleteFunc(b.spans, func(s span) bool { return s.w == w })
	b.torn = true
	b.pending = slices.DeleteFunc(b.pending, func(p subscriptionChange) bool { return p.w == w })
	b.parked = slices.DeleteFunc(b.parked, func(p parkedInput) bool { return p.w == w })
	b.unpark = slices.DeleteFunc(b.unpark, func(u unparked) bool { return u.w == w })
	b.startTimers = slices.DeleteFunc(b.startTimers, func(m startTimerMove) bool { return m.w == w })
	w.reset()
}

// span notes the records added since from as w's.
func (b *batch) span(w *work, from wire.Mark) {
	to := b.pack.Mark()
	if n := len(b.spans); n > 0 && b.spans[n-1].w == w && b.spans[n-1].to == from {
		b.spans[n-1].to = to
		return
	}
	b.spans = append(b.spans, span{w, from, to})
}

// outbox is the records of all decisions that stand, in the order they were made.
func (b *batch) outbox() *wire.Pack {
	if !b.torn {
		return b.pack
	}
	p := new(wire.Pack)
	for _, s := range b.spans {
		p.AppendBetween(b.pack, s.from, s.to)
	}
	return p
}
