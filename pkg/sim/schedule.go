package sim

import (
	"time"
)

// act does one thing, drawn by chance: what can't be done now gives way to what can.
func (w *World) act() {
	roll := w.random.IntN(1000)
	for _, a := range w.actions() {
		if roll -= a.weight; roll < 0 && a.try() {
			return
		}
	}
	if !w.goOn() {
		w.advance(w.moment())
	}
}

type action struct {
	weight int // of 1000
	try    func() bool
}

func (w *World) actions() []action {
	return []action{
		{420, w.grantOne},
		{150, w.flushOne},
		{110, w.deliverOne},
		{90, w.workers.work},
		{60, w.settleOne},
		{40, w.senders.send},
		{90, func() bool { w.advance(w.moment()); return true }},
		{15, w.reveal},
		{5, w.restart},
		{6, w.rebalance},
		{6, w.wake},
		{3, w.freeze},
		{2, w.kill},
		{1, w.redeploy},
		{1, w.jump},
	}
}

// goOn does something that brings everything further, without faults of its own.
func (w *World) goOn() bool {
	return w.settleOne() || w.grantOne() || w.flushOne() || w.deliverOne()
}

func (w *World) grantOne() bool {
	calls := w.grantable()
	if len(calls) == 0 {
		return false
	}
	w.grant(calls[w.random.IntN(len(calls))])
	return true
}

// flushOne lets Kafka take something.
func (w *World) flushOne() bool {
	type waiting struct {
		pr *producer
		at topicPartition
	}
	var list []waiting
	for _, p := range w.machines {
		if p == nil || p.paused {
			continue
		}
		for _, at := range p.producer.pending() {
			list = append(list, waiting{p.producer, at})
		}
	}
	if len(list) == 0 {
		return false
	}
	chosen := list[w.random.IntN(len(list))]
	w.flush(chosen.pr, chosen.at)
	return true
}

func (w *World) deliverOne() bool {
	var list []fetch
	for _, p := range w.machines {
		if p != nil {
			list = append(list, p.fetchable()...)
		}
	}
	if len(list) == 0 {
		return false
	}
	w.deliver(list[w.random.IntN(len(list))], 1+w.random.IntN(4))
	return true
}

// settleOne does something that the group wants.
func (w *World) settleOne() bool {
	if homes := w.group.orphans(); len(homes) > 0 {
		if engines := w.engines(); len(engines) > 0 {
			w.group.move(homes[w.random.IntN(len(homes))], engines[w.random.IntN(len(engines))], false)
			return true
		}
	}
	for _, p := range w.machines {
		if p == nil {
			continue
		}
		if list := p.unsettled(); len(list) > 0 {
			w.settle(p, list[w.random.IntN(len(list))])
			return true
		}
	}
	return false
}

// engines are the engines that work.
func (w *World) engines() (list []*process) {
	for _, p := range w.machines[:w.cfg.Engines] {
		if p != nil && p.up && !p.paused {
			list = append(list, p)
		}
	}
	return list
}

// moment is how long nothing but time passes.
func (w *World) moment() time.Duration {
	roll := w.random.IntN(100)
	if len(w.grantable()) > 0 {
		roll = roll * 6 / 10 // those who wait would give up
	}
	switch {
	case roll < 55:
		return time.Duration(1+w.random.IntN(50)) * time.Millisecond
	case roll < 92:
		return time.Duration(100+w.random.IntN(2000)) * time.Millisecond
	default:
		return time.Duration(3+w.random.IntN(60)) * time.Second
	}
}

// jump lets much time pass.
func (w *World) jump() bool {
	w.advance(time.Duration(1+w.random.IntN(90)) * time.Minute)
	return true
}

func (w *World) rebalance() bool {
	engines := w.engines()
	if !w.cfg.Faults.Rebalance || len(engines) == 0 {
		return false
	}
	home := int32(w.random.IntN(int(w.cfg.Homes)))
	w.group.move(home, engines[w.random.IntN(len(engines))], w.random.IntN(4) == 0)
	return true
}

// kill ends a process without warning; restart begins another in its place.
func (w *World) kill() bool {
	p := w.machines[w.random.IntN(len(w.machines))]
	if !w.cfg.Faults.Crash || p == nil {
		return false
	}
	w.crash(p)
	return true
}

func (w *World) restart() bool {
	for slot, p := range w.machines {
		if p == nil {
			w.start(slot)
			return true
		}
	}
	return false
}

// freeze stops a process for a while, as SIGSTOP does. The group may take its
// homes away meanwhile, so that it wakes as a zombie.
func (w *World) freeze() bool {
	p := w.machines[w.random.IntN(len(w.machines))]
	if !w.cfg.Faults.Zombie || p == nil || p.paused || !p.up && !p.isRelay() {
		return false
	}
	w.log(event{what: "freeze", who: p.id, home: -1})
	p.freeze()
	if w.random.IntN(3) > 0 {
		w.group.gone(p)
	}
	return true
}

func (w *World) wake() bool {
	for _, p := range w.machines {
		if p != nil && p.paused {
			w.log(event{what: "wake", who: p.id, home: -1})
			p.thaw()
			return true
		}
	}
	return false
}

// reveal lets readers see an outbox row they could not see yet.
func (w *World) reveal() bool { return w.db.reveal() }
