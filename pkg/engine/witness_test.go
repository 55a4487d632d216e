package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// witness runs an instance, step by step, and checks after each what must always
// hold.
type witness struct {
	t      testing.TB
	p      *bpmn.Process
	s      *State
	now    time.Time
	replay *State            // the fold of the events
	header []byte            // as stored
	parts  map[uint32][]byte // as stored
	open   map[string]bool   // subscriptions, by the commands
	nodes  map[Key]int       // every element instance ever
	reload bool              // go on with the state as it is read back

	decisions deployedDecisions
}

func newWitness(t testing.TB, p *bpmn.Process) *witness {
	id := Identity{ID: InstanceID{15: 1}, Home: 7, Definition: 42, ProcessID: p.ID, Version: 3}
	return &witness{
		t: t, p: p, s: NewState(p, id), now: beginning, replay: NewState(p, id),
		parts: map[uint32][]byte{}, open: map[string]bool{}, nodes: map[Key]int{},
	}
}

// decide runs one input and checks the invariants.
func (w *witness) decide(in Input) Outcome {
	sequence, ended, before := w.s.Sequence, w.s.Ended(), w.s.encoding()
	out, err := DecideWith(w.p, w.s, in, w.decisions)
	require.NoError(w.t, err)
	if out.Rejection != nil {
		require.Empty(w.t, out.Events)
		require.Empty(w.t, out.Commands)
		require.Equal(w.t, before, w.s.encoding(), "a rejection must leave the state as it is")
		return out
	}
	require.False(w.t, ended, "%T was applied to an instance that had ended", in)
	require.Equal(w.t, sequence+1, w.s.Sequence)
	w.follow(out)
	return out
}

// follow takes an outcome in: replays its events, stores the changes, checks.
func (w *witness) follow(out Outcome) {
	for _, e := range out.Events {
		Apply(w.p, w.replay, e)
		switch e := e.(type) {
		case ElementEntered:
			w.nodes[e.Key] = e.Node
		case IncidentRaised:
			w.nodes[e.Key] = e.Node
		}
	}
	w.replay.Sequence++
	require.Equal(w.t, w.s.encoding(), w.replay.encoding(), "the fold of the events must be the state")
	w.checkCommands(out)
	w.checkStored()
	w.checkCounts()
	require.True(w.t, json.Valid(AppendEvents(nil, w.p, out.Events, true)))
	require.True(w.t, json.Valid(AppendEvents(nil, w.p, out.Events, false)))
}

// checkCommands keeps the books of subscriptions: they are those of the state.
func (w *witness) checkCommands(out Outcome) {
	for _, e := range out.Events {
		if e, ok := e.(MessageCorrelated); ok && interrupts(w.p, e.Node) {
			delete(w.open, fmt.Sprint(e.Key, e.Node)) // the shell takes these back itself
		}
	}
	for _, c := range out.Commands {
		switch c := c.(type) {
		case OpenSubscription:
			require.False(w.t, w.s.Ended() && w.open[fmt.Sprint(c.Element, c.Node)])
			w.open[fmt.Sprint(c.Element, c.Node)] = true
		case CloseSubscription:
			require.Contains(w.t, w.open, fmt.Sprint(c.Element, c.Node), "closed what is not open")
			delete(w.open, fmt.Sprint(c.Element, c.Node))
		case SendTask:
			require.True(w.t, json.Valid(c.Variables))
		}
	}
	open := w.s.OpenSubscriptions()
	require.Len(w.t, w.open, len(open))
	for _, s := range open {
		require.Contains(w.t, w.open, fmt.Sprint(s.Element, s.Node))
	}
}

func interrupts(p *bpmn.Process, node int) bool {
	return p.Nodes[node].AttachedTo == bpmn.None || p.Nodes[node].Interrupting
}

