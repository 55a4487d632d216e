package engine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/internal/randomprocess"
	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

var (
	seed = flag.Uint64("seed", 0, "seed of the one simulation to run; 0: new ones")
	runs = flag.Int("runs", 150, "how many simulations to run")
)

// TestSimulation runs random processes with random inputs: results that are
// repeated, late, of unknown tasks; failures and errors; messages for
// subscriptions that are gone; ticks. After every step the witness replays the
// events, stores and reads the state and recounts it. In the end everything is
// answered, and every instance must complete.
func TestSimulation(t *testing.T) {
	t.Parallel()
	first, count := *seed, 1
	if first == 0 {
		first, count = uint64(time.Now().UnixNano()), *runs
	}
	for i := range uint64(count) {
		simulate(t, first+i)
		if t.Failed() {
			return
		}
	}
}

func simulate(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	process := randomprocess.Generate(random)
	passed := false
	defer func() {
		if !passed {
			t.Logf("to run it again: -run TestSimulation -seed %d\n%s", seed, process)
		}
	}()
	p, err := parseProcess(process)
	require.NoError(t, err)
	u := &universe{witness: newWitness(t, p), random: random}
	u.decisions = u.decisions.deploy(t, "simulated.dmn", false)
	u.reload = random.IntN(2) == 0
	if random.IntN(2) == 0 { // stored in pages from the start
		u.s.paged = true
	}
	u.decide(Start{Now: u.now, Node: p.Start, Variables: u.variables(`{"yes": true, "again": false, "key": "k", "x": 1}`)})
	for range 60 {
		if u.s.Ended() {
			break
		}
		u.disturb()
	}
	u.conclude()
	passed = true
}

// universe is what surrounds an instance: workers, senders, the clock.
type universe struct {
	*witness
	random *rand.Rand
	old    []Input // inputs to be repeated
	steps  int
}

func (u *universe) variables(json string) Variables {
	v, err := ParseVariables([]byte(json))
	require.NoError(u.t, err)
	return v
}

// do decides an input and remembers it for a repetition.
func (u *universe) do(in Input) {
	u.steps++
	u.old = append(u.old, in)
	u.decide(in)
}

// disturb gives a random input, sensible or not.
func (u *universe) disturb() {
	switch u.random.IntN(12) {
	case 0:
		u.do(u.old0())
	case 1:
		u.do(TaskResult{Now: u.now, Task: Key(u.random.IntN(20)), Attempt: uint32(u.random.IntN(4))})
	case 2:
		u.do(MessageReceived{Now: u.now, Element: Key(u.random.IntN(20)), Node: u.random.IntN(len(u.p.Nodes))})
	case 3, 4:
		u.now = u.now.Add(time.Duration(u.random.IntN(100)) * time.Second)
		u.do(Tick{Now: u.now})
	case 5:
		u.do(ResolveIncident{Now: u.now, Retries: u.random.IntN(2)})
	case 6:
		u.park()
	case 7:
		u.message(u.random.IntN(100))
	default:
		u.answer(ResultStatus(u.random.IntN(4)))
	}
}

// old0 is an input that came before, or the first tick.
func (u *universe) old0() Input {
	if len(u.old) == 0 {
		return Tick{Now: u.now}
	}
	return u.old[u.random.IntN(len(u.old))]
}

func (u *universe) park() {
	if u.s.Ended() {
		return
	}
	u.follow(Park(u.s, u.now, "simulated"))
	u.decide(ResolveIncident{Now: u.now})
	require.False(u.t, u.s.Parked)
}

// answer gives a result to one of the open tasks.
func (u *universe) answer(status ResultStatus) bool {
	open := u.collect(func(e *element) bool { return e.task.phase == taskSent })
	if len(open) == 0 {
		return false
	}
	e := open[u.random.IntN(len(open))]
	u.do(TaskResult{
		Now: u.now, Task: e.key, Attempt: e.task.attempt, Status: status,
		Variables: u.variables(fmt.Sprintf(`{"x": %d, "again": %t}`, u.random.IntN(3), u.random.IntN(3) == 0)),
		ErrorCode: []string{"a", "b", "c"}[u.random.IntN(3)], ErrorMessage: "simulated",
	})
	return true
}

// message delivers a message to one of the open subscriptions.
func (u *universe) message(n int) bool {
	open := u.s.OpenSubscriptions()
	if len(open) == 0 {
		return false
	}
	s := open[n%len(open)]
	u.do(MessageReceived{Now: u.now, Element: s.Element, Node: s.Node, Variables: u.variables(`{"x": 2}`)})
	return true
}

func (u *universe) collect(which func(*element) bool) []*element {
	var found []*element
	for e := range u.s.all() {
		if which(e) {
			found = append(found, e)
		}
	}
	return found
}

// conclude answers everything there is until the instance completes.
func (u *universe) conclude() {
	for range 3000 {
		if u.s.Ended() {
			require.Equal(u.t, Completed, u.s.EndState())
			return
		}
		u.goOn()
	}
	require.Fail(u.t, "the instance never completes", "%s", u.describe())
}

func (u *universe) goOn() {
	mend := u.variables(`{"missing": "PT1S", "x": 1, "yes": true, "again": false, "key": "k"}`)
	open := u.collect(func(e *element) bool { return e.task.phase == taskSent })
	waiting := slices.IndexFunc(u.s.OpenSubscriptions(), func(s Subscription) bool {
		return u.p.Nodes[s.Node].AttachedTo == bpmn.None
	})
	due, isDue := u.s.NextDue()
	switch {
	case u.s.IncidentCount() > 0:
		u.do(ResolveIncident{Now: u.now, Element: u.s.Incidents()[0].Key, Variables: mend})
	case len(open) > 0:
		e := open[0]
		u.do(TaskResult{Now: u.now, Task: e.key, Attempt: e.task.attempt, Variables: u.variables(`{"x": 1, "again": false}`)})
	case waiting >= 0:
		u.message(waiting)
	case isDue:
		u.now = later(u.now, due)
		u.do(Tick{Now: u.now})
	default:
		require.Fail(u.t, "nothing can happen any more", "%s", u.describe())
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
