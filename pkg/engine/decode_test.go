package engine

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// stored is an instance in the middle of everything: tasks, timers,
// subscriptions, waiting tokens, incidents, a subprocess.
func stored(tb testing.TB) (*bpmn.Process, []byte) {
	w := newWitness(tb, mustProcess(tb, `
		start -> fork
		fork -> a -> join
		fork -> b -> join
		fork -> sub -> join
		fork -> c -> join
		fork -> d -> join
		join -> end
		sub: subprocess in.x="= 1" {
		  start-inside -> wait -> end-inside
		  wait: message-catch message=m key="= key"
		}
		late: timer-boundary on=sub cycle=R3/PT1H non-interrupting
		late -> end
		fork: parallel
		join: parallel
		a: service deadline=PT1H
		b: service retries=1
		c: service out.y="= assert(y, y != null)"
		d: timer-catch duration="= missing"`))
	w.decide(Start{Now: w.now, Node: w.p.Start, BusinessKey: "b", Variables: Variables{{"key", []byte(`"k"`)}}})
	for _, e := range slices.Collect(w.s.all()) {
		switch w.p.Nodes[e.node].ID {
		case "a":
			w.decide(TaskResult{Now: w.now, Task: e.key, Attempt: 1})
		case "b":
			w.decide(TaskResult{Now: w.now, Task: e.key, Attempt: 1, Status: ResultFailed})
		case "c":
			w.decide(TaskResult{Now: w.now, Task: e.key, Attempt: 1, Variables: Variables{{"z", []byte("1")}}})
		}
	}
	w.follow(Park(w.s, w.now, "test"))
	require.Len(tb, w.s.Incidents(), 4)
	return w.p, w.header
}

// Damaged bytes give an error, or a state that can be used without a panic.
func FuzzDecodeState(f *testing.F) {
	p, header := stored(f)
	f.Add(header)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, header []byte) {
		s, err := DecodeState(p, InstanceID{}, 0, header, nil)
		if err != nil {
			return
		}
		exercise(t, p, s)
	})
}

// exercise does with a state what can be done with any.
func exercise(t *testing.T, p *bpmn.Process, s *State) {
	s.Incidents()
	s.OpenSubscriptions()
	s.NextDue()
	s.Changes()
	if s.Sequence == 0 {
		return
	}
	inputs := []Input{Tick{Now: beginning.AddDate(10, 0, 0)}, ResolveIncident{Now: beginning}}
	for e := range s.all() {
		inputs = append(inputs, TaskResult{Now: beginning, Task: e.key, Attempt: e.task.attempt})
		for _, w := range e.waits {
			inputs = append(inputs, MessageReceived{Now: beginning, Element: e.key, Node: w.node})
		}
	}
	for _, in := range append(inputs, Cancel{Now: beginning}) {
		_, err := Decide(p, s, in)
		require.NoError(t, err)
	}
	require.True(t, s.Ended())
}

// Every cut and every flipped bit is survived.
func TestDecodeDamagedState(t *testing.T) {
	t.Parallel()
	p, header := stored(t)
	for n := range header {
		_, err := DecodeState(p, InstanceID{}, 0, header[:n], nil)
		require.Error(t, err, "cut at %d", n)
	}
	_, err := DecodeState(p, InstanceID{}, 0, append(slices.Clone(header), 0), nil)
	require.ErrorContains(t, err, "1 bytes too many")
	for n := range header {
		for b := range 8 {
			damaged := bytes.Clone(header)
			damaged[n] ^= 1 << b
			if s, err := DecodeState(p, InstanceID{}, 0, damaged, nil); err == nil {
				exercise(t, p, s)
			}
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p, header := stored(t)
	_, err := DecodeState(p, InstanceID{}, 0, append([]byte{9}, header[1:]...), nil)
	require.ErrorContains(t, err, "encoding version 9; this program reads version 1")
	_, err = DecodeState(tasks(t, 1), InstanceID{}, 0, header, nil)
	require.ErrorContains(t, err, "the process has no node")
	_, err = DecodeState(p, InstanceID{}, 0, header, []Part{{No: 1}})
	require.ErrorContains(t, err, "1 parts, but the header has the element instances")
}

// A part that is missing, old or of another instance does not go unnoticed.
func TestDecodeChecksParts(t *testing.T) {
	t.Parallel()
	p := branches(t, 1000)
	s := NewState(p, Identity{})
	_, err := Decide(p, s, Start{Now: beginning, Node: p.Start})
	require.NoError(t, err)
	before := s.Changes()
	s.Saved()
	_, err = Decide(p, s, TaskResult{Now: beginning, Task: 1, Attempt: 1})
	require.NoError(t, err)
	after := s.Changes()
	require.Len(t, after.Parts, 2, "the page of the task and that of the join")

	read := func(header []byte, parts []Part) error {
		_, err := DecodeState(p, InstanceID{}, 0, header, parts)
		return err
	}
	require.NoError(t, read(before.Header, before.Parts))
	reversed := slices.Clone(before.Parts)
	slices.Reverse(reversed)
	require.NoError(t, read(before.Header, reversed), "parts come in any order")
	require.ErrorContains(t, read(before.Header, before.Parts[1:]), "15 parts are there, the header knows 16")
	require.ErrorContains(t, read(after.Header, before.Parts), "not of the same state as the header")
	swapped := slices.Clone(before.Parts)
	swapped[0].Data, swapped[1].Data = swapped[1].Data, swapped[0].Data
	require.Error(t, read(before.Header, swapped))
	require.Error(t, read(before.Header, append(before.Parts[:1:1], before.Parts...)))
}
