package engine

import "time"

// InstanceID identifies a process instance: a time-ordered UUID given by the shell.
type InstanceID [16]byte

// Key numbers the element instances of an instance, from 1. 0 is the root scope.
type Key uint64

// Input is what an instance reacts to. The set is closed.
type Input interface{ isInput() }

// Start creates the instance; Decide must be given a new State.
type Start struct {
	Now         time.Time
	Node        int // index of the start event
	BusinessKey string
	Tenant      string
	Variables   Variables
	// MessageID is set when a message started the instance.
	MessageID string
	// TraceParent is carried to the commands (W3C trace context).
	TraceParent string
}

// TaskResult is a worker's answer. It is applied only while its attempt is the one
// a worker has: not after it failed, passed its deadline or was answered.
type TaskResult struct {
	Now     time.Time
	Task    Key
	Attempt uint32
	Status  ResultStatus
	// Variables of completed, bpmn-error and progress results.
	Variables    Variables
	ErrorCode    string
	ErrorMessage string
	// Retries, when set, replaces the attempts left (failed only).
	Retries *int
	// RetryAfter, when set, replaces the model's delay (failed only).
	RetryAfter *time.Duration
}

// ResultStatus is the status header of a result.
type ResultStatus uint8

// The statuses of results.
const (
	ResultCompleted ResultStatus = iota
	ResultFailed
	ResultBPMNError
	ResultProgress
)

// MessageReceived delivers a message to an open subscription.
type MessageReceived struct {
	Now       time.Time
	Element   Key // the element instance that holds the subscription
	Node      int // the node the subscription belongs to (boundary event, catch event, receive task)
	MessageID string
	Variables Variables
}

// Tick says what time it is: what is due fires, earliest first, up to MaxFirings;
// the rest stays due, as NextDue says. With nothing due it is rejected.
type Tick struct{ Now time.Time }

// Cancel ends the instance from outside.
type Cancel struct {
	Now    time.Time
	Reason string
}

// ResolveIncident tries again what the incident stopped.
type ResolveIncident struct {
	Now     time.Time
	Element Key // the element instance with the incident; 0: every incident of the instance
	// Retries are the attempts a task is given; 0: as many as the model says.
	Retries int
	// Variables are set first, each in the nearest scope, from Element outward,
	// that has its name, else in the process: the usual mend of a failed
	// expression. They also replace variables of the same names in a result
	// that the incident keeps.
	Variables Variables
}

func (Start) isInput()           {}
func (TaskResult) isInput()      {}
func (MessageReceived) isInput() {}
func (Tick) isInput()            {}
func (Cancel) isInput()          {}
func (ResolveIncident) isInput() {}
