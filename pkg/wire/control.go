package wire

import (
	"strconv"
	"strings"
	"time"
)

// Control is a record from engine to engine: an input that reached an engine
// which doesn't own the instance it is for, on its way to the one that does. Its
// partition of the control topic is the home's number.
type Control struct {
	Kind     ControlKind
	Instance [16]byte
	Home     int32 // of the instance

	// Element and Node say what holds the subscription (deliver), or what to
	// resolve (resolve: Element only, 0 is everything).
	Element uint64
	Node    int
	// Message and Expires (zero: never) of deliver: all it takes to correlate the
	// message anew, should the instance have stopped waiting.
	Message Message
	Expires time.Time
	// ProcessID of deliver: the one process that the message is then for, since
	// others have had it; empty: any.
	ProcessID string

	// Result is the untouched record of a result, with the place it was consumed from.
	Result Record

	Reason    string // cancel
	Retries   int    // resolve; 0: as many as the model says
	Variables []byte // resolve: a JSON object, or nil for none. It aliases the record
}

// ControlKind is the kind of a control record.
type ControlKind uint8

// The kinds of control records.
const (
	// Deliver hands a message to an open subscription of another home.
	Deliver ControlKind = iota + 1
	// ForwardResult hands a result to its instance's home.
	ForwardResult
	// CancelInstance ends an instance from outside.
	CancelInstance
	// ResolveIncident tries again what an incident stopped.
	ResolveIncident
)

var controlNames = [...]string{Deliver: "deliver", ForwardResult: "result", CancelInstance: "cancel", ResolveIncident: "resolve"}

func (k ControlKind) String() string { return controlNames[k] }

func parseControlKind(text string) (ControlKind, bool) {
	for k, name := range controlNames {
		if k > 0 && text == name {
			return ControlKind(k), true
		}
	}
	return 0, false
}

// leadingControlHeaders is how many headers of ours stand before the original
// headers of a forwarded result: kind, instance, home, origin topic, partition,
// offset and key.
const leadingControlHeaders = 7

// DecodeControl reads a record of the control topic, which only engines write.
// The error is a *PoisonError.
func DecodeControl(r *Record) (Control, error) {
	d := controlDecoder{record: r}
	var c Control
	kind, known := parseControlKind(d.text(HeaderControl))
	if !known {
		value, _ := r.Header(HeaderControl)
		return c, badHeader(HeaderControl, value, "deliver, result, cancel or resolve")
	}
	c.Kind = kind
	c.Home = int32(d.number(HeaderHome, 31))
	c.Instance = d.uuid(HeaderInstance)
	switch kind {
	case Deliver:
		d.message(&c)
	case ForwardResult:
		c.Result = d.result()
	case CancelInstance:
		c.Reason = strings.ToValidUTF8(d.text(HeaderReason), "\ufffd")
	case ResolveIncident:
		c.Element = d.number(HeaderElement, 64)
		c.Retries = int(d.number(HeaderRetries, 31))
		c.Variables = d.object()
	}
	return c, d.err
}

// controlDecoder reads headers of a control record and keeps the first error.
// The first header of a name counts: what follows may belong to a forwarded result.
type controlDecoder struct {
	record *Record
	err    error
}

func (d *controlDecoder) header(name string) []byte {
	for i := range d.record.Headers {
		if d.record.Headers[i].Key == name {
			return d.record.Headers[i].Value
		}
	}
	return nil
}

func (d *controlDecoder) text(name string) string { return string(d.header(name)) }

func (d *controlDecoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *controlDecoder) number(name string, bits int) uint64 {
	value := d.header(name)
	n, err := strconv.ParseUint(string(value), 10, bits)
	if err != nil {
		d.fail(badHeader(name, value, "a number of at most "+strconv.Itoa(bits)+" bits"))
	}
	return n
}

func (d *controlDecoder) uuid(name string) [16]byte {
	value := d.header(name)
	id, ok := ParseUUID(value)
	if !ok {
		d.fail(badHeader(name, value, "a UUID"))
	}
	return id
}

func (d *controlDecoder) object() []byte {
	value, err := Limits{}.object("the value", d.record.Value)
	if err != nil {
		d.fail(err)
	}
	return value
}

// bounded reads text that is part of a row's key, or may become so: whoever can
// write to the control topic must not be able to stop a home with what Postgres
// refuses. Keys are longer than names.
func (d *controlDecoder) bounded(name string, read func(name string, value []byte) (string, error)) string {
	text, err := read(name, d.header(name))
	if err != nil {
		d.fail(err)
	}
	return text
}

// message reads a delivered message. A business key may be a correlation key.
func (d *controlDecoder) message(c *Control) {
	c.Element = d.number(HeaderElement, 64)
	c.Node = int(d.number(HeaderNode, 31))
	limits := Limits{}
	c.Message = Message{
		Name:           d.bounded(HeaderMessageName, limits.text),
		CorrelationKey: d.bounded(HeaderCorrelationKey, limits.correlationKey),
		ID:             d.bounded(HeaderMessageID, limits.text),
		BusinessKey:    d.bounded(HeaderBusinessKey, limits.correlationKey),
		Tenant:         d.bounded(HeaderTenant, limits.text),
		TraceParent:    traceParent(d.header(HeaderTraceParent)),
		Variables:      d.object(),
	}
	c.ProcessID = strings.ToValidUTF8(d.text(HeaderProcessID), "\ufffd")
	if expires := d.header(HeaderExpires); len(expires) > 0 {
		var err error
		if c.Expires, err = time.Parse(time.RFC3339Nano, string(expires)); err != nil {
			d.fail(badHeader(HeaderExpires, expires, "an RFC 3339 time"))
		}
	}
}

// result rebuilds the forwarded record as it was consumed.
func (d *controlDecoder) result() Record {
	headers := d.record.Headers
	if len(headers) < leadingControlHeaders || headers[leadingControlHeaders-1].Key != HeaderOriginKey {
		d.fail(badValue("a forwarded result must begin with the %d headers of its origin", leadingControlHeaders))
		return Record{}
	}
	return Record{
		Topic:     d.text(HeaderOriginTopic),
		Partition: int32(d.number(HeaderOriginPartition, 31)),
		Offset:    int64(d.number(HeaderOriginOffset, 63)),
		Time:      d.record.Time,
		Key:       d.header(HeaderOriginKey),
		Value:     d.record.Value,
		Headers:   headers[leadingControlHeaders:],
	}
}
