package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// group is the coordinator of the engines' consumer group: it says which process
// each home belongs to. As in Kafka, a home goes to its next owner when the last
// has let go of it, or is taken for dead.
type group struct {
	w     *World
	owner map[int32]*process // nil: nobody
	next  map[int32]*process // who it goes to; nil: nobody waits for it
}

// holding is a process's view of a home.
type holding struct {
	home   int32
	wanted bool // the group has given it to this process
	lost   bool // the group has taken it since: it is released before it can be claimed again
	state  holdingState
	inputs map[topicPartition]int64 // next offset to take
	cancel context.CancelFunc       // of a claim under way
}

type holdingState uint8

const (
	idle holdingState = iota
	claiming
	owned
	releasing
)

func (p *process) holding(home int32) *holding {
	h := p.holdings[home]
	if h == nil {
		h = &holding{home: home}
		p.holdings[home] = h
	}
	return h
}

func (h *holding) lose() {
	h.wanted = false
	h.lost = h.state != idle
}

// move gives a home to another process. Unless the last owner is taken for dead
// it has to let go first.
func (g *group) move(home int32, to *process, expel bool) {
	from := g.owner[home]
	g.w.log(event{what: "rebalance", who: to.id, home: home, n: boolInt(expel)})
	if from == to {
		return
	}
	if from == nil || expel || from.holding(home).state == idle {
		if from != nil {
			from.holding(home).lose()
		}
		g.give(home, to)
		return
	}
	g.next[home] = to
	from.holding(home).lose()
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (g *group) give(home int32, to *process) {
	g.owner[home], g.next[home] = to, nil
	to.holding(home).wanted = true
}

// gone takes the homes of a process away.
func (g *group) gone(p *process) {
	for home := range g.w.cfg.Homes {
		if g.next[home] == p {
			g.next[home] = nil
			if from := g.owner[home]; from != nil {
				from.holding(home).wanted = true // nobody takes it: it stays
			}
		}
		if g.owner[home] != p {
			continue
		}
		p.holding(home).lose()
		g.owner[home] = nil
		if to := g.next[home]; to != nil {
			g.give(home, to)
		}
	}
}

// orphans are the homes nobody owns.
func (g *group) orphans() (homes []int32) {
	for home := range g.w.cfg.Homes {
		if g.owner[home] == nil {
			homes = append(homes, home)
		}
	}
	return homes
}

// unsettled are the holdings that are not as the group wants them.
func (p *process) unsettled() (list []*holding) {
	if p.paused || !p.up {
		return nil
	}
	for _, home := range slices.Sorted(maps.Keys(p.holdings)) {
		h := p.holdings[home]
		if h.wanted && h.state == owned && !p.o.Owns(home) {
			h.lost = true // fenced by a claim that came late: the consumer notices and claims again
		}
		begin := h.wanted && h.state == idle
		end := h.lost && (h.state == owned || h.state == claiming && h.cancel != nil)
		if begin || end {
			list = append(list, h)
		}
	}
	return list
}

// settle does what the group wants of a holding.
func (w *World) settle(p *process, h *holding) {
	switch {
	case h.state == idle:
		w.log(event{what: "begin claim", who: p.id, home: h.home})
		h.state = claiming
		ctx, cancel := context.WithCancel(p.ctx)
		h.cancel = cancel
		w.running.Go(func() { p.claim(ctx, h) })
	case h.state == claiming:
		w.log(event{what: "give up claim", who: p.id, home: h.home})
		h.cancel()
		h.cancel = nil
	default:
		w.log(event{what: "begin release", who: p.id, home: h.home})
		h.state, h.inputs = releasing, nil
		w.running.Go(func() {
			p.o.Release(h.home)
			w.let(p, h)
		})
	}
}

// claim tries until the home is claimed or the group has thought better of it.
func (p *process) claim(ctx context.Context, h *holding) {
	w := p.w
	for ctx.Err() == nil {
		at, err := p.o.Claim(ctx, h.home, w.cfg.Homes, w.kafka.inputs(h.home, w.cfg.Homes, w.names))
		w.meet()
		if err == nil {
			h.inputs = make(map[topicPartition]int64)
			for partition, offset := range at {
				h.inputs[topicPartition{partition.Topic, partition.Partition}] = offset
			}
			p.resetStream(h.home)
			h.state = owned
			return
		}
		p.sleep(100 * time.Millisecond)
	}
	w.let(p, h)
}

// let notes that a process has let go of a home.
func (w *World) let(p *process, h *holding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.state, h.lost = idle, false
	w.group.released(p, h.home)
}

func (p *process) resetStream(home int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.stream, home)
}

// released lets the home go on to whom the group means it for.
func (g *group) released(p *process, home int32) {
	if to := g.next[home]; to != nil && g.owner[home] == p && !p.holding(home).wanted {
		g.give(home, to)
	}
}

// fetchable are the partitions of a process with records to take.
func (p *process) fetchable() (list []fetch) {
	if p.paused || !p.up {
		return nil
	}
	for _, home := range slices.Sorted(maps.Keys(p.holdings)) {
		h := p.holdings[home]
		if h.state != owned {
			continue
		}
		for _, tp := range p.w.kafka.inputs(home, p.w.cfg.Homes, p.w.names) {
			at := topicPartition{tp.Topic, tp.Partition}
			if h.inputs[at] < int64(len(p.w.kafka.partitions[at])) && !p.stopped(home, tp.Topic) {
				list = append(list, fetch{p, h, at})
			}
		}
	}
	return list
}

type fetch struct {
	p  *process
	h  *holding
	at topicPartition
}

// deliver hands over up to n records.
func (w *World) deliver(f fetch, n int) {
	all := w.kafka.partitions[f.at]
	from := f.h.inputs[f.at]
	to := min(from+int64(n), int64(len(all)))
	w.log(event{what: "deliver " + f.at.topic, who: f.p.id, home: f.at.partition, n: to - from})
	f.h.inputs[f.at] = to
	records := append([]wire.Record(nil), all[from:to]...)
	f.p.take(f.h.home, records)
}
