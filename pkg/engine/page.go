package engine

import (
	"cmp"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// pageSize is how many consecutive keys share a page.
const pageSize = 64

// page holds the element instances of pageSize consecutive keys. What a step
// changes is found, and written, by the page.
type page struct {
	number   uint32
	elements []*element // ascending by key
	due      int64      // earliest due time in microseconds, 0: none; see stale
	stale    bool       // due has to be looked up again
	dirty    bool       // changed since Saved
	stored   bool       // exists as a part
	size     int        // of the part when it was last encoded
}

// earliest is the earliest due time of the page, 0 if nothing is due ever.
func (pg *page) earliest() int64 {
	if pg.stale {
		pg.due, pg.stale = 0, false
		for _, e := range pg.elements {
			if d := e.due(); d != 0 && (pg.due == 0 || d < pg.due) {
				pg.due = d
			}
		}
	}
	return pg.due
}

// phase says what an element instance is doing.
type phase uint8

const (
	// active: waiting for a task, a timer, a message, tokens or its contents.
	active phase = iota
	// held: a token kept before the element by an incident; nothing has begun.
	held
	// leaving: finished, but an incident keeps it from leaving.
	leaving
	phases // how many there are
)

// element is an element instance: a token at a node, with all it waits for.
type element struct {
	key       Key
	scope     Key // the subprocess instance around it, 0: the process
	node      int
	flow      int // the flow its token came by, bpmn.None without
	phase     phase
	triggered bool      // held only: its trigger has happened already
	locals    Variables // variables of its own
	result    Variables // held and leaving: what the trigger or the worker brought
	task      task
	waits     []wait
	arrived   *arrivals // parallel gateways
	incident  *incident
	children  int // subprocesses: element instances directly inside; not stored
}

type incident struct {
	kind    IncidentKind
	message string
	since   int64 // microseconds
}

// taskPhase says whose turn it is.
type taskPhase uint8

const (
	noTask      taskPhase = iota
	taskSent              // a worker may answer the attempt until its deadline
	taskWaiting           // the attempt failed, the next is sent when due
	taskStopped           // an incident keeps it from being sent again
	taskDone              // answered
	taskPhases            // how many there are
)

// task is the work of an element instance.
type task struct {
	phase   taskPhase
	attempt uint32
	left    uint32 // attempts left, the current one included
	retries uint32 // attempts the model gives
	due     int64  // deadline, or when to send again; microseconds, 0: none
	kind    string // task type, empty when the model has it as a literal
}

// wait is a timer or a subscription that an element instance holds: its own, one
// of its boundary events, or one behind an event-based gateway.
type wait struct {
	node           int   // the event's node
	due            int64 // timers: microseconds
	repetitions    int
	interval       string
	name           string // subscriptions
	correlationKey string
	interrupting   bool // subscriptions: over after one message
}

func (w *wait) isTimer() bool { return w.due != 0 }

// schedule is the timer as package bpmn counts on.
func (w *wait) schedule() bpmn.Schedule {
	return bpmn.Schedule{Due: instant(w.due), Repetitions: w.repetitions, Interval: w.interval}
}

func (e *element) wait(node int) *wait {
	for i := range e.waits {
		if e.waits[i].node == node {
			return &e.waits[i]
		}
	}
	return nil
}

// due is the earliest due time of the element instance in microseconds, 0: none.
func (e *element) due() int64 {
	due := int64(0)
	if e.task.phase == taskSent || e.task.phase == taskWaiting {
		due = e.task.due
	}
	for i := range e.waits {
		if d := e.waits[i].due; d != 0 && (due == 0 || d < due) {
			due = d
		}
	}
	return due
}

// arrivals are the tokens that wait at a parallel gateway. A join needs one
// token of each incoming flow; more of the same flow wait for the next round.
type arrivals struct {
	flows   int      // distinct flows
	marks   []uint64 // bit i: a token came by the i-th incoming flow
	surplus []int    // positions of flows whose further tokens wait, one entry a token
}

func (a *arrivals) has(position int) bool {
	return position/64 < len(a.marks) && a.marks[position/64]&(1<<(position%64)) != 0
}

func (a *arrivals) add(position int) {
	if a.has(position) {
		a.surplus = append(a.surplus, position)
		return
	}
	for len(a.marks) <= position/64 {
		a.marks = append(a.marks, 0)
	}
	a.marks[position/64] |= 1 << (position % 64)
	a.flows++
}

func countFlows(marks []uint64) (n int) {
	for _, m := range marks {
		n += bits.OnesCount64(m)
	}
	return n
}

// flowPosition is where flow is among the node's incoming flows, -1 if it is not.
func flowPosition(n *bpmn.Node, flow int) int {
	if i, found := slices.BinarySearch(n.Incoming, flow); found {
		return i
	}
	return slices.Index(n.Incoming, flow)
}

func pageOf(k Key) uint32 { return uint32(k / pageSize) }

func (s *State) findPage(number uint32) (int, bool) {
	return slices.BinarySearchFunc(s.pages, number, func(pg *page, number uint32) int {
		return cmp.Compare(pg.number, number)
	})
}

func (pg *page) find(k Key) (int, bool) {
	return slices.BinarySearchFunc(pg.elements, k, func(e *element, k Key) int {
		return cmp.Compare(e.key, k)
	})
}

// element finds an element instance to read, nil if there is none.
func (s *State) element(k Key) *element {
	if i, ok := s.findPage(pageOf(k)); ok {
		if j, ok := s.pages[i].find(k); ok {
			return s.pages[i].elements[j]
		}
	}
	return nil
}

// change finds an element instance to change and marks its page. That there is
// none is a broken invariant.
func (s *State) change(k Key) *element {
	if i, ok := s.findPage(pageOf(k)); ok {
		pg := s.pages[i]
		if j, ok := pg.find(k); ok {
			pg.dirty, pg.stale = true, true
			return pg.elements[j]
		}
	}
	panic(fmt.Sprintf("instance %x has no element instance %d", s.ID, k))
}

// insert adds an element instance; keys grow, so it goes to the end.
func (s *State) insert(e *element) {
	number := pageOf(e.key)
	if n := len(s.pages); n == 0 || s.pages[n-1].number != number {
		s.pages = append(s.pages, &page{number: number})
		s.ungo(number)
	}
	pg := s.pages[len(s.pages)-1]
	pg.elements = append(pg.elements, e)
	pg.dirty, pg.stale = true, true
	s.count(e, 1)
	s.next = e.key + 1
}

// ungo takes a page off the list of those to delete and keeps it known as stored.
func (s *State) ungo(number uint32) {
	if i := slices.Index(s.gone, number); i >= 0 {
		s.gone = slices.Delete(s.gone, i, i+1)
		s.pages[len(s.pages)-1].stored = true
	}
}

// remove takes an element instance away.
func (s *State) remove(k Key) {
	e := s.change(k)
	i, _ := s.findPage(pageOf(k))
	pg := s.pages[i]
	j, _ := pg.find(k)
	pg.elements = slices.Delete(pg.elements, j, j+1)
	if len(pg.elements) == 0 {
		s.pages = slices.Delete(s.pages, i, i+1)
		if pg.stored {
			s.gone = append(s.gone, pg.number)
		}
	}
	s.count(e, -1)
}

// count keeps the figures that follow from the element instances.
func (s *State) count(e *element, by int) {
	s.elements += by
	s.bytes += by * (e.locals.size() + e.result.size())
	if e.incident != nil {
		s.incidents += by
	}
	if e.scope == 0 {
		s.children += by
	} else {
		s.element(e.scope).children += by
	}
	if e.arrived != nil {
		s.countJoin(e, by)
	}
}

func (s *State) countJoin(e *element, by int) {
	i, found := s.findJoin(e.scope, e.node)
	switch {
	case by > 0 && !found:
		s.joins = slices.Insert(s.joins, i, join{e.scope, e.node, e.key})
	case by < 0 && found:
		s.joins = slices.Delete(s.joins, i, i+1)
	}
}

func (s *State) findJoin(scope Key, node int) (int, bool) {
	return slices.BinarySearchFunc(s.joins, join{scope: scope, node: node}, func(a, b join) int {
		return cmp.Or(cmp.Compare(a.scope, b.scope), cmp.Compare(a.node, b.node))
	})
}

// all walks the element instances in order of their keys.
func (s *State) all() iter.Seq[*element] {
	return func(yield func(*element) bool) {
		for _, pg := range s.pages {
			for _, e := range pg.elements {
				if !yield(e) {
					return
				}
			}
		}
	}
}
