package engine

import (
	"fmt"
	"time"
)

// Outcome is what an input leads to.
type Outcome struct {
	Events    []Event    // what happened, in order: the status record, replayable
	Commands  []Command  // what the shell has to do once this is stored
	Rejection *Rejection // the input makes no sense now: no events, no commands, state untouched
}

// Rejection says why an input was not applied. It is a normal answer: counted
// and recorded, never retried.
type Rejection struct {
	Kind   RejectionKind
	Reason string // a sentence for people
}

// RejectionKind classifies rejections for counting.
type RejectionKind uint8

// The kinds of rejection.
const (
	// Duplicate: the task was already completed by a result of the same attempt,
	// or the message was already delivered.
	Duplicate RejectionKind = iota + 1
	// Late: the attempt is not the current one, or the element or instance ended otherwise.
	Late
	// Unknown: names something this instance never had.
	Unknown
	// Inapplicable: a request that does not fit the state (nothing to resolve,
	// nothing due, already ended).
	Inapplicable
)

// Command is something for the shell to do. The set is closed.
type Command interface{ isCommand() }

// SendTask publishes a task command.
type SendTask struct {
	Task      Key
	Node      int // node index: element id and headers come from the process
	Type      string
	Attempt   uint32
	Deadline  time.Time // zero: none
	Variables []byte    // the input variables, a JSON object
}

// PublishMessage publishes a BPMN message to the message topic.
type PublishMessage struct {
	Node           int
	Name           string
	CorrelationKey string
	MessageID      string // deterministic: instance, element, sequence
	TTL            time.Duration
	Variables      []byte // JSON object
}

// OpenSubscription makes messages of (Name, CorrelationKey) find this element.
// An interrupting subscription is over with the message that is delivered to it:
// no CloseSubscription follows. A non-interrupting one stays open after a message.
type OpenSubscription struct {
	Element        Key
	Node           int
	Name           string
	CorrelationKey string
	Interrupting   bool
}

// CloseSubscription takes back a subscription that no message ended.
type CloseSubscription struct {
	Element        Key
	Node           int
	Name           string
	CorrelationKey string
}

func (SendTask) isCommand()          {}
func (PublishMessage) isCommand()    {}
func (OpenSubscription) isCommand()  {}
func (CloseSubscription) isCommand() {}

func reject(kind RejectionKind, format string, args ...any) *Rejection {
	return &Rejection{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}
