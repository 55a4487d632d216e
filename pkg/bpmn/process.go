package bpmn

import (
	"time"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// None marks the absence of a node or flow where an index is expected.
const None = -1

// Process is one executable process of a model: validated, compiled, immutable
// and safe for concurrent use. Nodes are in document order of all flow nodes,
// subprocess contents included; stored instances refer to nodes by that index,
// so the order is part of the stored format.
type Process struct {
	ID         string // the process element's id: what instances are started by
	Name       string
	VersionTag string
	Dialect    Dialect
	Nodes      []Node
	Flows      []Flow
	// Start is the none start event, or None.
	Start int
	// MessageStarts and TimerStarts are the root's other start events.
	MessageStarts []int
	TimerStarts   []int
	// StatusVariables makes status records carry variables (process property
	// barnabas.status.variables="true"; default false).
	StatusVariables bool
	Warnings        []Problem

	byID map[string]int // node indexes
}

// Dialect says whose extension elements the model uses.
type Dialect uint8

// The dialects. Plain models have no extension elements at all.
const (
	Plain Dialect = iota
	Camunda
	Zeebe
)

// Kind is the kind of a flow node, as fine as behaviour differs.
type Kind uint8

// The supported flow nodes.
const (
	NoneStartEvent Kind = iota + 1
	MessageStartEvent
	TimerStartEvent
	NoneEndEvent
	MessageEndEvent
	ErrorEndEvent
	TerminateEndEvent
	ServiceTask
	SendTask
	ReceiveTask
	ScriptTask
	BusinessRuleTask // with a decision; with a task type it is a ServiceTask
	ManualTask       // also the undefined <task>: passes through
	ExclusiveGateway
	ParallelGateway
	EventBasedGateway
	MessageCatchEvent
	TimerCatchEvent
	MessageThrowEvent
	NoneThrowEvent
	TimerBoundaryEvent
	MessageBoundaryEvent
	ErrorBoundaryEvent
	SubProcess
)

// Node is a flow node. Fields that a kind does not use are zero (None for
// indexes).
type Node struct {
	Index int
	ID    string
	Name  string
	Kind  Kind
	Line  int
	// Scope is the index of the enclosing SubProcess, None for the process itself.
	Scope    int
	Incoming []int // flow indexes
	Outgoing []int // flow indexes
	Default  int   // flow index of the default flow, None without
	// Start is the none start event of a SubProcess, else None.
	Start int
	// Boundary lists the boundary events attached to this activity, AttachedTo
	// is a boundary event's activity.
	Boundary     []int
	AttachedTo   int
	Interrupting bool // boundary events: cancelActivity

	Inputs  []Mapping // evaluated on entering, in order, into local variables
	Outputs []Mapping // evaluated on leaving, in order, into the enclosing scope
	// PropagateResult says that result variables also go to the enclosing scope
	// as they are: always in the camunda dialect, only without Outputs in zeebe's.
	PropagateResult bool

	Task    *Task    // ServiceTask, SendTask, and message throw/end events with a task type
	Message *Message // receive tasks and message events without a task type
	Timer   *Timer   // timer events
	Error   *Error   // error events
	Script  *Script  // ScriptTask
	// Decision is what a BusinessRuleTask asks for.
	Decision *CalledDecision
}

// Flow is a sequence flow.
type Flow struct {
	Index     int
	ID        string
	Name      string
	Source    int             // node index
	Target    int             // node index
	Condition expr.Expression // nil: none
}

// Mapping writes the value of Source to the variable Target (a name; a dotted
// target a.b sets a nested value).
type Mapping struct {
	Target string
	Source expr.Expression
}

// Task is work done by a worker.
type Task struct {
	Type expr.Expression // task type; a literal unless the model computes it
	// StaticType is Type when it is a literal, else empty.
	StaticType string
	// Retries is the number of attempts, default 3. RetriesExpr overrides it when not nil.
	Retries     int
	RetriesExpr expr.Expression
	// Backoff[i] is the delay before attempt i+2; the last entry repeats; empty: no delay.
	Backoff []time.Duration
	// Deadline is how long an attempt may take before it counts as failed
	// (property barnabas.deadline, ISO 8601); 0: the task type's configuration.
	Deadline time.Duration
	// Headers are the model's constant headers (zeebe:taskHeaders, camunda:properties), sorted by key.
	Headers []Header
}

// Header is a constant the model gives to the worker.
type Header struct{ Key, Value string }

// Message is what a message event waits for or publishes.
type Message struct {
	Name expr.Expression // a literal unless the model computes it
	// StaticName is Name when it is a literal, else empty.
	StaticName string
	// CorrelationKey is nil for start events and for camunda models without the
	// property barnabas.correlationKey: then the business key correlates.
	CorrelationKey expr.Expression
	// TTL of a published message; 0: the default.
	TTL time.Duration
}

// TimerKind says how a timer's expression is read.
type TimerKind uint8

// The kinds of timers.
const (
	TimerDate     TimerKind = iota + 1 // ISO 8601 date and time, or a FEEL date and time
	TimerDuration                      // ISO 8601 duration, or a FEEL duration
	TimerCycle                         // R3/PT1H, R/<start>/P1D, or a cron expression of six fields
)

// Timer is a timer event definition. Schedule gives the due times.
type Timer struct {
	Kind  TimerKind
	Value expr.Expression
}

// Error is an error event definition. Code "" on a boundary event catches all.
type Error struct {
	Code            string
	CodeVariable    string // camunda:errorCodeVariable
	MessageVariable string // camunda:errorMessageVariable
}

// Script is the body of a script task.
type Script struct {
	Expression     expr.Expression
	ResultVariable string // "" : the value is dropped
}

// kindNames are the words of BPMN's XML, with the event definition in front.
var kindNames = [...]string{
	NoneStartEvent: "noneStartEvent", MessageStartEvent: "messageStartEvent", TimerStartEvent: "timerStartEvent",
	NoneEndEvent: "noneEndEvent", MessageEndEvent: "messageEndEvent", ErrorEndEvent: "errorEndEvent",
	TerminateEndEvent: "terminateEndEvent", ServiceTask: "serviceTask", SendTask: "sendTask",
	ReceiveTask: "receiveTask", ScriptTask: "scriptTask", BusinessRuleTask: "businessRuleTask", ManualTask: "manualTask",
	ExclusiveGateway: "exclusiveGateway", ParallelGateway: "parallelGateway", EventBasedGateway: "eventBasedGateway",
	MessageCatchEvent: "messageCatchEvent", TimerCatchEvent: "timerCatchEvent", MessageThrowEvent: "messageThrowEvent",
	NoneThrowEvent: "noneThrowEvent", TimerBoundaryEvent: "timerBoundaryEvent", MessageBoundaryEvent: "messageBoundaryEvent",
	ErrorBoundaryEvent: "errorBoundaryEvent", SubProcess: "subProcess",
}

// String is the kind in BPMN's words, as "messageStartEvent".
func (k Kind) String() string {
	if int(k) >= len(kindNames) || kindNames[k] == "" {
		return "unknown"
	}
	return kindNames[k]
}

// String is "plain", "camunda" or "zeebe".
func (d Dialect) String() string {
	switch d {
	case Camunda:
		return "camunda"
	case Zeebe:
		return "zeebe"
	}
	return "plain"
}

// IsActivity tells whether boundary events can be attached to the kind.
func (k Kind) IsActivity() bool {
	switch k {
	case ServiceTask, SendTask, ReceiveTask, ScriptTask, BusinessRuleTask, ManualTask, SubProcess:
		return true
	}
	return false
}

// IsStartEvent tells whether the kind is a start event of any trigger.
func (k Kind) IsStartEvent() bool {
	return k == NoneStartEvent || k == MessageStartEvent || k == TimerStartEvent
}

// IsEndEvent tells whether the kind is an end event of any result.
func (k Kind) IsEndEvent() bool {
	return k == NoneEndEvent || k == MessageEndEvent || k == ErrorEndEvent || k == TerminateEndEvent
}

// IsBoundaryEvent tells whether the kind is a boundary event of any trigger.
func (k Kind) IsBoundaryEvent() bool {
	return k == TimerBoundaryEvent || k == MessageBoundaryEvent || k == ErrorBoundaryEvent
}

// IsGateway tells whether the kind is a gateway.
func (k Kind) IsGateway() bool {
	return k == ExclusiveGateway || k == ParallelGateway || k == EventBasedGateway
}

// NodeByID is the index of the flow node with the id, None without one.
func (p *Process) NodeByID(id string) int {
	if index, ok := p.byID[id]; ok {
		return index
	}
	return None
}
