package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// A step on a large instance writes the header and the pages it touched: about
// as much as a step on a small one, however many tasks are open.
func TestStepOnLargeInstanceStoresWhatItTouched(t *testing.T) {
	t.Parallel()
	cost := func(open int) int {
		c := newCrowd(t, open)
		stored := 0
		for range open {
			stored += c.completeOne(t)
		}
		return stored / open
	}
	small, large := cost(50), cost(5000)
	t.Logf("bytes stored per result: %d with 50 open tasks, %d with 5,000", small, large)
	require.LessOrEqual(t, large, 2*small)
}

// Not parallel: it counts allocations.
func TestStepOnLargeInstanceAllocatesLittle(t *testing.T) {
	cost := func(open int) float64 {
		c := newCrowd(t, open)
		return testing.AllocsPerRun(open/2, func() { c.completeOne(t) })
	}
	small, large := cost(50), cost(5000)
	t.Logf("allocations per result: %.0f with 50 open tasks, %.0f with 5,000", small, large)
	require.LessOrEqual(t, large, 2*small)
}

func TestInstanceIsPagedWhenItGrowsAndStaysSo(t *testing.T) {
	t.Parallel()
	w := newWitness(t, branches(t, 1000))
	w.decide(Start{Now: w.now, Node: w.p.Start})
	require.Len(t, w.parts, 1000/pageSize+1)
	require.True(t, w.s.paged)
	for k := Key(1); k <= 1000; k++ {
		in := TaskResult{Now: w.now, Task: k, Attempt: 1}
		if k%50 == 0 { // looking takes longer than deciding
			w.decide(in)
			continue
		}
		out, err := Decide(w.p, w.s, in)
		require.NoError(t, err)
		for _, e := range out.Events {
			Apply(w.p, w.replay, e)
		}
		w.replay.Sequence++
	}
	require.True(t, w.s.Ended())
	require.Empty(t, w.parts, "no part is left of an instance without element instances")
	require.True(t, w.s.Changes().Paged)
}

// Changes may be asked for and thrown away: what is not Saved comes again.
func TestChangesAreKeptUntilSaved(t *testing.T) {
	t.Parallel()
	w := newWitness(t, branches(t, 1000))
	_, err := Decide(w.p, w.s, Start{Now: w.now, Node: w.p.Start})
	require.NoError(t, err)
	first := w.s.Changes()
	require.Equal(t, first, w.s.Changes())
	w.s.Saved()
	require.Empty(t, w.s.Changes().Parts, "nothing changed since Saved")

	for k := Key(1); k < pageSize; k++ {
		_, err := Decide(w.p, w.s, TaskResult{Now: w.now, Task: k, Attempt: 1})
		require.NoError(t, err)
	}
	c := w.s.Changes()
	require.Equal(t, []uint32{0}, c.Gone)
	require.Equal(t, c, w.s.Changes())
	w.s.Saved()
	require.Empty(t, w.s.Changes().Gone)
}

func TestNextDueIsTheEarliest(t *testing.T) {
	t.Parallel()
	p, err := parseProcess("start -> fork\nfork -> a -> end\nfork -> b -> end\nfork: parallel\n" +
		"a: service deadline=PT2H\nb: timer-catch duration=PT1H\n")
	require.NoError(t, err)
	w := newWitness(t, p)
	_, isDue := w.s.NextDue()
	require.False(t, isDue)
	w.decide(Start{Now: w.now, Node: p.Start})
	due, _ := w.s.NextDue()
	require.Equal(t, beginning.Add(time.Hour), due)
	w.decide(Tick{Now: due})
	due, _ = w.s.NextDue()
	require.Equal(t, beginning.Add(2*time.Hour), due)
}

// Stored times have microseconds; what lies between is rounded up, never early.
func TestTimersAreNeverEarly(t *testing.T) {
	t.Parallel()
	w := newWitness(t, mustProcess(t, "start -> wait -> end\nwait: timer-catch duration=PT1S\n"))
	begin := beginning.Add(1 * time.Nanosecond)
	w.decide(Start{Now: begin, Node: w.p.Start})
	require.NotNil(t, w.decide(Tick{Now: begin.Add(time.Second)}).Rejection)
	require.Nil(t, w.decide(Tick{Now: begin.Add(time.Second + time.Microsecond)}).Rejection)
}

func TestActiveIsBounded(t *testing.T) {
	t.Parallel()
	w := newWitness(t, branches(t, 100))
	w.decide(Start{Now: w.now, Node: w.p.Start})
	active, truncated := w.s.Active(10)
	require.Len(t, active, 10)
	require.True(t, truncated)
	require.Equal(t, ActiveElement{Node: w.node("task-0"), Key: 1}, active[0])
	active, truncated = w.s.Active(100)
	require.Len(t, active, 100)
	require.False(t, truncated)
}

