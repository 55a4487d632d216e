package orchestrator

import (
	"errors"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// poison is a record that can never be processed.
type poison struct{ cause error }

func (in *poison) needs(*needs) {}

func (in *poison) decide(b *batch, w *work) disposition {
	class := wire.PoisonBadValue
	var p *wire.PoisonError
	if errors.As(in.cause, &p) {
		class = p.Class
	}
	return b.deadLetter(w, class, in.cause.Error())
}

// deadLetter puts the record of w aside, on its topic's dead-letter topic. A
// call has no record: its caller gets the reason.
func (b *batch) deadLetter(w *work, class, reason string) disposition {
	w.failure = &RefusedError{Reason: reason}
	if w.record == nil {
		return refused
	}
	o := b.h.o
	o.log.deadLetter(w.record, class, reason)
	from := b.pack.Mark()
	b.pack.AddDeadLetter(&wire.DeadLetter{
		Topic: o.cfg.Names.DeadLetter(w.record.Topic), Record: *w.record,
		Class: class, Message: reason, FirstFailure: b.now, Engine: o.cfg.ID,
	})
	b.span(w, from)
	return deadLettered
}

// decode turns a consumed record into an input.
func (o *Orchestrator) decode(s source, r *wire.Record) input {
	in, err := o.decodeSource(s, r)
	if err != nil {
		return &poison{err}
	}
	return in
}

func (o *Orchestrator) decodeSource(s source, r *wire.Record) (input, error) {
	switch s {
	case fromResults:
		res, err := wire.DecodeResult(r, o.cfg.Limits)
		if err != nil {
			return nil, err
		}
		return newTaskResult(res, r)
	case fromControl:
		c, err := wire.DecodeControl(r)
		if err != nil {
			return nil, err
		}
		return o.decodeControl(&c)
	}
	m, err := wire.DecodeMessage(r, o.cfg.Limits)
	if err != nil {
		return nil, err
	}
	return newMessage(m)
}

func (o *Orchestrator) decodeControl(c *wire.Control) (input, error) {
	switch c.Kind {
	case wire.ForwardResult:
		res, err := wire.DecodeResult(&c.Result, o.cfg.Limits)
		if err != nil {
			return nil, err
		}
		return newTaskResult(res, &c.Result)
	case wire.Deliver:
		return newDelivery(*c)
	case wire.CancelInstance:
		return &cancellation{instance: c.Instance, home: c.Home, reason: c.Reason}, nil
	case wire.ResolveIncident:
		return newResolution(c)
	}
	return nil, &wire.PoisonError{Class: wire.PoisonBadHeader, Message: "control records of kind " + c.Kind.String() + " are not known here"}
}
