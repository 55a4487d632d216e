package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// heal ends all faults and does what there is to do until everything has ended
// that can. Then it looks whether anything was left behind.
func (w *World) heal() {
	w.pcg.Seed(w.cfg.Seed, 1<<61)
	w.calm = true
	w.log(event{what: "all faults end", home: -1})
	w.db.revealAll()
	for _, p := range w.machines {
		if p != nil && p.paused {
			p.thaw()
		}
	}
	for w.restart() {
	}
	for round := range 2000 {
		if w.quiet(); w.broken != "" {
			return
		}
		if w.finished() {
			w.look()
			return
		}
		w.encourage(round)
	}
	w.fail("it never ends: %s", w.remains())
}

// maxDone bounds what happens in a run: some ten times what the largest needs.
const maxDone = 500_000

// quiet lets everything happen that can without the help of time or people.
func (w *World) quiet() {
	for w.done < maxDone {
		w.settled()
		if w.broken != "" || !w.goOn() {
			return
		}
	}
	w.fail("it never comes to rest: %s", w.remains())
}

// encourage answers, sends and resolves what the instances wait for; failing
// that, time passes.
func (w *World) encourage(round int) {
	busy := false
	for len(w.workers.open) > 0 {
		t := w.workers.open[0]
		w.workers.finish(0)
		if t.kind != "echo" {
			w.workers.answer(t, result{value: `{"x":1,"again":false}`})
			busy = true
		}
	}
	if round%3 == 2 {
		busy = w.mend() || busy
	}
	switch {
	case busy:
		w.advance(100 * time.Millisecond)
	case round%8 == 7:
		w.advance(2 * time.Hour)
	default:
		w.advance(15 * time.Second)
	}
}

// mend resolves incidents and sends the messages without which it would not go on.
// What a message only adds to is left alone: two events that each begin a task with
// such an event would double with every round.
func (w *World) mend() (any bool) {
	engines := w.engines()
	if len(engines) == 0 {
		return false
	}
	for _, k := range slices.SortedFunc(maps.Keys(w.db.instances), instanceKey.compare) {
		s := w.state(k, w.db.instances[k])
		if s == nil {
			continue
		}
		if s.IncidentCount() > 0 || s.Parked {
			any = true
			w.resolve(engines[w.random.IntN(len(engines))], k.id)
		}
		for _, sub := range s.OpenSubscriptions() {
			if !sub.Interrupting {
				continue
			}
			any = true
			w.senders.produce(w.senders.plain(sub.Name, sub.CorrelationKey))
		}
	}
	return any
}

func (w *World) resolve(p *process, id engine.InstanceID) {
	w.senders.call(p, func(ctx context.Context) error {
		_, err := p.o.Resolve(ctx, orchestrator.ResolveRequest{
			Instance: id, Variables: []byte(`{"missing": "PT1S", "x": 1, "yes": true, "again": false, "key": "k1"}`),
		})
		return err
	})
}

// plain is a message without surprises.
func (s *senders) plain(name, key string) wire.Record {
	s.sent++
	return wire.Record{
		Topic: s.w.names.Messages(), Partition: wire.ByKey, Key: []byte(key), Value: []byte(`{"x":2}`),
		Headers: []wire.Header{header(wire.HeaderMessageName, name), header(wire.HeaderTTL, "PT1S")},
	}
}

// state reads a stored instance.
func (w *World) state(k instanceKey, row *instanceRow) *engine.State {
	p := w.process(row.Definition)
	if p == nil {
		w.fail("instance %s is of definition %d, which is not there", uuid.UUID(k.id), row.Definition)
		return nil
	}
	s, err := engine.DecodeState(p, k.id, k.home, row.State, w.db.enginePart(k))
	if err != nil {
		w.fail("instance %s can't be read: %v", uuid.UUID(k.id), err)
		return nil
	}
	return s
}

// process is a definition, compiled.
func (w *World) process(definition int64) *bpmn.Process {
	if p := w.compiled[definition]; p != nil {
		return p
	}
	for _, def := range w.db.definitions {
		if def.ID != definition {
			continue
		}
		model, err := bpmn.Parse(def.XML, bpmn.Config{})
		if err != nil {
			return nil
		}
		w.compiled[definition] = model.Processes[0]
	}
	return w.compiled[definition]
}

// enginePart is the pages of an instance as the engine wants them.
func (d *Database) enginePart(k instanceKey) (parts []engine.Part) {
	if d.instances[k] == nil {
		return nil
	}
	for _, p := range d.stored(k).Parts {
		parts = append(parts, engine.Part{No: p.No, Data: p.Data})
	}
	return parts
}

// finished tells whether nothing is left but the chains that never end, each
// with its one task.
func (w *World) finished() bool {
	if len(w.db.instances) != w.check.echoes || len(w.grantable()) > 0 {
		return false
	}
	for home, h := range w.db.homes {
		if w.db.published(home) < h.outboxSeq {
			return false
		}
	}
	return w.consumed() == ""
}