func TestHasTask(t *testing.T) {
	t.Parallel()
	w := newWitness(t, tasks(t, 1))
	w.decide(Start{Now: w.now, Node: w.p.Start})
	require.True(t, w.s.HasTask(1, 1))
	require.False(t, w.s.HasTask(1, 2))
	require.False(t, w.s.HasTask(2, 1))
	w.decide(TaskResult{Now: w.now, Task: 1, Attempt: 1})
	require.False(t, w.s.HasTask(1, 1))
}

// The header remembers the last finished tasks: their results again are
// duplicates, those of older ones late.
func TestOnlyTheLastFinishedTasksAreTold(t *testing.T) {
	t.Parallel()
	w := newWitness(t, tasks(t, finishedTasks+2))
	w.decide(Start{Now: w.now, Node: w.p.Start})
	for k := Key(1); k <= finishedTasks+1; k++ {
		w.decide(TaskResult{Now: w.now, Task: k, Attempt: 1})
	}
	require.Equal(t, Late, w.decide(TaskResult{Now: w.now, Task: 1, Attempt: 1}).Rejection.Kind)
	require.Equal(t, Duplicate, w.decide(TaskResult{Now: w.now, Task: 2, Attempt: 1}).Rejection.Kind)
}

func TestInputsThatTheShellMustNotGive(t *testing.T) {
	t.Parallel()
	p := tasks(t, 1)
	for name, inputs := range map[string][]Input{
		"result before the start": {TaskResult{Task: 1, Attempt: 1}},
		"second start":            {Start{Now: beginning, Node: p.Start}, Start{Now: beginning, Node: p.Start}},
		"no such node":            {Start{Now: beginning, Node: 99}},
		"no time":                 {Start{Node: p.Start}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewState(p, Identity{})
			var err error
			for _, in := range inputs {
				_, err = Decide(p, s, in)
			}
			require.Error(t, err)
		})
	}
}

// A start that hits a defect parks an instance that is not there yet; the start
// is given again once the incident is resolved.
func TestParkBeforeStart(t *testing.T) {
	t.Parallel()
	p := tasks(t, 1)
	s := NewState(p, Identity{})
	Park(s, beginning, "a defect")
	require.Equal(t, 1, s.IncidentCount())
	s, err := DecodeState(p, s.ID, s.Home, s.Changes().Header, nil)
	require.NoError(t, err)
	for _, in := range []Input{ResolveIncident{Now: beginning}, Start{Now: beginning, Node: p.Start}} {
		out, err := Decide(p, s, in)
		require.NoError(t, err)
		require.Nil(t, out.Rejection)
	}
	require.True(t, s.HasTask(1, 1))
}

func TestIdentityIsStored(t *testing.T) {
	t.Parallel()
	w := newWitness(t, tasks(t, 1))
	w.decide(Start{
		Now: w.now, Node: w.p.Start, BusinessKey: "order-1", Tenant: "acme", TraceParent: "00-ab-cd-01",
		Variables: Variables{{"a", []byte("1")}},
	})
	read, err := DecodeState(w.p, w.s.ID, w.s.Home, w.header, nil)
	require.NoError(t, err)
	require.Equal(t, w.s.Identity, read.Identity)
	require.Equal(t, "order-1", read.BusinessKey)
	require.Equal(t, "acme", read.Tenant)
	require.Equal(t, "00-ab-cd-01", read.TraceParent)
	require.Equal(t, beginning, read.StartedAt)
	require.Equal(t, uint64(1), read.Sequence)
	require.Equal(t, w.s.Variables(), read.Variables())
}

func mustProcess(tb testing.TB, text string) *bpmn.Process {
	p, err := parseProcess(text)
	require.NoError(tb, err)
	return p
}

// A loop without a wait ends with an incident; resolving goes on from there.
func TestEndlessLoopStopsWithAnIncident(t *testing.T) {
	t.Parallel()
	w := newWitness(t, mustProcess(t, `
		start -> merge -> again
		again -> merge if = again
		again -> end default
		merge: exclusive
		again: exclusive`))
	in := Start{Now: w.now, Node: w.p.Start, Variables: Variables{{"again", []byte("true")}}}
	out := w.decide(in)
	require.Len(t, out.Events, 1+MaxSteps+1)
	require.Equal(t, StepLimit, w.s.Incidents()[0].Kind)
	w.decide(ResolveIncident{Now: w.now, Variables: Variables{{"again", []byte("false")}}})
	require.Equal(t, Completed, w.s.EndState())
}

// All tokens under way when the steps run out are kept.
func TestStepLimitLosesNoToken(t *testing.T) {
	t.Parallel()
	p := branches(t, MaxSteps/2)
	w := newWitness(t, p)
	_, err := Decide(p, w.s, Start{Now: w.now, Node: p.Start})
	require.NoError(t, err)
	for len(w.s.Incidents()) > 0 {
		_, err = Decide(p, w.s, ResolveIncident{Now: w.now})
		require.NoError(t, err)
	}
	require.Equal(t, MaxSteps/2, w.s.elements)
	tasksOpen := slices.Collect(w.s.all())
	require.Equal(t, taskSent, tasksOpen[len(tasksOpen)-1].task.phase)
}

