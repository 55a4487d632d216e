package ledger

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/load"
	"github.com/barnabas-project/barnabas/internal/chaos/worker"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// span is when work may have been done again because of something.
type span struct{ began, ended time.Time }

// Checker is given all books, each in its order, in any order of books; then it
// judges. It is not safe for concurrent use.
type Checker struct {
	sent      []load.Sent
	faults    []span
	turmoils  []span // of the workers' groups
	seed      maphash.Seed
	instances map[string]*instance // by id
	tasks     map[task]*attempt
	chains    map[string]*chain // by instance id
	messages  map[string]int    // message ids that instances took, how often
	repeats   []repeat
	lateness  []time.Duration
	perSecond map[int64]int
	figures   Figures
	findings  []Finding
}

// NewChecker makes a checker for a run in which these messages were sent.
func NewChecker(sent []load.Sent) *Checker {
	return &Checker{sent: sent, seed: maphash.MakeSeed(), instances: make(map[string]*instance), tasks: make(map[task]*attempt),
		chains: make(map[string]*chain), messages: make(map[string]int), perSecond: make(map[int64]int)}
}

// Fault notes that something was broken, which explains work done again.
func (c *Checker) Fault(began, mended time.Time) { c.faults = append(c.faults, span{began, mended}) }

// Turmoil notes that Kafka's own word is that groups were not stable, which
// explains it too.
func (c *Checker) Turmoil(t load.Turmoil) { c.turmoils = append(c.turmoils, span{t.Began, t.Ended}) }

// task names one attempt at a task.
type task struct {
	instance [16]byte
	key      uint64
	attempt  uint32
}

// attempt is what the books say of an attempt at a task.
type attempt struct {
	sentAs    int // place among what its instance sent; 0: no status record says that it was sent
	completed int // status records that say that it was
	failed    int // likewise failed or ended with a BPMN error
	commands  int // copies in the task topic
	results   int
	effects   int
	offset    int64 // of the first copy
	partition int32
	value     uint64 // what the command says, hashed
	topic     string
	element   string
	did       string
	firstDone time.Time
}

// instance is what the status topic says of an instance.
type instance struct {
	process, key, state string
	steps               []uint64 // hash of the events by sequence - 1; 0: not seen
	history             int      // steps that history has
	sends               int
	completed           map[string]int // tasks by element
	failed              map[string]int
	thrown              map[string]int
	fired               map[string]int
	retryAt             map[uint64]time.Time
	due                 time.Time // of the timer that was scheduled last
}

// chain are the hops of an instance of echo by their number, as the commands say.
type chain struct{ hops []task }

// repeat is work that was done again.
type repeat struct {
	task
	first, again time.Time
	process      string
}

func (c *Checker) find(k Kind, format string, args ...any) {
	c.findings = append(c.findings, Finding{Kind: k, What: fmt.Sprintf(format, args...)})
}

// status is a record of the status topic, as far as it is judged.
type status struct {
	Instance    string          `json:"instanceId"`
	Process     string          `json:"processId"`
	BusinessKey string          `json:"businessKey"`
	Sequence    int             `json:"sequence"`
	State       string          `json:"state"`
	Time        time.Time       `json:"time"`
	Events      json.RawMessage `json:"events"`
}

// event is something that happened to an instance.
type event struct {
	Type      string    `json:"type"`
	Element   string    `json:"element"`
	Key       uint64    `json:"key"`
	Attempt   uint32    `json:"attempt"`
	Due       time.Time `json:"due"`
	RetryAt   time.Time `json:"retryAt"`
	MessageID string    `json:"messageId"`
	Kind      string    `json:"kind"`
	Message   string    `json:"message"`
}

// Status notes a record of the status topic, published at the given time.
func (c *Checker) Status(value []byte, published time.Time) {
	var s status
	if err := json.Unmarshal(value, &s); err != nil || s.Sequence < 1 {
		c.find(Defect, "status record that can't be read: %.200s", value)
		return
	}
	c.figures.Status++
	i := c.instances[s.Instance]
	if i == nil {
		i = &instance{process: s.Process, key: s.BusinessKey, completed: make(map[string]int), failed: make(map[string]int), thrown: make(map[string]int),
			fired: make(map[string]int), retryAt: make(map[uint64]time.Time)}
		c.instances[s.Instance] = i
	}
	if c.first(i, &s) {
		c.happened(i, &s, published)
	}
}

