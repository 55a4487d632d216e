package engine

import (
	"math"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// Identity says which instance a State is, and of what.
type Identity struct {
	ID         InstanceID
	Home       int32  // the home that owns the instance, for life
	Definition int64  // row id of the deployed version
	ProcessID  string // the process element's id
	Version    int32  // version of the process, from 1
}

// EndState says how an instance ended.
type EndState string

// The ends of an instance; "" is a running one.
const (
	Running    EndState = ""
	Completed  EndState = "completed"
	Terminated EndState = "terminated" // by a terminate end event of the process itself
	Cancelled  EndState = "cancelled"  // from outside
)

// finishedTasks is how many finished tasks are remembered to tell a duplicate
// result from a late one.
const finishedTasks = 16

// State is one process instance: who it is, its variables, and its element
// instances. It is the fold of the instance's events (Apply). It is not safe for
// concurrent use.
type State struct {
	Identity
	Sequence    uint64 // decided inputs so far = version of the row
	BusinessKey string
	Tenant      string
	TraceParent string
	StartedAt   time.Time
	// Parked says that a defect of ours stopped the instance: inputs are kept
	// back until its incident is resolved.
	Parked bool

	parkedCause string
	parkedAt    int64 // microseconds
	end         EndState
	variables   Variables
	next        Key // the next element instance's key
	finished    []attempt
	pages       []*page // ascending by number
	joins       []join  // where tokens wait at parallel gateways, sorted

	// What follows can be computed from the above and is not stored.
	children  int // element instances directly in the process
	elements  int
	incidents int
	bytes     int // size of all variables

	paged bool     // element instances are stored in pages, for good
	gone  []uint32 // pages that are stored but empty by now
}

// attempt names one attempt of a task.
type attempt struct {
	task   Key
	number uint32
}

// join finds the element instance of a parallel gateway in a scope that tokens wait at.
type join struct {
	scope   Key
	node    int
	element Key
}

// NewState is an instance that has not been started.
func NewState(_ *bpmn.Process, id Identity) *State {
	return &State{Identity: id, next: 1}
}

// Ended tells whether the instance is over.
func (s *State) Ended() bool { return s.end != Running }

// EndState says how the instance ended, Running if it has not.
func (s *State) EndState() EndState { return s.end }

// Variables are those of the instance's root scope.
func (s *State) Variables() Variables { return s.variables }

// NextDue is the earliest instant at which a Tick has something to do: a timer,
// a retry or a task's deadline. It may have passed already: a timer set to zero
// fires by the next Tick.
func (s *State) NextDue() (time.Time, bool) {
	due := int64(math.MaxInt64)
	for _, pg := range s.pages {
		if d := pg.earliest(); d != 0 && d < due {
			due = d
		}
	}
	if due == math.MaxInt64 {
		return time.Time{}, false
	}
	return instant(due), true
}

// Size is about how many bytes of memory the state takes.
func (s *State) Size() int {
	const header, perElement = 600, 360
	return header + perElement*s.elements + 2*s.bytes
}

// HasTask tells whether a result for this attempt of the task would be applied.
func (s *State) HasTask(task Key, number uint32) bool {
	e := s.element(task)
	return e != nil && e.task.phase == taskSent && e.task.attempt == number
}

// ActiveElement is a token: an element instance and the node it is at.
type ActiveElement struct {
	Node int
	Key  Key
}

// Active lists where the instance is, in order of keys, at most limit of them.
func (s *State) Active(limit int) (active []ActiveElement, truncated bool) {
	active = make([]ActiveElement, 0, min(limit, s.elements))
	for _, pg := range s.pages {
		for _, e := range pg.elements {
			if len(active) == limit {
				return active, true
			}
			active = append(active, ActiveElement{Node: e.node, Key: e.key})
		}
	}
	return active, false
}

// Subscription is an open subscription to a message.
type Subscription struct {
	Element        Key
	Node           int
	Name           string
	CorrelationKey string
	Interrupting   bool
}

// OpenSubscriptions lists all open subscriptions. It looks at every element instance.
func (s *State) OpenSubscriptions() []Subscription {
	var open []Subscription
	for e := range s.all() {
		for _, w := range e.waits {
			if !w.isTimer() {
				open = append(open, Subscription{e.key, w.node, w.name, w.correlationKey, w.interrupting})
			}
		}
	}
	return open
}

// IncidentCount is the number of open incidents, that of a parked instance included.
func (s *State) IncidentCount() int {
	if s.Parked {
		return s.incidents + 1
	}
	return s.incidents
}

// Incident is something that a human has to mend before a token can go on.
type Incident struct {
	Key     Key // the element instance, 0 for an incident of the instance as a whole
	Node    int // bpmn.None for an incident of the instance as a whole
	Kind    IncidentKind
	Message string
	Since   time.Time
}

// Incidents lists the open incidents. It looks at every element instance.
func (s *State) Incidents() []Incident {
	if s.IncidentCount() == 0 {
		return nil
	}
	open := make([]Incident, 0, s.IncidentCount())
	if s.Parked {
		open = append(open, Incident{Node: bpmn.None, Kind: Defect, Message: s.parkedCause, Since: instant(s.parkedAt)})
	}
	for e := range s.all() {
		if i := e.incident; i != nil {
			open = append(open, Incident{e.key, e.node, i.kind, i.message, instant(i.since)})
		}
	}
	return open
}

// isFinished tells whether the attempt is among the last that were answered.
func (s *State) isFinished(a attempt) bool { return slices.Contains(s.finished, a) }

func (s *State) finish(a attempt) {
	if len(s.finished) == finishedTasks {
		s.finished = slices.Delete(s.finished, 0, 1)
	}
	s.finished = append(s.finished, a)
}

// variablesOf are those of a scope: the process's for 0, else an element's locals.
func (s *State) variablesOf(scope Key) Variables {
	if scope == 0 {
		return s.variables
	}
	if e := s.element(scope); e != nil {
		return e.locals
	}
	return nil
}

// enclosing is the scope around a scope.
func (s *State) enclosing(scope Key) Key {
	if e := s.element(scope); e != nil {
		return e.scope
	}
	return 0
}

// micros is t in microseconds since 1970, the resolution of stored times,
// rounded up so that nothing is ever early. 0 stands for no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	us := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		us++
	}
	return max(us, 1)
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