// A tick fires a bounded number of timers; the rest stays due and is no incident.
func TestTickIsBounded(t *testing.T) {
	t.Parallel()
	const timers = 2*MaxFirings + 1
	text := "start -> fork\nfork: parallel\n"
	for i := range timers {
		text += fmt.Sprintf("fork -> wait-%d -> a-%d -> b-%d -> end\n", i, i, i)
		text += fmt.Sprintf("wait-%d: timer-catch duration=PT1H\na-%d: manual\nb-%d: manual\n", i, i, i)
	}
	p := mustProcess(t, text)
	s := NewState(p, Identity{})
	_, err := Decide(p, s, Start{Now: beginning, Node: p.Start})
	require.NoError(t, err)
	for _, left := range []int{MaxFirings + 1, 1, 0} {
		_, err := Decide(p, s, Tick{Now: beginning.Add(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, left, s.elements)
		require.Zero(t, s.IncidentCount())
	}
	require.True(t, s.Ended())
}

// A tick whose timers led through many elements leaves the others to the next:
// the limit of steps is one for each timer.
func TestTickStopsWhenItLedFar(t *testing.T) {
	t.Parallel()
	text := "start -> fork\nfork: parallel\nmerge: exclusive\nmerge"
	for i := range MaxSteps * 4 / 10 {
		text += fmt.Sprintf(" -> throw-%d", i)
	}
	text += "\n"
	for i := range MaxSteps * 4 / 10 {
		text += fmt.Sprintf("throw-%d: throw\n", i)
	}
	for i := range 4 {
		text += fmt.Sprintf("fork -> wait-%d -> merge\nwait-%d: timer-catch duration=PT1H\n", i, i)
	}
	p := mustProcess(t, text)
	s := NewState(p, Identity{})
	_, err := Decide(p, s, Start{Now: beginning, Node: p.Start})
	require.NoError(t, err)
	for _, left := range []int{1, 0} {
		_, err := Decide(p, s, Tick{Now: beginning.Add(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, left, s.elements)
		require.Zero(t, s.IncidentCount())
	}
}

// Too many variables are an incident, and what the worker brought is kept.
func TestVariablesLimit(t *testing.T) {
	t.Parallel()
	big := func(n int) []byte { return slices.Concat([]byte(`"`), slices.Repeat([]byte("x"), n), []byte(`"`)) }
	p := mustProcess(t, "start -> a -> end\na: service\n")
	s := NewState(p, Identity{})
	decide := func(in Input) Outcome {
		out, err := Decide(p, s, in)
		require.NoError(t, err)
		return out
	}
	decide(Start{Now: beginning, Node: p.Start, Variables: Variables{{"old", big(3 << 20)}}})

	out := decide(TaskResult{Now: beginning, Task: 1, Attempt: 1, Status: ResultProgress, Variables: Variables{{"new", big(2 << 20)}}})
	require.Equal(t, Inapplicable, out.Rejection.Kind)
	decide(TaskResult{Now: beginning, Task: 1, Attempt: 1, Variables: Variables{{"new", big(2 << 20)}}})
	require.Equal(t, VariablesLimit, s.Incidents()[0].Kind)

	out = decide(ResolveIncident{Now: beginning, Variables: Variables{{"other", big(2 << 20)}}})
	require.Equal(t, Inapplicable, out.Rejection.Kind)
	decide(ResolveIncident{Now: beginning, Variables: Variables{{"old", []byte("1")}}})
	require.Equal(t, Completed, s.EndState())
	kept, _ := s.Variables().Get("new")
	require.Len(t, kept, 2<<20+2)
}

// A value that replaces one as large is no reason for an incident.
func TestReplacedVariablesDoNotCount(t *testing.T) {
	t.Parallel()
	p := mustProcess(t, "start -> a -> end\na: service\n")
	s := NewState(p, Identity{})
	large := Variables{{"v", append(append([]byte(`"`), make([]byte, 3<<20)...), '"')}}
	_, err := Decide(p, s, Start{Now: beginning, Node: p.Start, Variables: large})
	require.NoError(t, err)
	_, err = Decide(p, s, TaskResult{Now: beginning, Task: 1, Attempt: 1, Variables: large})
	require.NoError(t, err)
	require.Equal(t, Completed, s.EndState())
}

// Deciding an input again gives the same, random functions and ids included.
func TestDecideIsDeterministic(t *testing.T) {
	t.Parallel()
	p := mustProcess(t, "start -> a -> b -> end\na: script do=\"= uuid()\" result=id\n"+
		"b: message-throw message=m key=\"= id\"\n")
	run := func() string {
		s := NewState(p, Identity{ID: InstanceID{1, 2, 3}})
		out, err := Decide(p, s, Start{Now: beginning, Node: p.Start})
		require.NoError(t, err)
		return fmt.Sprintf("%+v", out)
	}
	require.Equal(t, run(), run())
}
