package bpmn

import (
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// validate applies the rules that need the whole process.
func (c *compiler) validate(process *etree.Element) {
	c.starts(process)
	for i := range c.process.Nodes {
		n := &c.process.Nodes[i]
		c.checkConditions(n)
		switch {
		case n.Kind == EventBasedGateway:
			c.checkEventGateway(n)
		case n.Kind.IsBoundaryEvent() && len(n.Outgoing) == 0:
			c.warn(c.elements[i], CodeAssumption, "the boundary event has no outgoing sequence flow: its path ends there")
		}
		c.checkDuplicates(n.Boundary, "the activity "+n.ID)
	}
	if c.refused {
		return // what is broken would look unreachable as well
	}
	c.warnUnreachable()
	c.warnLoops()
}

// starts finds the start events of the process and of its subprocesses.
func (c *compiler) starts(process *etree.Element) {
	p := c.process
	found := map[int]int{} // scope → start events, of whatever kind
	for i := range p.Nodes {
		n := &p.Nodes[i]
		isStart := c.elements[i].Tag == "startEvent"
		if isStart {
			found[n.Scope]++
		}
		switch {
		case !isStart || n.Kind == 0:
		case n.Kind == NoneStartEvent:
			c.noneStart(n)
		case n.Scope != None:
			c.problem(c.elements[i], CodeStructure, "a subprocess starts with a none start event: remove the event definition, or put a catch event behind the start event")
		case n.Kind == MessageStartEvent:
			p.MessageStarts = append(p.MessageStarts, i)
		default:
			p.TimerStarts = append(p.TimerStarts, i)
		}
	}
	c.checkDuplicates(p.MessageStarts, "the process")
	if found[None] == 0 {
		c.problem(process, CodeStructure, "the process has no start event: add one")
	}
	for i := range p.Nodes {
		if p.Nodes[i].Kind == SubProcess && found[i] == 0 {
			c.problem(c.elements[i], CodeStructure, "the subprocess has no start event: add one")
		}
	}
}

func (c *compiler) noneStart(n *Node) {
	start := &c.process.Start
	if n.Scope != None {
		start = &c.process.Nodes[n.Scope].Start
	}
	if *start != None {
		c.problem(c.elements[n.Index], CodeStructure, "there is already the none start event %q in this (sub)process: keep one", c.process.Nodes[*start].ID)
		return
	}
	*start = n.Index
}

// checkDuplicates reports events of one place that catch the same thing.
func (c *compiler) checkDuplicates(events []int, place string) {
	seen := map[string]int{}
	for _, i := range events {
		n := &c.process.Nodes[i]
		caught := n.catches()
		if caught == "" {
			continue
		}
		if first, taken := seen[caught]; taken {
			c.problem(c.elements[i], CodeStructure, "%s already has the event %q for %s: keep one of the two", place, c.process.Nodes[first].ID, shorten(caught))
			continue
		}
		seen[caught] = i
	}
}

// catches names the message or error that the node waits for, if it is known.
func (n *Node) catches() string {
	switch {
	case n.Kind == ErrorBoundaryEvent && n.Error != nil && n.Error.Code == "":
		return "any error"
	case n.Kind == ErrorBoundaryEvent && n.Error != nil:
		return "error " + n.Error.Code
	case n.Message != nil && n.Message.StaticName != "":
		return "message " + n.Message.StaticName
	}
	return ""
}

// checkEventGateway: the gateway waits for the events right behind it, so these
// must belong to it alone.
func (c *compiler) checkEventGateway(n *Node) {
	if len(n.Outgoing) < 2 {
		c.problem(c.elements[n.Index], CodeStructure, "an event-based gateway needs two outgoing sequence flows or more, it has %d: add catch events, or use the one without a gateway", len(n.Outgoing))
	}
	var targets []int
	for _, f := range n.Outgoing {
		target := &c.process.Nodes[c.process.Flows[f].Target]
		e := c.flowElements[f]
		switch target.Kind {
		case 0:
		case MessageCatchEvent, TimerCatchEvent, ReceiveTask:
			targets = append(targets, target.Index)
			if len(target.Incoming) > 1 {
				c.problem(e, CodeStructure, "%q behind the event-based gateway %q has other incoming sequence flows: give the other path an event of its own", target.ID, n.ID)
			}
			if target.Kind == ReceiveTask && len(target.Boundary) > 0 {
				c.problem(e, CodeStructure, "the receive task %q behind the event-based gateway %q has boundary events: remove them or use a catch event", target.ID, n.ID)
			}
		default:
			c.problem(e, CodeStructure, "the event-based gateway %q leads to %q (%s): lead it to message or timer catch events or receive tasks", n.ID, target.ID, target.Kind)
		}
	}
	c.checkDuplicates(targets, "the gateway "+n.ID)
}

// warnUnreachable follows every path from the start events.
func (c *compiler) warnUnreachable() {
	p := c.process
	reached := make([]bool, len(p.Nodes))
	queue := slices.Concat(p.MessageStarts, p.TimerStarts)
	queue = append(queue, p.Start)
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if i == None || reached[i] {
			continue
		}
		reached[i] = true
		n := &p.Nodes[i]
		queue = append(append(queue, n.Boundary...), n.Start)
		for _, f := range n.Outgoing {
			queue = append(queue, p.Flows[f].Target)
		}
	}
	for i := range p.Nodes {
		scope := p.Nodes[i].Scope
		if !reached[i] && (scope == None || reached[scope]) {
			c.warn(c.elements[i], CodeUnreachable, "no path leads from a start event to this element: it is never executed")
		}
	}
}

