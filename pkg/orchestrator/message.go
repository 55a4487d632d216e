package orchestrator

import (
	"hash/fnv"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// message is a message that has arrived: on the message topic, by a call, or
// handed back by an instance that had stopped waiting.
type message struct {
	wire.Message
	variables engine.Variables
	expires   int64    // unix ms; 0: the default from now
	mark      [16]byte // of its id; zero: none, or marked before
}

// newMessage reads the variables and works out the mark of the id.
func newMessage(m wire.Message) (*message, error) {
	v, err := engine.ParseVariables(m.Variables)
	if err != nil {
		return nil, err
	}
	in := &message{Message: m, variables: v}
	if m.ID != "" {
		in.mark = messageMark(&m)
	}
	return in, nil
}

// messageMark turns (tenant, name, correlation key, id) into what is remembered
// as seen. An id that is a UUID gives the front of the mark, so that the marks of
// time-ordered ids lie together in the index; the rest tells names and keys apart.
func messageMark(m *wire.Message) [16]byte {
	h := fnv.New128a()
	for _, part := range []string{m.Tenant, m.Name, m.CorrelationKey, m.ID} {
		_, _ = h.Write([]byte(part)) // never fails
		_, _ = h.Write([]byte{0})
	}
	mark := [16]byte(h.Sum(nil))
	if id, err := uuid.Parse(m.ID); err == nil {
		copy(mark[:8], id[:8])
	}
	return mark
}

func (in *message) key() store.CorrelationKey {
	return store.CorrelationKey{Name: in.Name, Key: in.CorrelationKey}
}

func (in *message) needs(n *needs) {
	if !n.defs.onlyStarts(in.Name) {
		n.correlation(in.Name, in.CorrelationKey)
	}
}

// decide gives the message to everything it is for: per process, to the oldest
// open subscription, else to the start event of that name. If there is nothing,
// it waits, as long as it may.
func (in *message) decide(b *batch, w *work) disposition {
	if in.mark != ([16]byte{}) {
		if b.seen[in.mark] || b.marks[in.mark] != nil {
			return duplicate
		}
		b.marks[in.mark] = w
	}
	return b.correlate(w, in, "")
}

// correlate is decide without the question whether the message was seen before.
// A message that came back from one of several processes it was for goes to that
// process only: the others have had it.
func (b *batch) correlate(w *work, in *message, only string) disposition {
	served := make(map[string]bool, 1)
	end := undecided
	if !b.defs.onlyStarts(in.Name) {
		if b.pendingKeys[in.key()] {
			b.settle() // who began to wait before the message came must be seen
		}
		end = b.deliver(w, in, only, served)
	}
	for _, start := range b.defs.starts[in.Name] {
		if !served[start.def.ProcessID] && concerns(only, start.def.ProcessID) {
			end = strongest(end, b.startByMessage(w, in, start))
		}
	}
	switch {
	case end != undecided || w.redo:
		return end
	case only != "":
		return late // it has had its effect elsewhere
	}
	return b.buffer(w, in)
}

// concerns tells whether a message for only one process, or for any (""), is for this one.
func concerns(only, process string) bool { return only == "" || only == process }

// strongest: applied here counts more than forwarded.
func strongest(a, b disposition) disposition {
	if a == undecided || b == applied {
		return b
	}
	return a
}

// deliver gives the message to the oldest subscription of each process.
func (b *batch) deliver(w *work, in *message, only string, served map[string]bool) disposition {
	c := b.correlation(w, in.key())
	if c.unreadable != nil {
		return b.deadLetter(w, "defect", c.unreadable.Error())
	}
	end := undecided
	shared := only != "" || b.isShared(c, in.Name)
	for _, s := range append([]subscription(nil), c.subscriptions...) {
		if served[s.processID] || !concerns(only, s.processID) {
			continue
		}
		taken := b.deliverTo(w, c, s, in, shared)
		if taken == applied || taken == forwarded || taken == parked {
			served[s.processID] = true
			end = strongest(end, taken)
		}
	}
	return end
}

// isShared tells whether a message may be for several processes.
func (b *batch) isShared(c *correlation, name string) bool {
	processes := make(map[string]bool, 1)
	for i := range c.subscriptions {
		processes[c.subscriptions[i].processID] = true
	}
	for _, start := range b.defs.starts[name] {
		processes[start.def.ProcessID] = true
	}
	return len(processes) > 1
}

// deliverTo gives the message to one subscription; anything but applied,
// forwarded and parked means that it is not taken.
func (b *batch) deliverTo(w *work, c *correlation, s subscription, in *message, shared bool) disposition {
	if !s.stays {
		c.close(s.instance, s.element, s.node)
	}
	if s.home != b.h.id {
		b.forwardMessage(w, s, in, shared)
		return forwarded
	}
	inst := b.instance(s.instance)
	if inst == nil {
		c.close(s.instance, s.element, s.node)
		return late
	}
	only := ""
	if shared {
		only = s.processID
	}
	return b.receive(w, inst, &addressed{in, s.instance, s.home, s.element, s.node, only})
}

// receive lets an instance of this home have the message.
func (b *batch) receive(w *work, inst *instance, in *addressed) disposition {
	end := b.apply(w, inst, engine.MessageReceived{
		Now: b.now, Element: in.element, Node: in.node, MessageID: in.ID, Variables: in.variables,
	}, in)
	if end == applied {
		w.answer.Instances = append(w.answer.Instances, inst.state.ID)
	}
	return end
}

// addressed is a message for a given subscription.
type addressed struct {
	*message
	instance engine.InstanceID
	home     int32
	element  engine.Key
	node     int
	only     string // process that alone may have the message, should it come back; "": any
}

// kept is the message on its way to its subscription. One without an id gets one
// for that: deliveries are told apart by it.
func (a *addressed) kept(o *Orchestrator) *wire.Control {
	c := &wire.Control{
		Kind: wire.Deliver, Instance: a.instance, Home: a.home, Element: uint64(a.element), Node: a.node, Message: a.Message, ProcessID: a.only,
	}
	if c.Message.ID == "" {
		c.Message.ID = o.newUUID().String()
	}
	if a.expires > 0 {
		c.Expires = time.UnixMilli(a.expires)
	}
	return c
}

// forwardMessage sends the message to the home of the subscription's instance.
func (b *batch) forwardMessage(w *work, s subscription, in *message, shared bool) {
	in.expires = b.expiry(in)
	only := ""
	if shared {
		only = s.processID
	}
	b.control(w, (&addressed{in, s.instance, s.home, s.element, s.node, only}).kept(b.h.o))
	w.answer.Instances = append(w.answer.Instances, s.instance)
}

// expiry is when the message stops waiting, unix ms.
func (b *batch) expiry(in *message) int64 {
	if in.expires > 0 {
		return in.expires
	}
	ttl := b.h.o.cfg.MessageTTL
	if in.TTL != nil {
		ttl = *in.TTL
	}
	// An absurd TTL must not wrap around.
	return b.now.UnixMilli() + min(ttl.Milliseconds(), math.MaxInt64/2)
}

// buffer keeps the message for a subscription to come.
func (b *batch) buffer(w *work, in *message) disposition {
	expires := b.expiry(in)
	if expires <= b.now.UnixMilli() {
		return unmatched
	}
	c := b.correlation(w, in.key())
	ok := c.buffer(bufferedMessage{id: in.ID, businessKey: in.BusinessKey, expires: expires, variables: in.Variables})
	if !ok {
		delete(b.marks, in.mark)
		return b.deadLetter(w, "buffer-full", "too many messages wait for a subscription to this name and correlation key: "+
			"at most 1000 messages and 4 MiB are kept; complete or discard the waiting ones, then replay this record")
	}
	return buffered
}

// settle brings the subscriptions opened and closed so far into their
// correlation rows, and gives what was waiting to those opened. That may open
// and close more.
func (b *batch) settle() {
	for len(b.pending) > 0 && b.err == nil {
		changes := b.pending
		b.pending = nil
		clear(b.pendingKeys)
		keys := make(map[store.CorrelationKey]struct{}, len(changes))
		for _, ch := range changes {
			keys[ch.key] = struct{}{}
		}
		if b.err = b.loadCorrelations(keys); b.err != nil {
			return
		}
		for _, ch := range changes {
			b.settleOne(ch)
		}
	}
}

func (b *batch) settleOne(ch subscriptionChange) {
	c := b.correlation(ch.w, ch.key)
	if c.unreadable != nil {
		b.defect(ch.w, ch.inst, c.unreadable)
		return
	}
	if !ch.open {
		c.close(ch.sub.instance, ch.sub.element, ch.sub.node)
		return
	}
	c.open(ch.sub)
	for b.deliverBuffered(ch, c) && ch.sub.stays {
	}
}

// deliverBuffered gives the oldest message that waits to the subscription just
// opened, and tells whether that took it.
func (b *batch) deliverBuffered(ch subscriptionChange, c *correlation) (taken bool) {
	if ch.inst.broken {
		return false
	}
	waiting, ok := c.take(b.now.UnixMilli())
	if !ok {
		return false
	}
	m := wire.Message{
		Name: ch.key.Name, CorrelationKey: ch.key.Key, ID: waiting.id, BusinessKey: waiting.businessKey, Variables: waiting.variables,
	}
	in, err := newMessage(m)
	if err != nil {
		b.defect(ch.w, ch.inst, err)
		return false
	}
	in.mark, in.expires = [16]byte{}, waiting.expires
	end := b.deliverTo(ch.w, c, ch.sub, in, false)
	taken = end == applied || end == parked
	switch {
	case taken:
		ch.w.unbuffered++
	case !ch.w.redo:
		c.putBack(waiting) // the element stopped waiting at once: the message waits for the next
	}
	return taken
}
