package engine

import (
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// Event is something that happened to an instance. The set is closed. Applying
// an instance's events in order to a new State gives its State, except for
// Sequence, which counts decided inputs.
//
// Node is the index of the flow node meant, Key the element instance (0: the
// element was passed without stopping), Scope the instance of the enclosing
// subprocess (0: the process).
type Event interface {
	apply(p *bpmn.Process, s *State)
	appendJSON(dst []byte, p *bpmn.Process, withVariables bool) []byte
}

// InstanceStarted begins an instance at the start event Node.
type InstanceStarted struct {
	At          time.Time
	Node        int
	BusinessKey string
	Tenant      string
	TraceParent string
	MessageID   string
	Variables   Variables
}

// InstanceCompleted ends an instance whose last token was consumed.
type InstanceCompleted struct{}

// InstanceTerminated ends an instance by a terminate end event of the process.
type InstanceTerminated struct{ Node int }

// InstanceCancelled ends an instance from outside.
type InstanceCancelled struct{ Reason string }

// InstanceParked stops an instance because of a defect of ours.
type InstanceParked struct {
	At    time.Time
	Cause string
}

// InstanceResumed lets a parked instance go on.
type InstanceResumed struct{}

// ElementPassed says that a token went through an element without stopping.
type ElementPassed struct {
	Node  int
	Scope Key
	Flow  int // the flow the token came by, bpmn.None without
}

// ElementEntered says that a token stopped at an element: an element instance begins.
type ElementEntered struct {
	Key   Key
	Node  int
	Scope Key
	Flow  int
	// Variables are the element's own: what its input mappings gave.
	Variables Variables
}

// ElementCompleted ends an element instance normally.
type ElementCompleted struct {
	Key  Key
	Node int
}

// ElementTerminated ends an element instance by an interrupting event, a
// terminate end event or from outside.
type ElementTerminated struct {
	Key  Key
	Node int
}

// TokenArrived says that a token waits at the parallel gateway for those of the
// other incoming flows.
type TokenArrived struct {
	Key  Key
	Node int
	Flow int
}

// TaskSent says that an attempt of a task was given to the workers.
type TaskSent struct {
	Key      Key
	Node     int
	Type     string
	Attempt  uint32
	Left     uint32 // attempts left, this one included
	Retries  uint32 // attempts the model gives
	Deadline time.Time
}

// TaskCompleted says that a worker did the work.
type TaskCompleted struct {
	Key       Key
	Node      int
	Attempt   uint32
	Variables Variables
}

// TaskFailed says that an attempt failed, or passed its deadline.
type TaskFailed struct {
	Key     Key
	Node    int
	Attempt uint32
	Message string
	Left    uint32    // attempts left
	RetryAt time.Time // zero: at once, or never when none is left
}

// TaskProgressed says that a worker is still at it.
type TaskProgressed struct {
	Key      Key
	Node     int
	Attempt  uint32
	Deadline time.Time // the new deadline
}

// ErrorThrown says that a BPMN error was thrown, by the worker of a task (Key)
// or by an error end event (Key 0).
type ErrorThrown struct {
	Key     Key
	Node    int
	Scope   Key
	Attempt uint32
	Code    string
	Message string
	Catcher int // the boundary event that catches it, bpmn.None without
}

// TimerScheduled says that the timer event Node will fire for the element instance.
type TimerScheduled struct {
	Key         Key
	Node        int
	Due         time.Time
	Repetitions int
	Interval    string
}

// TimerFired says that the timer event Node fired.
type TimerFired struct {
	Key  Key
	Node int
}

// MessageSubscribed says that the element instance waits for a message.
type MessageSubscribed struct {
	Key            Key
	Node           int
	Name           string
	CorrelationKey string
	Interrupting   bool
}

// MessageCorrelated says that the message event Node got its message.
type MessageCorrelated struct {
	Key       Key
	Node      int
	MessageID string
}

// MessagePublished says that the message event Node sent a message.
type MessagePublished struct {
	Node           int
	Scope          Key
	Name           string
	CorrelationKey string
	MessageID      string
}

// DecisionEvaluated says which version of a decision the business rule task Node
// was given, and how its value came about, in short: at most 20 tables and 100
// rules.
type DecisionEvaluated struct {
	Node     int
	Scope    Key
	Decision string
	Version  int32
	Tables   []TableEvaluated // in order of evaluation
	Omitted  int              // tables and rules not told
}

// TableEvaluated is an evaluated decision table.
type TableEvaluated struct {
	Decision  string // the id of its decision
	HitPolicy string
	Inputs    Variables // by their expressions, at most 4 KiB of all tables
	Rules     []uint32  // that matched, from 1
}

// VariablesSet says that a scope got new values: the process (0) or the element
// instance Scope.
type VariablesSet struct {
	Scope     Key
	Variables Variables
}

// IncidentRaised says that an element can't go on until somebody mends what is wrong.
type IncidentRaised struct {
	Key     Key
	Node    int
	Kind    IncidentKind
	Message string
	At      time.Time

	// Where it stopped. Held: a token before the element (a new element
	// instance, with Scope and Flow). Leaving: it has finished but can't leave.
	// Neither: its task can't be sent again.
	Held, Leaving, Triggered bool
	Scope                    Key
	Flow                     int
	Result                   Variables // what the trigger or worker brought, kept for the next try
}

// IncidentResolved says that the element tries again.
type IncidentResolved struct {
	Key  Key
	Node int
}

// Apply folds an event into the state. It panics if the event does not fit: then
// the events are not those of this instance, or not in order.
func Apply(p *bpmn.Process, s *State, e Event) { e.apply(p, s) }

// AppendEvents appends the events as a JSON array of objects, each with "type"
// and, where they apply, "element" (BPMN id), "key" and "scope". Variables are
// left out unless withVariables is set.
func AppendEvents(dst []byte, p *bpmn.Process, events []Event, withVariables bool) []byte {
	dst = append(dst, '[')
	first := true
	for _, e := range events {
		if _, ok := e.(VariablesSet); ok && !withVariables {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = e.appendJSON(dst, p, withVariables)
	}
	return append(dst, ']')
}
