package orchestrator

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// delivery is a message that another home found a subscription of ours for.
type delivery struct {
	message
	instance engine.InstanceID
	element  engine.Key
	node     int
	only     string // process that alone may still have the message; "": any
}

func newDelivery(c wire.Control) (*delivery, error) {
	m, err := newMessage(c.Message)
	if err != nil {
		return nil, err
	}
	d := &delivery{message: *m, instance: c.Instance, element: engine.Key(c.Element), node: c.Node, only: c.ProcessID}
	d.mark = deliveryMark(&c)
	if !c.Expires.IsZero() {
		d.expires = c.Expires.UnixMilli()
	}
	return d, nil
}

// deliveryMark tells a delivery from the message itself and from its delivery
// to other subscriptions: the record may come twice, and the second must not be
// handed back as if nobody had taken the first.
func deliveryMark(c *wire.Control) [16]byte {
	m := c.Message
	m.ID += "\x00" + uuid.UUID(c.Instance).String() + "\x00" + strconv.FormatUint(c.Element, 10)
	return messageMark(&m)
}

func (in *delivery) needs(n *needs) { n.instance(in.instance) }

// decide hands the message over; if the element has stopped waiting, the message
// is correlated again from here.
func (in *delivery) decide(b *batch, w *work) disposition {
	if b.seen[in.mark] || b.marks[in.mark] != nil {
		return duplicate
	}
	b.marks[in.mark] = w
	if inst := b.instance(in.instance); inst != nil {
		end := b.receive(w, inst, &addressed{&in.message, in.instance, b.h.id, in.element, in.node, in.only})
		if end == parked {
			delete(b.marks, in.mark) // what is kept comes back as this very record
		}
		if end == applied || end == parked || w.redo {
			return end
		}
	}
	if in.expires > 0 && in.expires <= b.now.UnixMilli() {
		return unmatched
	}
	return b.correlate(w, &in.message, in.only)
}

// cancellation ends an instance from outside.
type cancellation struct {
	instance engine.InstanceID
	home     int32
	reason   string
}

func (in *cancellation) needs(n *needs) { n.instance(in.instance) }

func (in *cancellation) decide(b *batch, w *work) disposition {
	if in.home != b.h.id {
		if in.home >= b.h.o.homes() {
			return b.noHome(w, in.home)
		}
		b.control(w, &wire.Control{Kind: wire.CancelInstance, Instance: in.instance, Home: in.home, Reason: in.reason})
		return forwarded
	}
	inst := b.instance(in.instance)
	if inst == nil {
		w.failure = &RefusedError{Reason: "the instance has ended or never was", Missing: true}
		return refused
	}
	if inst.state.Parked {
		b.unpark = append(b.unpark, unparked{w, in.instance})
	}
	return b.apply(w, inst, engine.Cancel{Now: b.now, Reason: in.reason}, nil)
}

// noHome puts aside what is for a home that is not there: a record to a partition
// that doesn't exist would stop the relay.
func (b *batch) noHome(w *work, home int32) disposition {
	return b.deadLetter(w, wire.PoisonBadHeader, "there is no home "+strconv.Itoa(int(home))+": there are "+strconv.Itoa(int(b.h.o.homes())))
}

// resolution tries again what an incident stopped.
type resolution struct {
	instance  engine.InstanceID
	home      int32
	element   engine.Key // 0: everything
	retries   int
	variables engine.Variables
}

func (in *resolution) needs(n *needs) { n.instance(in.instance) }

func (in *resolution) decide(b *batch, w *work) disposition {
	if in.home != b.h.id {
		if in.home >= b.h.o.homes() {
			return b.noHome(w, in.home)
		}
		b.control(w, &wire.Control{
			Kind: wire.ResolveIncident, Instance: in.instance, Home: in.home,
			Element: uint64(in.element), Retries: in.retries, Variables: in.variables.AppendJSON(nil),
		})
		return forwarded
	}
	inst := b.instance(in.instance)
	if inst == nil {
		w.failure = &RefusedError{Reason: "the instance has ended or never was", Missing: true}
		return refused
	}
	wasParked := inst.state.Parked
	end := b.apply(w, inst, engine.ResolveIncident{Now: b.now, Element: in.element, Retries: in.retries, Variables: in.variables}, nil)
	if end == applied && wasParked && !inst.state.Parked {
		b.release(w, in.instance)
	}
	return end
}

// unparked is an instance whose kept inputs go.
type unparked struct {
	w  *work
	id engine.InstanceID
}

// release sends the inputs kept for a parked instance again, in their order, to
// this home's own control partition.
func (b *batch) release(w *work, id engine.InstanceID) {
	kept, err := b.h.o.store.ParkedInputs(b.ctx, b.h.id, id)
	if err != nil {
		b.err = err
		return
	}
	from := b.pack.Mark()
	for _, data := range kept {
		if err := wire.Unpack(data, func(r wire.Record) error { b.pack.Add(r); return nil }); err != nil {
			b.err = err
			return
		}
	}
	b.span(w, from)
	b.unpark = append(b.unpark, unparked{w, id})
}

// parkedInput is an input kept for a parked instance: the control record that
// will bring it back.
type parkedInput struct {
	w    *work
	id   engine.InstanceID
	data []byte
}

// keeper is an input that can be kept: it knows the control record that will
// bring it back.
type keeper interface {
	kept(o *Orchestrator) *wire.Control
}

// parkInput keeps an input for a parked instance; nil needs no keeping.
func (b *batch) parkInput(w *work, inst *instance, k keeper) {
	if k == nil {
		return
	}
	var p wire.Pack
	p.AddControl(b.h.o.topics.control, k.kept(b.h.o))
	b.parked = append(b.parked, parkedInput{w, inst.state.ID, p.Bytes()})
}

// park stops an instance on which the engine failed, and keeps the input.
func (b *batch) park(w *work, inst *instance, cause error, k keeper) disposition {
	_ = b.keep(w, inst, engine.Park(inst.state, b.now, cause.Error())) // no commands
	b.parkInput(w, inst, k)
	return parked
}

// expiry drops buffered messages whose time is over.
type expiry struct{ key store.CorrelationKey }

func (in *expiry) needs(n *needs) { n.correlation(in.key.Name, in.key.Key) }

func (in *expiry) decide(b *batch, w *work) disposition {
	w.expired = b.correlation(w, in.key).expire(b.now.UnixMilli())
	return nothing
}
