package wire

import (
	"time"
)

// Message is a BPMN message: it finds a waiting subscription, waits for one, or
// starts a process.
type Message struct {
	Name string
	// CorrelationKey is empty for messages that only start processes.
	CorrelationKey string
	// ID makes the message idempotent; empty: it is not.
	ID string
	// TTL is how long the message waits for a subscription; nil: the default.
	TTL         *time.Duration
	BusinessKey string
	Tenant      string
	TraceParent string
	// Variables is a JSON object, or nil for none. It aliases the record.
	Variables []byte
}

// DecodeMessage reads a record of the message topic. The error is a *PoisonError.
func DecodeMessage(r *Record, limits Limits) (Message, error) {
	if err := limits.check(r); err != nil {
		return Message{}, err
	}
	var f messageFields
	for i := range r.Headers {
		f.setHeader(&r.Headers[i])
	}
	m, err := f.message(r.Key, limits)
	if err != nil {
		return Message{}, err
	}
	m.Variables, err = limits.object("the value", r.Value)
	return m, err
}

// messageFields are the raw texts of a message; empty is absent.
type messageFields struct {
	name, correlationKey, id, ceID, ttl, businessKey, tenant, traceParent []byte
}

// setHeader takes over a header of the protocol and ignores others. Of headers
// of one name the last counts.
func (f *messageFields) setHeader(h *Header) {
	switch h.Key {
	case HeaderMessageName:
		f.name = h.Value
	case HeaderCorrelationKey:
		f.correlationKey = h.Value
	case HeaderMessageID:
		f.id = h.Value
	case HeaderCEID:
		f.ceID = h.Value
	case HeaderTTL:
		f.ttl = h.Value
	case HeaderBusinessKey:
		f.businessKey = h.Value
	case HeaderTenant:
		f.tenant = h.Value
	case HeaderTraceParent:
		f.traceParent = h.Value
	}
}

// message reads everything but the variables.
func (f *messageFields) message(key []byte, limits Limits) (Message, error) {
	if len(f.name) == 0 {
		return Message{}, missingHeader(HeaderMessageName, "it names the BPMN message")
	}
	m := Message{TraceParent: traceParent(f.traceParent)}
	err := f.correlation(&m, key, limits)
	if err != nil {
		return Message{}, err
	}
	if len(f.id) == 0 {
		f.id = f.ceID
	}
	for _, t := range []struct {
		to    *string
		name  string
		value []byte
	}{
		{&m.Name, HeaderMessageName, f.name}, {&m.ID, HeaderMessageID, f.id}, {&m.Tenant, HeaderTenant, f.tenant},
	} {
		if *t.to, err = limits.text(t.name, t.value); err != nil {
			return Message{}, err
		}
	}
	if len(f.ttl) > 0 {
		ttl, ok := parseDuration(f.ttl)
		if !ok {
			return Message{}, badHeader(HeaderTTL, f.ttl, durationForm)
		}
		m.TTL = &ttl
	}
	return m, nil
}

// correlation reads the correlation key (default: the record key) and the
// business key (default: the correlation key).
func (f *messageFields) correlation(m *Message, key []byte, limits Limits) (err error) {
	switch {
	case len(f.correlationKey) == 0 && !validText(key):
		return badHeader(HeaderCorrelationKey, nil, "a value, since the record key is not UTF-8 text: "+excerpt(key))
	case len(f.correlationKey) == 0:
		f.correlationKey = key
	}
	if m.CorrelationKey, err = limits.correlationKey(HeaderCorrelationKey, f.correlationKey); err != nil {
		return err
	}
	if m.BusinessKey = m.CorrelationKey; len(f.businessKey) > 0 {
		m.BusinessKey, err = limits.text(HeaderBusinessKey, f.businessKey)
	}
	return err
}
