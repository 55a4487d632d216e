package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// MaxSteps bounds the elements that one trigger may lead through, so that a model
// that goes round in circles stops with an incident instead of never. An input
// with several triggers leaves the rest for later once all took more.
const MaxSteps = 10_000

// Decide works out what happens when in arrives at s, applying each event to s
// as it is appended. An applied input adds one to s.Sequence; a rejected one
// leaves s as it is. An error, or a panic, is a defect of ours: s is then
// worthless and the stored state has to be parked (Park).
//
// Due means due at or before the input's Now. Timers of zero length are due at
// once and fire by the next Tick, for which NextDue asks.
func Decide(p *bpmn.Process, s *State, in Input) (Outcome, error) {
	return DecideWith(p, s, in, nil)
}

// DecideWith is Decide where decisions are deployed that business rule tasks ask;
// nil: none.
func DecideWith(p *bpmn.Process, s *State, in Input, decisions Decisions) (Outcome, error) {
	d := decision{p: p, s: s, decisions: decisions, out: Outcome{Events: make([]Event, 0, 8)}}
	rejection, err := d.decide(in)
	if err != nil {
		return Outcome{}, fmt.Errorf("decide %T for instance %x at sequence %d: %w", in, s.ID, s.Sequence, err)
	}
	if rejection != nil {
		return Outcome{Rejection: rejection}, nil
	}
	s.Sequence++
	return d.out, nil
}

// Park stops the instance because of a defect of ours, with an incident of its
// own: also one whose Start could not be decided, on a new State. It counts as a
// decided input. From then on the shell keeps all inputs back except Cancel and
// ResolveIncident; when the latter has cleared Parked it gives them in order.
func Park(s *State, now time.Time, cause string) Outcome {
	d := decision{s: s}
	d.append(InstanceParked{At: now, Cause: cause})
	s.Sequence++
	return d.out
}

// token is on its way to a node, or out of the element instance key at it.
type token struct {
	node, flow int
	scope      Key
	key        Key       // the element instance it leaves, 0 if it never stopped
	locals     Variables // of the element
	result     Variables // what its trigger or worker brought
	triggered  bool      // what the node would wait for has happened
}

// problem is why a transition can't happen: the matter of an incident.
type problem struct {
	kind    IncidentKind
	message string
}

func newProblem(kind IncidentKind, format string, args ...any) *problem {
	return &problem{kind: kind, message: fmt.Sprintf(format, args...)}
}

// decision is the work on one input. Its tokens are a queue, not recursion.
type decision struct {
	p   *bpmn.Process
	s   *State
	now time.Time
	out Outcome

	decisions Decisions
	decided   int // steps that the current trigger's decisions took

	queue  []token // tokens under way, from head on
	head   int
	scopes []Key // scopes that lost a token and may be complete
	steps  int   // elements passed by the current trigger
	spent  int   // and by those before

	view  view   // what the next expression sees
	sight *sight // what evaluations are given
	draws uint64 // seeds and message ids given so far
	flows []int  // the flows of the plan
	sets  []set  // the variables of the plan

	writer expr.Writer // what takes the variables that a script sets, nil for other expressions
}

func (d *decision) decide(in Input) (*Rejection, error) {
	if _, ok := in.(Start); ok && !d.s.StartedAt.IsZero() {
		return nil, errors.New("the instance has been started already")
	} else if !ok && d.s.Sequence == 0 {
		return nil, errors.New("the instance has not been started")
	}
	switch in := in.(type) {
	case Start:
		return nil, d.start(in)
	case TaskResult:
		return d.at(in.Now).taskResult(in), nil
	case MessageReceived:
		return d.at(in.Now).messageReceived(in), nil
	case Tick:
		return d.at(in.Now).tick(), nil
	case Cancel:
		return d.at(in.Now).cancel(in), nil
	case ResolveIncident:
		return d.at(in.Now).resolve(in), nil
	}
	return nil, errors.New("unknown input")
}

func (d *decision) at(now time.Time) *decision {
	d.now = now
	return d
}

// append records an event and applies it.
func (d *decision) append(e Event) {
	e.apply(d.p, d.s)
	d.out.Events = append(d.out.Events, e)
}

func (d *decision) command(c Command) { d.out.Commands = append(d.out.Commands, c) }

func (d *decision) start(in Start) error {
	if in.Node < 0 || in.Node >= len(d.p.Nodes) || d.p.Nodes[in.Node].Scope != bpmn.None {
		return fmt.Errorf("node %d is no start event of process %s", in.Node, d.p.ID)
	}
	if in.Now.IsZero() {
		return errors.New("a start needs to know the time")
	}
	d.at(in.Now)
	t := token{node: in.Node, flow: bpmn.None, triggered: true}
	started := InstanceStarted{
		At: in.Now, Node: in.Node, BusinessKey: in.BusinessKey, Tenant: in.Tenant,
		TraceParent: in.TraceParent, MessageID: in.MessageID, Variables: in.Variables,
	}
	if n := &d.p.Nodes[in.Node]; n.Kind == bpmn.MessageStartEvent && !n.PropagateResult {
		// The start event's output mappings alone say what the process sees.
		started.Variables, t.result = nil, in.Variables
	}
	d.append(started)
	d.send(t)
	d.run()
	return nil
}