// first notes a step in its place, and says whether it is seen for the first time.
func (c *Checker) first(i *instance, s *status) bool {
	hash := maphash.Bytes(c.seed, s.Events) | 1 // never 0
	switch n := len(i.steps); {
	case s.Sequence <= n && i.steps[s.Sequence-1] != 0:
		c.figures.StatusAgain++
		if i.steps[s.Sequence-1] != hash {
			c.find(Forked, "%s %s: sequence %d was published twice with different events: %s", i.process, i.key, s.Sequence, s.Events)
		}
		return false
	case s.Sequence <= n:
		c.find(Reordered, "%s %s: sequence %d was published after %d", i.process, i.key, s.Sequence, n)
	default: // what is left out must come later, and is a finding then, or at the end
		i.steps = append(i.steps, make([]uint64, s.Sequence-n)...)
	}
	if i.state != "" && i.state != "active" && i.state != "parked" {
		c.find(Doubled, "%s %s: sequence %d after its end", i.process, i.key, s.Sequence)
	}
	i.steps[s.Sequence-1], i.state = hash, s.State
	if s.State == "parked" {
		c.find(Defect, "%s %s was parked: %s", i.process, i.key, s.Events)
	}
	return true
}

// happened notes the events of a step.
func (c *Checker) happened(i *instance, s *status, published time.Time) {
	var events []event
	id, ok := wire.ParseUUID([]byte(s.Instance))
	if err := json.Unmarshal(s.Events, &events); err != nil || !ok {
		c.find(Defect, "%s %s: step that can't be read: %s", i.process, i.key, s.Events)
		return
	}
	for n := range events {
		e := &events[n]
		switch e.Type {
		case "task-sent", "task-completed", "task-failed", "error-thrown":
			c.happenedToTask(i, s, task{id, e.Key, e.Attempt}, e)
		case "timer-scheduled":
			i.due = e.Due
		case "timer-fired":
			c.fired(i, s, e, published)
		case "message-correlated", "instance-started":
			if e.MessageID != "" {
				c.messages[e.MessageID+" "+e.Type]++
			}
		case "incident-raised":
			c.find(Defect, "%s %s: incident %s at %s: %s", i.process, i.key, e.Kind, e.Element, e.Message)
		}
	}
}

func (c *Checker) happenedToTask(i *instance, s *status, t task, e *event) {
	a := c.attempt(t)
	a.element = e.Element
	switch e.Type {
	case "task-sent":
		i.sends++
		if a.sentAs > 0 {
			c.find(Doubled, "%s %s: %s attempt %d was sent twice, again with sequence %d", i.process, i.key, e.Element, t.attempt, s.Sequence)
		}
		a.sentAs = i.sends
		if t.attempt == 1 {
			return
		}
		c.figures.Retries++
		if at := i.retryAt[t.key]; s.Time.Before(at) {
			c.find(Early, "%s %s: %s was tried again at %s, due %s", i.process, i.key, e.Element, s.Time, at)
		}
	case "task-completed":
		a.completed++
		i.completed[e.Element]++
	case "task-failed":
		a.failed++
		i.failed[e.Element]++
		i.retryAt[t.key] = e.RetryAt
	default:
		a.failed++
		i.thrown[e.Element]++
		c.figures.BusinessErrors++
	}
}

// fired checks a timer by the engine's clock and by the time the record got.
func (c *Checker) fired(i *instance, s *status, e *event, published time.Time) {
	c.figures.Timers++
	i.fired[e.Element]++
	due := i.due
	if !e.Due.IsZero() {
		due = e.Due
	}
	// Records are stamped with whole milliseconds.
	if s.Time.Before(due) || published.Before(due.Truncate(time.Millisecond)) {
		c.find(Early, "%s %s: timer %s due %s fired at %s, published at %s", i.process, i.key, e.Element, due, s.Time, published)
	}
	c.lateness = append(c.lateness, s.Time.Sub(due))
}

func (c *Checker) attempt(t task) *attempt {
	a := c.tasks[t]
	if a == nil {
		a = &attempt{}
		c.tasks[t] = a
	}
	return a
}

// parse reads a correlation id.
func (c *Checker) parse(correlationID, where string) (task, bool) {
	id, err := wire.ParseCorrelationID([]byte(correlationID))
	if err != nil {
		c.find(Defect, "%s with correlation id %q", where, correlationID)
	}
	return task{id.Instance, id.Task, id.Attempt}, err == nil
}

