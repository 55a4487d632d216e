package main

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stepsOfTwoTasks is how many inputs an instance of two-tasks.bpmn takes: the
// message and two results.
const stepsOfTwoTasks = 3

// share waits until every home belongs to one of the engines, and each has some.
func share(t *testing.T, engines ...*runningEngine) {
	t.Helper()
	eventually(t, "every home belongs to one engine", func() bool {
		var all []int32
		for _, e := range engines {
			all = append(all, e.homes(t, 1)...)
		}
		slices.Sort(all)
		return slices.Equal(all, []int32{0, 1, 2, 3, 4, 5, 6, 7})
	})
}

func TestEnginesAndRelaysShareTheWork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.startEngine(t, "--no-relay")
	second := s.startEngine(t, "--no-relay")
	relays := []*process{s.startRelay(t), s.startRelay(t)}
	first.deploy(t, "two-tasks.bpmn")
	s.startWorker(t, done, "first", "second")
	b := s.openBook(t)
	share(t, first, second)
	for _, r := range relays {
		eventually(t, "both relays hold homes", func() bool { return metric(t, r.address(t), `barnabas_relay_lease_changes_total{change="taken"}`) > 0 })
	}

	orders := keys(0, 400)
	s.publish(t, "ordered", orders...)
	b.settled(t, stepsOfTwoTasks, orders)
	for _, e := range []*runningEngine{first, second} {
		require.Positive(t, metric(t, e.address(t), `barnabas_input_records_total{end="applied"}`), "both engines work")
	}
	for _, r := range relays {
		require.Positive(t, metric(t, r.address(t), "barnabas_relay_records_total"), "both relays publish")
	}
	require.Zero(t, s.consistent(t).Findings)
}

func TestEnginesComeAndGoWhileInstancesRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.startEngine(t)
	second := s.startEngine(t)
	first.deploy(t, "two-tasks.bpmn")
	s.startWorker(t, done, "first", "second")
	b := s.openBook(t)
	orders := s.startFlow(t, "ordered", 5*time.Millisecond)
	b.await(t, 100)

	b.from(time.Now())
	third := s.startEngine(t)
	t.Logf("a third engine joined; longest pause between two ends so far: %s", b.pause())
	b.await(t, b.count("completed")+100)
	b.from(time.Now())
	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.Zero(t, first.code(t), &first.output)
	share(t, second, third)
	b.await(t, b.count("completed")+100)
	t.Logf("the first engine left; longest pause between two ends: %s", b.pause())

	b.settled(t, stepsOfTwoTasks, orders.stop())
	require.Zero(t, s.consistent(t).Findings)
}

// resumesWithin is generous: a dead engine is silent for 3 s, a relay's lease lasts
// as long.
const resumesWithin = slowness * 30 * time.Second

func TestKilledEngineAndRelayAreReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	engines := []*runningEngine{s.startEngine(t, "--no-relay"), s.startEngine(t, "--no-relay")}
	relays := []*process{s.startRelay(t), s.startRelay(t)}
	share(t, engines...)
	engines[0].deploy(t, "two-tasks.bpmn")
	s.startWorker(t, done, "first", "second")
	b := s.openBook(t)
	orders := s.startFlow(t, "ordered", 5*time.Millisecond)
	b.await(t, 100)
	for _, r := range relays {
		eventually(t, "both relays publish", func() bool { return metric(t, r.address(t), "barnabas_relay_records_total") > 0 })
	}

	killed := time.Now()
	b.from(killed)
	require.NoError(t, relays[0].Process.Signal(os.Kill))
	require.NoError(t, engines[0].Process.Signal(os.Kill))
	engines[1].homes(t, 8)
	taken := time.Since(killed)
	sent := orders.stop()
	b.settled(t, stepsOfTwoTasks, sent)
	t.Logf("all homes taken over after %s, all %d instances completed after %s; longest pause between two ends: %s; %d status records told again",
		taken, len(sent), time.Since(killed), b.pause(), b.repeated)
	require.Less(t, time.Since(killed), resumesWithin)
	require.Zero(t, s.consistent(t).Findings)
}
