package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

var endStates = [...]EndState{Running, Completed, Terminated, Cancelled}

// maxKey keeps page numbers within 32 bits.
const maxKey = Key(math.MaxUint32) * pageSize

// DecodeState reads back what Changes wrote: the header and, if the instance is
// paged, all its parts in any order. The state keeps references into header and
// parts, which must not be changed afterwards. An error means that the bytes are
// damaged, of a newer version or of another process.
func DecodeState(p *bpmn.Process, id InstanceID, home int32, header []byte, parts []Part) (*State, error) {
	s := NewState(p, Identity{ID: id, Home: home, ProcessID: p.ID})
	if err := s.decode(p, header, parts); err != nil {
		return nil, fmt.Errorf("decode instance %x of process %s: %w", id, p.ID, err)
	}
	return s, nil
}

func (s *State) decode(p *bpmn.Process, header []byte, parts []Part) error {
	r := &reader{src: header}
	next := s.readHeader(r)
	if r.err == nil && (next == 0 || next > maxKey) {
		r.fail("next key %d is out of range", next)
	}
	if s.paged {
		s.readParts(p, parts, r)
	} else if len(parts) > 0 {
		r.fail("%d parts, but the header has the element instances", len(parts))
	} else {
		s.readElements(p, r, 0)
	}
	if s.next > next {
		r.fail("element instance %d is not below the next key %d", s.next-1, next)
	}
	s.next = next
	r.end()
	return r.err
}

func (s *State) readHeader(r *reader) (next Key) {
	r.version()
	flags := r.byte()
	s.paged, s.Parked = flags&headerPaged != 0, flags&headerParked != 0
	s.Definition, s.Version = r.int(), int32(r.int())
	s.Sequence = r.uint()
	s.BusinessKey, s.Tenant, s.TraceParent = r.text(), r.text(), r.text()
	s.StartedAt = instant(r.int())
	if s.Parked {
		s.parkedCause, s.parkedAt = r.text(), r.int()
	}
	if s.end = EndState(r.text()); !slices.Contains(endStates[:], s.end) {
		r.fail("unknown end %q", s.end)
	}
	next = Key(r.uint())
	for range r.count(finishedTasks) {
		s.finished = append(s.finished, attempt{Key(r.uint()), uint32(r.uint())})
	}
	s.variables = r.variables()
	s.bytes = s.variables.size()
	return next
}

// readElements reads element instances in order of their keys, which are given
// as distances, the first from base.
func (s *State) readElements(p *bpmn.Process, r *reader, base Key) {
	for range r.count(math.MaxInt) {
		e := &element{key: base + Key(r.uint())}
		r.element(e)
		if r.err != nil {
			return
		}
		if err := s.check(p, e); err != nil {
			r.fail("element instance %d: %w", e.key, err)
			return
		}
		s.insert(e)
		base = e.key
	}
}

// readParts reads the pages in order and compares them with the header's directory.
func (s *State) readParts(p *bpmn.Process, parts []Part, header *reader) {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.No, b.No) })
	for _, part := range parts {
		r := &reader{src: part.Data}
		r.version()
		from := s.elements
		s.readElements(p, r, Key(part.No)*pageSize)
		if r.end(); r.err != nil {
			header.fail("part %d: %w", part.No, r.err)
			return
		}
		if n := len(s.pages); s.elements == from || s.pages[n-1].number != part.No ||
			s.elements-from != len(s.pages[n-1].elements) {
			header.fail("part %d has element instances of another part, or none", part.No)
			return
		}
	}
	if n := header.count(math.MaxInt); n != len(s.pages) {
		header.fail("%d parts are there, the header knows %d", len(s.pages), n)
	}
	number := uint64(0)
	for _, pg := range s.pages {
		pg.dirty, pg.stored = false, true
		number += header.uint()
		count, due := header.uint(), header.int()
		if header.err == nil && (number != uint64(pg.number) || count != uint64(len(pg.elements)) || due != pg.earliest()) {
			header.fail("part %d is not of the same state as the header", pg.number)
		}
	}
}

// check refuses what no step can have written, so that damaged bytes do not
// become a panic later.
func (s *State) check(p *bpmn.Process, e *element) error {
	if e.key < s.next || e.key >= maxKey {
		return errors.New("its key is out of order")
	}
	if e.node < 0 || e.node >= len(p.Nodes) {
		return fmt.Errorf("the process has no node %d", e.node)
	}
	if e.flow < bpmn.None || e.flow >= len(p.Flows) {
		return fmt.Errorf("the process has no flow %d", e.flow)
	}
	n := &p.Nodes[e.node]
	if e.flow == bpmn.None && len(n.Incoming) > 1 || e.flow != bpmn.None && p.Flows[e.flow].Target != e.node {
		return fmt.Errorf("its token did not come to %s by flow %d", n.ID, e.flow)
	}
	if err := s.checkScope(e, n); err != nil {
		return err
	}
	if err := e.checkPhase(n); err != nil {
		return err
	}
	for _, w := range e.waits {
		if err := w.check(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) checkScope(e *element, n *bpmn.Node) error {
	if e.scope == 0 {
		if n.Scope != bpmn.None {
			return fmt.Errorf("%s is inside a subprocess, but the instance is not", n.ID)
		}
		return nil
	}
	around := s.element(e.scope)
	if around == nil || around.node != n.Scope {
		return fmt.Errorf("%s is not inside element instance %d", n.ID, e.scope)
	}
	return nil
}

func (e *element) checkPhase(n *bpmn.Node) error {
	switch {
	case e.phase >= phases:
		return fmt.Errorf("unknown phase %d", e.phase)
	case e.task.phase >= taskPhases:
		return fmt.Errorf("unknown task phase %d", e.task.phase)
	case e.task.phase != noTask && n.Task == nil:
		return fmt.Errorf("%s is no task", n.ID)
	case (e.phase == held || e.phase == leaving) && e.incident == nil:
		return errors.New("it is stopped without an incident")
	case e.phase == active && e.incident != nil && e.task.phase != taskStopped:
		return errors.New("it has an incident but is not stopped")
	case e.incident != nil && (e.incident.kind == 0 || e.incident.kind >= incidentKinds):
		return fmt.Errorf("unknown kind of incident %d", e.incident.kind)
	case (e.arrived != nil) != (n.Kind == bpmn.ParallelGateway && e.phase != held):
		return errors.New("only parallel gateways have waiting tokens")
	case e.arrived != nil:
		return e.arrived.check(len(n.Incoming))
	}
	return nil
}

func (a *arrivals) check(incoming int) error {
	for position := range 64 * len(a.marks) {
		if a.has(position) && position >= incoming {
			return fmt.Errorf("a token came by incoming flow %d of %d", position+1, incoming)
		}
	}
	for _, position := range a.surplus {
		if position >= incoming {
			return fmt.Errorf("a token came by incoming flow %d of %d", position+1, incoming)
		}
	}
	return nil
}

func (w *wait) check(p *bpmn.Process) error {
	if w.node < 0 || w.node >= len(p.Nodes) {
		return fmt.Errorf("the process has no node %d", w.node)
	}
	n := &p.Nodes[w.node]
	if w.isTimer() && n.Timer == nil || !w.isTimer() && n.Message == nil {
		return fmt.Errorf("%s does not wait for what is stored", n.ID)
	}
	return nil
}