// checkStored writes the changes and reads the instance back.
func (w *witness) checkStored() {
	c := w.s.Changes()
	w.header = c.Header
	for _, part := range c.Parts {
		w.parts[part.No] = part.Data
	}
	for _, no := range c.Gone {
		require.Contains(w.t, w.parts, no)
		delete(w.parts, no)
	}
	w.s.Saved()
	parts := make([]Part, 0, len(w.parts))
	for no, data := range w.parts {
		parts = append(parts, Part{no, data})
	}
	read, err := DecodeState(w.p, w.s.ID, w.s.Home, w.header, parts)
	require.NoError(w.t, err)
	require.Equal(w.t, w.s.encoding(), read.encoding(), "decode(encode(state)) must be the state")
	require.Equal(w.t, w.s.dump(), read.dump())
	require.Equal(w.t, w.s.figures(), read.figures())
	require.Equal(w.t, w.s.figures(), w.replay.figures())
	require.Equal(w.t, w.s.paged, read.paged)
	if w.reload {
		w.s = read
	}
}

// checkCounts recounts what is counted along the way.
func (w *witness) checkCounts() {
	children, bytes := map[Key]int{}, w.s.variables.size()
	for e := range w.s.all() {
		children[e.scope]++
		bytes += e.locals.size() + e.result.size()
		waits := e.task.phase == taskSent || e.task.phase == taskWaiting || len(e.waits) > 0 ||
			e.arrived != nil || e.children > 0 || e.incident != nil
		require.True(w.t, waits, "%s #%d waits for nothing: a lost token", w.p.Nodes[e.node].ID, e.key)
	}
	for e := range w.s.all() {
		require.Equal(w.t, children[e.key], e.children)
	}
	require.Equal(w.t, bytes, w.s.bytes)
	require.Equal(w.t, w.s.Ended(), w.s.elements == 0, "an instance ends with its last token")
	_, due := w.s.NextDue()
	require.False(w.t, w.s.Ended() && due)
}

// encoding is the whole state as bytes, whatever was saved before.
func (s *State) encoding() []byte {
	return s.appendInline(s.appendHeader(nil, 0))
}

// dump is all that is stored, without the encoding's help.
func (s *State) dump() string {
	var text strings.Builder
	fmt.Fprintln(&text, s.Identity, s.Sequence, s.BusinessKey, s.Tenant, s.TraceParent, s.StartedAt,
		s.Parked, s.parkedCause, s.parkedAt, s.end, s.next, s.finished, s.variables)
	for e := range s.all() {
		shown := *e
		shown.arrived, shown.incident = nil, nil
		fmt.Fprintf(&text, "%+v %+v %+v\n", shown, e.arrived, e.incident)
	}
	return text.String()
}

// figures are what is computed along the way instead of stored.
func (s *State) figures() string {
	due, _ := s.NextDue()
	return fmt.Sprint(s.children, s.elements, s.incidents, s.bytes, s.joins, due, s.Size())
}

// node is the index of a node by its id.
func (w *witness) node(id string) int {
	i := slices.IndexFunc(w.p.Nodes, func(n bpmn.Node) bool { return n.ID == id })
	require.GreaterOrEqual(w.t, i, 0, "no node %s", id)
	return i
}

// find is the first element instance at a node, or one that also minds the node;
// "#2" is that of the key, there or not.
func (w *witness) find(id string, also func(*element) []int) *element {
	if number, isKey := strings.CutPrefix(id, "#"); isKey {
		k, err := strconv.Atoi(number)
		require.NoError(w.t, err)
		if e := w.s.element(Key(k)); e != nil {
			return e
		}
		return &element{key: Key(k), task: task{attempt: 1}}
	}
	node := w.node(id)
	for e := range w.s.all() {
		if e.node == node || slices.Contains(also(e), node) {
			return e
		}
	}
	for k := w.s.next; k > 0; k-- {
		if at, ok := w.nodes[k]; ok && at == node {
			return &element{key: k, task: task{attempt: 1}}
		}
	}
	w.t.Fatalf("no element instance of %s", id)
	return nil
}

func nodesOf(waits []wait) (nodes []int) {
	for _, w := range waits {
		nodes = append(nodes, w.node)
	}
	return nodes
}

// advance moves the clock by +duration, or to what is due next.
func (w *witness) advance(by string) {
	if due, ok := w.s.NextDue(); by == "due" && ok {
		w.now = due
		return
	}
	d, err := time.ParseDuration(strings.TrimPrefix(by, "+"))
	require.NoError(w.t, err)
	w.now = w.now.Add(d)
}
