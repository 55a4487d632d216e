package wire

import "time"

// PublishedMessage is a BPMN message on its way to the message topic. The
// record key is the correlation key.
type PublishedMessage struct {
	Topic  string
	Source string // ce_source
	Time   time.Time
	Message
}

// TypeMessage is the ce_type of published messages.
const TypeMessage = "barnabas.message"

// AddMessage adds a record of the message topic. ce_id is the message id; a
// message without one has no CloudEvents headers, since they need an id.
func (p *Pack) AddMessage(m *PublishedMessage) {
	start := p.begin(m.Topic, ByKey)
	p.key(m.CorrelationKey)
	p.messageHeaders(&m.Message)
	if m.TTL != nil {
		at := p.short(codeTTL)
		p.buf = appendDuration(p.buf, *m.TTL)
		p.endShort(at)
	}
	if m.ID != "" {
		p.cloudEvent(&event{id: []byte(m.ID), kind: TypeMessage, source: m.Source, subject: []byte(m.CorrelationKey), time: m.Time})
	}
	p.object(m.Variables)
	p.end(start)
}

// key appends a record key; "" is null, so that such records spread evenly.
func (p *Pack) key(text string) {
	if text == "" {
		p.bytes(nil)
		return
	}
	p.string(text)
}

func (p *Pack) messageHeaders(m *Message) {
	p.text(codeMessageName, m.Name)
	p.optional(codeCorrelationKey, m.CorrelationKey)
	p.optional(codeMessageID, m.ID)
	p.optional(codeBusinessKey, m.BusinessKey)
	p.optional(codeTenant, m.Tenant)
	p.optional(codeTraceParent, m.TraceParent)
}

// AddControl adds a record of the control topic.
func (p *Pack) AddControl(topic string, c *Control) {
	start := p.begin(topic, c.Home)
	p.bytes(AppendUUID(p.room[:0], c.Instance))
	p.text(codeControl, c.Kind.String())
	p.uuid(codeInstance, c.Instance)
	p.number(codeHome, int64(c.Home))
	switch c.Kind {
	case Deliver:
		p.delivery(c)
	case ForwardResult:
		p.forwarded(&c.Result)
	case CancelInstance:
		p.text(codeReason, c.Reason)
		p.object(nil)
	case ResolveIncident:
		p.unsigned(codeElement, c.Element)
		p.number(codeRetries, int64(c.Retries))
		p.object(c.Variables)
	}
	p.end(start)
}

func (p *Pack) delivery(c *Control) {
	p.unsigned(codeElement, c.Element)
	p.number(codeNode, int64(c.Node))
	if !c.Expires.IsZero() {
		p.time(codeExpires, &p.due, c.Expires)
	}
	p.optional(codeProcessID, c.ProcessID)
	p.messageHeaders(&c.Message)
	p.object(c.Message.Variables)
}

// forwarded adds a result's origin, then its headers and value as they were.
func (p *Pack) forwarded(r *Record) {
	p.text(codeOriginTopic, r.Topic)
	p.number(codeOriginPartition, int64(r.Partition))
	p.number(codeOriginOffset, r.Offset)
	p.raw(codeOriginKey, r.Key)
	p.original(r)
}

// original adds headers and value of a consumed record untouched.
func (p *Pack) original(r *Record) {
	for i := range r.Headers {
		p.anyHeader(r.Headers[i].Key, r.Headers[i].Value)
	}
	p.value(r.Value)
}
