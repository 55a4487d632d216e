package wire

import "time"

// TaskCommand asks a worker to do one attempt at a task.
type TaskCommand struct {
	Topic string
	// ID becomes correlationId and ce_id; its Home becomes replyPartition, its
	// Attempt the attempt.
	ID CorrelationID
	// KeyByTask makes the correlation id the record key instead of the instance
	// id: tasks of one instance then spread over workers, without order.
	KeyByTask   bool
	Time        time.Time
	Source      string // ce_source
	ReplyTo     string // topic of the result
	TaskType    string
	ElementID   string
	ProcessID   string
	BusinessKey string    // optional
	Tenant      string    // optional
	TraceParent string    // optional
	Deadline    time.Time // optional: when the attempt counts as failed
	// Headers are the model's own; those with reserved names are left out, see
	// ReservedHeader.
	Headers []Header
	// Variables is a JSON object; empty is {}.
	Variables []byte
}

// TypeTask is the ce_type of task commands.
const TypeTask = "barnabas.task"

// AddTaskCommand adds a record of a task topic.
func (p *Pack) AddTaskCommand(c *TaskCommand) {
	start := p.begin(c.Topic, ByKey)
	id := c.ID.AppendTo(p.room[:0])
	if c.KeyByTask {
		p.bytes(id)
	} else {
		p.bytes(id[:uuidLen])
	}
	p.raw(codeCorrelationID, id)
	p.number(codeAttempt, int64(c.ID.Attempt))
	p.text(codeReplyTo, c.ReplyTo)
	p.number(codeReplyPartition, int64(c.ID.Home))
	p.text(codeTaskType, c.TaskType)
	p.text(codeElementID, c.ElementID)
	p.text(codeProcessID, c.ProcessID)
	p.optional(codeBusinessKey, c.BusinessKey)
	if !c.Deadline.IsZero() {
		p.time(codeDeadline, &p.due, c.Deadline)
	}
	p.optional(codeTenant, c.Tenant)
	p.optional(codeTraceParent, c.TraceParent)
	p.cloudEvent(&event{id: id, kind: TypeTask, source: c.Source, subject: id[:uuidLen], time: c.Time})
	for i := range c.Headers {
		if !ReservedHeader(c.Headers[i].Key) {
			p.anyHeader(c.Headers[i].Key, c.Headers[i].Value)
		}
	}
	p.object(c.Variables)
	p.end(start)
}

// event is the context of a CloudEvent in Kafka's binary content mode.
type event struct {
	id      []byte
	kind    string
	source  string
	subject []byte
	time    time.Time
}

const (
	specVersion     = "1.0"
	contentTypeJSON = "application/json"
)

func (p *Pack) cloudEvent(e *event) {
	p.text(codeCESpecVersion, specVersion)
	p.raw(codeCEID, e.id)
	p.text(codeCEType, e.kind)
	p.text(codeCESource, e.source)
	p.raw(codeCESubject, e.subject)
	p.time(codeCETime, &p.now, e.time)
	p.text(codeContentType, contentTypeJSON)
}

// object appends the value: a JSON object, {} if empty.
func (p *Pack) object(variables []byte) {
	p.beginValue()
	if len(variables) == 0 {
		p.buf = append(p.buf, '{', '}')
	}
	p.buf = append(p.buf, variables...)
}