// Command is a record of a task topic.
type Command struct {
	Topic         string
	Partition     int32
	Offset        int64
	CorrelationID string
	Value         []byte
}

// Command notes a record of a task topic; those of a partition come in order.
func (c *Checker) Command(r Command) {
	c.figures.Commands++
	t, ok := c.parse(r.CorrelationID, "task command")
	if !ok {
		return
	}
	a, hash := c.attempt(t), maphash.Bytes(c.seed, r.Value)
	a.commands++
	if a.commands > 1 {
		c.figures.CommandsAgain++
		if a.value != hash || a.topic != r.Topic {
			c.find(Forked, "task command %s was published twice with different contents, again: %s", r.CorrelationID, r.Value)
		}
		return
	}
	a.topic, a.partition, a.offset, a.value = r.Topic, r.Partition, r.Offset, hash
	var variables struct {
		Hop *int `json:"hop"`
	}
	if err := json.Unmarshal(r.Value, &variables); err != nil {
		c.find(Defect, "task command %s can't be read: %.200s", r.CorrelationID, r.Value)
		return
	}
	if variables.Hop != nil {
		c.hop(t, *variables.Hop, r.CorrelationID)
	}
}

// hop notes which task does a hop of a chain. Attempts after the first are the
// engine's right when a worker was silent for the whole deadline; here none is.
func (c *Checker) hop(t task, n int, correlationID string) {
	id := string(wire.AppendUUID(nil, t.instance))
	if c.chains[id] == nil {
		c.chains[id] = &chain{}
	}
	ch := c.chains[id]
	for len(ch.hops) <= n {
		ch.hops = append(ch.hops, task{})
	}
	if ch.hops[n] != (task{}) && ch.hops[n] != t {
		c.find(Forked, "chain of %s: hop %d was sent as %d.%d and as %s", id, n+1, ch.hops[n].key, ch.hops[n].attempt, correlationID)
	}
	ch.hops[n] = t
}

// Result notes a record of the result topic.
func (c *Checker) Result(correlationID string) {
	c.figures.Results++
	if t, ok := c.parse(correlationID, "result"); ok {
		a := c.attempt(t)
		if a.results++; a.results > 1 {
			c.figures.ResultsAgain++
		}
	}
}

// Effect notes what a worker did.
func (c *Checker) Effect(e worker.Effect) {
	c.figures.Effects++
	t, ok := c.parse(e.CorrelationID, "side effect")
	if !ok {
		return
	}
	a := c.attempt(t)
	a.effects++
	if e.Hop > 0 && a.effects == 1 {
		c.perSecond[e.At.Unix()]++
	}
	if a.effects == 1 {
		a.firstDone, a.did = e.At, e.Did
		return
	}
	c.figures.EffectsAgain++
	if a.did != e.Did {
		c.find(Forked, "%s was done twice, differently: %q and %q", e.CorrelationID, a.did, e.Did)
	}
	first, again := a.firstDone, e.At
	if again.Before(first) { // logs are read one after the other
		first, again = again, first
		a.firstDone = first
	}
	c.repeats = append(c.repeats, repeat{t, first, again, e.Worker})
}

// Step notes a step of the engine's history.
func (c *Checker) Step(instanceID string, sequence int, events []byte) {
	c.figures.HistorySteps++
	i := c.instances[instanceID]
	switch {
	case i == nil || sequence < 1 || sequence > len(i.steps) || i.steps[sequence-1] == 0:
		c.find(Forked, "history has sequence %d of instance %s, Kafka has not", sequence, instanceID)
	case i.steps[sequence-1] != maphash.Bytes(c.seed, events)|1:
		c.find(Forked, "history tells another sequence %d of %s %s: %s", sequence, i.process, i.key, events)
	default:
		i.history++
	}
}

// Other notes a record of a topic that only engines read, or a dead letter, which
// nothing in a run causes.
func (c *Checker) Other(topic string, deadLetter bool, value []byte) {
	c.figures.OtherRecords++
	if deadLetter {
		c.find(Defect, "dead letter in %s: %.300s", topic, value)
	}
}

// Waiting notes an instance that did not go on after all was mended.
func (c *Checker) Waiting(what string) { c.find(Waiting, "%s", what) }
