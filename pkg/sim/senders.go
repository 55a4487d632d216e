package sim

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/barnabas-project/barnabas/internal/randomprocess"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// senders send messages and start processes, by Kafka and by REST.
type senders struct {
	w     *World
	sent  int
	calls int
	old   []wire.Record // to be sent again
}

// byHand are the processes made for what the simulation must see.
var byHand = map[string]string{
	"one-task": `start1: message-start message=order
start1 -> work -> end1
work: service`,
	// A task leads to the next, for ever: the chain must never break and never fork.
	"echo": `start1: message-start message=echo
start1 -> merge
merge: exclusive
merge -> ping
ping: service type=echo
ping -> merge`,
	"fan": `start1 -> fork
fork: parallel
fork -> a -> join
fork -> b -> join
fork -> c -> join
a: service
b: service
c: service
join: parallel
join -> end1`,
	"race": `start1 -> work -> wait -> end1
work: service
wait: message-catch message=pay key="= key"`,
	"boundary": `start1 -> work -> end1
work: service deadline=PT5M
soon: timer-boundary on=work duration=PT30S
soon -> other -> end2
other: service
note: message-boundary on=work message=note key="= key" non-interrupting
note -> noted -> end3
noted: service
bad: error-boundary on=work code=a
bad -> end4`,
	"timed": `start1 -> pause -> tell -> end1
pause: timer-catch duration=PT2S
tell: message-throw message=pay key="= key"`,
}

// names are the processes by hand, in order.
var names = []string{"boundary", "echo", "fan", "one-task", "race", "timed"}

// deployAll deploys all models by the first engine.
func (w *World) deployAll() {
	left := 0
	deploy := func(id string, xml []byte) {
		left++
		p := w.machines[0]
		w.running.Go(func() {
			if _, err := p.o.Deploy(p.ctx, id+".bpmn", xml); err != nil {
				w.fail("process %s can't be deployed: %v", id, err)
			}
			left--
		})
	}
	for _, id := range names {
		deploy(id, Model(id, byHand[id]))
	}
	for i := range w.cfg.Random {
		deploy(randomID(i), Model(randomID(i), randomprocess.Generate(w.random)))
	}
	w.until("all models are deployed", func() bool { return left == 0 })
}

func randomID(i int) string { return "random" + strconv.Itoa(i) }

// redeploy deploys another version of a generated process.
func (w *World) redeploy() bool {
	engines := w.engines()
	if !w.cfg.Faults.Deploy || len(engines) == 0 || w.cfg.Random == 0 {
		return false
	}
	p, id := engines[w.random.IntN(len(engines))], randomID(w.random.IntN(w.cfg.Random))
	xml := Model(id, randomprocess.Generate(w.random))
	w.log(event{what: "deploy " + id, who: p.id, home: -1})
	w.running.Go(func() { _, _ = p.o.Deploy(p.ctx, id+".bpmn", xml) }) // may not succeed
	return true
}

// send sends a message or starts a process.
func (s *senders) send() bool {
	w := s.w
	if len(w.db.instances) > 60 {
		return false // enough to do
	}
	engines := w.engines()
	if w.random.IntN(3) == 0 && len(engines) > 0 {
		s.start(engines[w.random.IntN(len(engines))])
		return true
	}
	if w.random.IntN(6) == 0 && len(s.old) > 0 {
		s.produce(s.old[w.random.IntN(len(s.old))])
		return true
	}
	name := []string{"order", "order", "echo", "pay", "pay", "note", "go", "stop", "receive", "note"}[w.random.IntN(10)]
	if name == "echo" && w.check.echoes >= 3 {
		name = "order"
	}
	r := s.message(name, s.key())
	if w.random.IntN(4) == 0 && len(engines) > 0 {
		s.publish(engines[w.random.IntN(len(engines))], r)
		return true
	}
	s.produce(r)
	return true
}

func (s *senders) key() string { return "k" + strconv.Itoa(s.w.random.IntN(4)) }

// message makes a record of the message topic.
func (s *senders) message(name, key string) wire.Record {
	s.sent++
	r := wire.Record{
		Topic: s.w.names.Messages(), Partition: wire.ByKey, Key: []byte(key), Value: fmt.Appendf(nil, `{"key":%q,"x":1}`, key),
		Headers: []wire.Header{header(wire.HeaderMessageName, name)},
	}
	if s.w.random.IntN(8) > 0 {
		r.Headers = append(r.Headers, header(wire.HeaderMessageID, "m"+strconv.Itoa(s.sent)))
	}
	if n := s.w.random.IntN(8); n < 2 {
		r.Headers = append(r.Headers, header(wire.HeaderTTL, []string{"PT0S", "PT20S"}[n]))
	}
	return r
}

func (s *senders) produce(r wire.Record) {
	if _, identified := r.Header(wire.HeaderMessageID); identified {
		s.old = append(s.old, r)
		s.old = s.old[max(0, len(s.old)-20):]
	}
	name, _ := r.Header(wire.HeaderMessageName)
	s.w.log(event{what: fmt.Sprintf("message %s for %s", name, r.Key), home: -1})
	s.w.appended(nil, s.w.kafka.where(&r), []wire.Record{r})
}

// callTimeout is how long a REST call waits.
const callTimeout = 30 * time.Second

// publish sends a message by REST; it may be sent again by Kafka.
func (s *senders) publish(p *process, r wire.Record) {
	m, err := wire.DecodeMessage(&r, wire.Limits{})
	if err != nil {
		s.w.fail("message of our own: %v", err)
		return
	}
	s.w.log(event{what: fmt.Sprintf("call: message %s for %s", m.Name, r.Key), who: p.id, home: -1})
	s.call(p, func(ctx context.Context) error {
		_, err := p.o.Publish(ctx, m)
		return err
	})
}

func (s *senders) start(p *process) {
	choices := []string{"fan", "race", "boundary", "timed"}
	for i := range s.w.cfg.Random {
		choices = append(choices, randomID(i), randomID(i))
	}
	id := choices[s.w.random.IntN(len(choices))]
	key := s.key()
	variables := fmt.Sprintf(`{"yes": %t, "again": false, "key": %q, "x": 1}`, s.w.random.IntN(2) == 0, key)
	s.w.log(event{what: "call: start " + id, who: p.id, home: -1})
	s.call(p, func(ctx context.Context) error {
		_, err := p.o.Start(ctx, orchestrator.StartRequest{ProcessID: id, BusinessKey: key, Variables: []byte(variables)})
		return err
	})
}

// callOf is the key of a REST call's number in the context of what it asks for.
type callOf struct{}

// call makes a REST call, whose outcome the caller may never learn.
func (s *senders) call(p *process, what func(context.Context) error) {
	s.calls++
	of := context.WithValue(p.ctx, callOf{}, s.calls)
	s.w.running.Go(func() {
		ctx, cancel := context.WithTimeout(of, callTimeout)
		defer cancel()
		_ = what(ctx) // may not succeed
	})
}