// loopShown is how many elements of a loop a warning names.
const loopShown = 8

// loopSearch looks for cycles that a token can go round without waiting.
type loopSearch struct {
	c     *compiler
	place []int // on the path, from 1; 0: not visited, left: done with. Behind the nodes come the ends of their scopes
	path  []int
}

// left marks a vertex all of whose paths are known.
const left = -1

// warnLoops reports loops without a wait state. They are legal: the engine
// bounds the steps of one input.
func (c *compiler) warnLoops() {
	s := &loopSearch{c: c, place: make([]int, 2*len(c.process.Nodes))}
	for i := range c.process.Nodes {
		s.visit(i)
	}
}

// visit goes depth first; a vertex met again on the path closes a loop.
func (s *loopSearch) visit(vertex int) {
	switch {
	case s.place[vertex] > 0:
		s.report(vertex)
		return
	case s.place[vertex] == left:
		return
	}
	s.path = append(s.path, vertex)
	s.place[vertex] = len(s.path)
	for _, next := range s.next(vertex) {
		s.visit(next)
	}
	s.path = s.path[:len(s.path)-1]
	s.place[vertex] = left
}

// next are the vertices a token can go to without waiting. A subprocess leads
// to its start event, what ends a path inside it to the vertex len(Nodes)+index,
// and that to what follows the subprocess.
func (s *loopSearch) next(vertex int) []int {
	p := s.c.process
	if vertex >= len(p.Nodes) {
		return s.targets(&p.Nodes[vertex-len(p.Nodes)])
	}
	n := &p.Nodes[vertex]
	switch {
	case n.waits():
		return nil
	case n.Kind == SubProcess && n.Start != None:
		return []int{n.Start}
	case len(n.Outgoing) == 0 && n.Scope != None && n.Kind != ErrorEndEvent:
		return []int{len(p.Nodes) + n.Scope}
	}
	return s.targets(n)
}

func (s *loopSearch) targets(n *Node) []int {
	targets := make([]int, 0, len(n.Outgoing))
	for _, f := range n.Outgoing {
		targets = append(targets, s.c.process.Flows[f].Target)
	}
	return targets
}

// waits tells whether a token stops at the node until an input arrives.
func (n *Node) waits() bool {
	switch n.Kind {
	case ServiceTask, ReceiveTask, EventBasedGateway, MessageCatchEvent, TimerCatchEvent:
		return true
	case SendTask, MessageThrowEvent, MessageEndEvent:
		return n.Task != nil
	}
	return n.Kind.IsBoundaryEvent()
}

func (s *loopSearch) report(vertex int) {
	p := s.c.process
	var ids []string
	for _, v := range s.path[s.place[vertex]-1:] {
		if len(ids) == loopShown {
			ids = append(ids, "…")
			break
		}
		if v < len(p.Nodes) {
			ids = append(ids, p.Nodes[v].ID)
		}
	}
	s.c.warn(s.c.elements[vertex%len(p.Nodes)], CodeStraightLoop, "the loop %s has no wait state: it runs on until a condition ends it or the engine's limit of steps is reached", strings.Join(ids, " → "))
}