func (d *decision) cancel(in Cancel) *Rejection {
	if d.s.Ended() {
		return &Rejection{Inapplicable, "the instance has ended already: " + string(d.s.end)}
	}
	d.clear(0)
	d.append(InstanceCancelled{Reason: in.Reason})
	return nil
}

// send puts a token under way.
func (d *decision) send(t token) {
	if d.head == len(d.queue) {
		d.queue, d.head = d.queue[:0], 0
	}
	d.queue = append(d.queue, t)
}

// run moves the tokens of a trigger until all have stopped or are consumed, and
// completes the scopes that are empty then.
func (d *decision) run() {
	d.spent += d.steps
	d.steps, d.decided = 0, 0
	for {
		for d.head < len(d.queue) {
			t := d.queue[d.head]
			d.head++
			d.arrive(t)
		}
		if !d.completeScopes() {
			return
		}
	}
}

// isTired tells whether an input has led through so much that its other triggers
// should wait.
func (d *decision) isTired() bool { return d.spent+d.steps > MaxSteps }

// arrive lets a token enter its node. What can't go on is held there by an incident.
func (d *decision) arrive(t token) {
	d.steps++
	if d.steps > MaxSteps {
		d.hold(t, newProblem(StepLimit,
			"more than %d elements were passed without a task, timer or message in between", MaxSteps))
		return
	}
	n := &d.p.Nodes[t.node]
	if len(n.Inputs) > 0 {
		locals, problem := d.mapInputs(n, t.scope)
		if problem != nil {
			d.hold(t, problem)
			return
		}
		t.locals = locals
	}
	if problem := d.enter(n, t); problem != nil {
		d.hold(t, problem)
	}
}

// stay makes the token an element instance.
func (d *decision) stay(t token) Key {
	k := d.s.next
	d.append(ElementEntered{Key: k, Node: t.node, Scope: t.scope, Flow: t.flow, Variables: t.locals})
	return k
}

// leave takes a token out of its node by the outgoing flows, if nothing is wrong.
func (d *decision) leave(t token) *problem {
	if problem := d.plan(t); problem != nil {
		return problem
	}
	d.follow(t)
	return nil
}

// plan works out where a token goes and what it writes, without doing it.
func (d *decision) plan(t token) *problem {
	d.flows, d.sets = nil, d.sets[:0]
	n := &d.p.Nodes[t.node]
	if problem := d.mapOutputs(n, t); problem != nil {
		return problem
	}
	if problem := d.checkSize(t); problem != nil {
		return problem
	}
	return d.chooseFlows(n, t)
}

// follow does what was planned.
func (d *decision) follow(t token) {
	d.applySets()
	if t.key != 0 {
		d.closeSubscriptions(d.s.element(t.key))
		d.append(ElementCompleted{Key: t.key, Node: t.node})
	} else {
		d.append(ElementPassed{Node: t.node, Scope: t.scope, Flow: t.flow})
	}
	for _, f := range d.flows {
		d.send(token{node: d.p.Flows[f].Target, flow: f, scope: t.scope})
	}
	if len(d.flows) == 0 {
		d.touch(t.scope)
	}
}

func (d *decision) applySets() {
	for _, w := range d.sets {
		d.append(VariablesSet{Scope: w.scope, Variables: w.variables})
	}
	d.sets = d.sets[:0]
}

// finish lets an element instance that got its result go on.
func (d *decision) finish(e *element, result Variables) {
	t := token{node: e.node, flow: e.flow, scope: e.scope, key: e.key, locals: e.locals, result: result}
	if problem := d.leave(t); problem != nil {
		d.append(IncidentRaised{
			Key: e.key, Node: e.node, Kind: problem.kind, Message: problem.message, At: d.now,
			Leaving: true, Result: result,
		})
	}
}

// hold keeps a token before its node with an incident.
func (d *decision) hold(t token, problem *problem) {
	d.append(IncidentRaised{
		Key: d.s.next, Node: t.node, Kind: problem.kind, Message: problem.message, At: d.now,
		Held: true, Triggered: t.triggered, Scope: t.scope, Flow: t.flow, Result: t.result,
	})
}

// seed is different for each draw and the same when an input is decided again.
func (d *decision) seed() uint64 {
	const prime = 1099511628211 // FNV-1a
	h := uint64(14695981039346656037)
	for _, b := range d.s.ID {
		h = (h ^ uint64(b)) * prime
	}
	d.draws++
	for _, n := range [2]uint64{d.s.Sequence, d.draws} {
		for ; n > 0; n >>= 8 {
			h = (h ^ n&0xff) * prime
		}
		h = (h ^ 0xff) * prime
	}
	return h
}
