package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// One test per invariant of docs/design.md, named after it.

func TestInvariant1AtomicStep(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	// The transaction fails on its last statement: nothing of it may remain.
	_, err := f.store.Pool.Exec(t.Context(), `ALTER TABLE outbox_0 ADD CONSTRAINT shut CHECK (seq < 0)`)
	require.NoError(t, err)
	f.produce(0, f.message("order", "o1", "id-1", `{"a":1}`))
	f.until("the commit has been tried", func() bool { return f.Ready().Problems()["database"] != "" })
	require.Zero(t, f.count(`SELECT count(*) FROM instance`))
	require.Zero(t, f.count(`SELECT count(*) FROM dedupe`))
	require.Zero(t, f.count(`SELECT next_offset FROM input_offset WHERE topic = $1`, f.topics.messages))
	records, _ := f.relay.all()
	require.Empty(t, records, "nothing is published that was not committed")

	_, err = f.store.Pool.Exec(t.Context(), `ALTER TABLE outbox_0 DROP CONSTRAINT shut`)
	require.NoError(t, err)
	f.commands(1, "work")
	require.Equal(t, 1, f.count(`SELECT count(*) FROM instance`))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM dedupe`))
	require.Equal(t, 1, f.count(`SELECT next_offset FROM input_offset WHERE topic = $1`, f.topics.messages))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM outbox_0`))
}

func TestInvariant2FencedInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	zombie, zombieRelay := f.Orchestrator, f.relay
	f.engineNamed("engine-b")
	f.claim(0)
	// The zombie does not know yet and decides what it had fetched.
	r := f.message("order", "o1", "", `{}`)
	zombie.Take(0, []wire.Record{r})
	_, published := zombieRelay.all()
	select {
	case <-zombie.home(0).done:
	case <-published:
	case <-time.After(patience):
		require.FailNow(t, "the zombie does nothing")
	}
	records, _ := zombieRelay.all()
	require.Empty(t, records, "a zombie's batch rolls back")
	require.Zero(t, f.count(`SELECT count(*) FROM instance`))

	f.produce(0, r)
	f.commands(1, "work")
	require.Equal(t, 1, f.count(`SELECT count(*) FROM instance`))
}

func TestInvariant3ResultFencing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	f.produce(0, f.message("order", "o1", "", `{}`))
	first := f.commands(1, "work")[0]
	f.produce(0, f.reply(first, ``, headers{wire.HeaderStatus: "failed", wire.HeaderErrorMessage: "no luck"}))
	second := f.commands(2, "work")[1]
	require.Equal(t, "2", header(second, wire.HeaderAttempt))

	unknown := f.reply(second, `{}`, headers{wire.HeaderCorrelationID: "0199f7a2-1b2c-7d3e-8f90-1234567890ab.0.999.1", wire.HeaderAttempt: "1"})
	nowhere := f.reply(second, `{}`, headers{wire.HeaderCorrelationID: "0199f7a2-1b2c-7d3e-8f90-1234567890ab.1.1.1", wire.HeaderAttempt: "1"})
	f.produce(0, f.reply(first, `{"late":true}`, nil))
	require.Equal(t, map[string]int{"applied": 2, "late": 1}, f.ends(3), "the first attempt is over")
	f.produce(0, nowhere)
	require.Equal(t, map[string]int{"applied": 2, "late": 1, "unknown": 1}, f.ends(4), "there is no home 1 to forward it to")
	f.produce(0,
		unknown,
		f.reply(second, `{"ok":true}`, nil),
		f.reply(second, `{"ok":true}`, nil),
		f.reply(first, `{"late":true}`, nil))
	require.Len(t, f.statuses(1, "completed"), 1)
	ends := f.ends(8)
	require.Equal(t, 3, ends["applied"], ends) // start, failure, completion
	require.Equal(t, 5, ends["late"]+ends["duplicate"]+ends["unknown"], ends)
	require.Len(t, f.statuses(3, ""), 3, "what is not applied makes no status")
}

func TestInvariant4NoLostWakeUp(t *testing.T) {
	t.Parallel()
	const rounds = 1000
	f := newFixture(t, 4)
	f.deploy(waiting)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	// Two instances share a key, so that rows are inserted, updated and deleted in the race.
	for i := range rounds {
		f.produce(int32(i%4), f.message("order", fmt.Sprintf("o%d", i), "", fmt.Sprintf(`{"orderId":"o%d"}`, i/2)))
	}
	// The result that opens the subscription and the message race, at different homes.
	for _, cmd := range f.commands(rounds, "work") {
		reply, message := f.reply(cmd, `{}`, nil), f.message("payment", orderID(t, cmd), "", `{"paid":true}`)
		go f.produce(homeOfCommand(cmd), reply)
		elsewhere := (homeOfCommand(cmd) + 1 + int32(rnd.IntN(3))) % 4
		go f.produce(elsewhere, message)
	}
	f.carryControl(rounds, "completed")
	require.Zero(t, f.count(`SELECT count(*) FROM correlation`), "no message and no subscription is left over")
}

// carryControl plays Kafka for the control topic until n instances are in a state.
func (f *fixture) carryControl(n int, state string) {
	f.t.Helper()
	carried := 0
	f.until(fmt.Sprintf("%d instances %s", n, state), func() bool {
		all, _ := f.relay.all()
		seen, done := 0, 0
		for _, r := range all {
			if r.Topic == f.topics.control {
				if seen++; seen > carried {
					carried++
					f.produce(r.Partition, r)
				}
			}
			if r.Topic == f.topics.status && parseStatus(f.t, r).State == state {
				done++
			}
		}
		return done >= n
	})
}

func TestInvariant5DedupeByMessageID(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.deploy(oneTask)
	m := f.message("order", "o1", "id-1", `{}`)
	f.produce(0, m, f.message("order", "o1", "id-1", `{}`)) // in one batch, perhaps
	f.commands(1, "work")
	f.produce(0, f.message("order", "o1", "id-1", `{}`)) // in another
	f.produce(1, f.message("order", "o1", "id-1", `{}`)) // at another home: the offset says nothing
	require.Equal(t, map[string]int{"applied": 1, "duplicate": 3}, f.ends(4))
	f.produce(1, f.message("order", "o1", "id-2", `{}`)) // another id is another message
	require.Equal(t, map[string]int{"applied": 2, "duplicate": 3}, f.ends(5))
	require.Equal(t, 2, f.count(`SELECT count(*) FROM instance`))
}

func TestInvariant6PerInstanceOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.deploy(oneTask)
	const n = 300
	for i := range n {
		f.produce(int32(i%2), f.message("order", fmt.Sprintf("o%d", i), "", `{}`))
	}
	for _, cmd := range f.commands(n, "work") {
		f.produce(homeOfCommand(cmd),
			f.reply(cmd, `{}`, headers{wire.HeaderStatus: "progress"}),
			f.reply(cmd, `{}`, headers{wire.HeaderStatus: "progress"}),
			f.reply(cmd, `{}`, nil))
	}
	f.statuses(n, "completed")
	last := make(map[string]uint64)
	for _, s := range f.statuses(4*n, "") {
		require.Equal(t, last[s.InstanceID]+1, s.Sequence, "gapless and in order: %s", s.InstanceID)
		last[s.InstanceID] = s.Sequence
	}
	require.Len(t, last, n)
}

func TestInvariant7Conservation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.deploy(waiting)
	f.produce(0,
		f.message("order", "o1", "a", `{"orderId":"o1"}`),                                   // applied
		f.message("order", "o1", "a", `{}`),                                                 // duplicate
		f.message("order", "o2", "b", `not json`),                                           // dead-lettered
		record(f.topics.messages, "o1", `{}`, nil),                                          // dead-lettered: no name
		f.message("payment", "o1", "p", `{}`),                                               // buffered
		record(f.topics.messages, "x", `{}`, headers{"messageName": "none", "ttl": "PT0S"})) // unmatched
	cmd := f.commands(1, "work")[0]
	f.produce(1, f.reply(cmd, `{}`, nil)) // at the wrong home: forwarded
	f.carryControl(1, "completed")
	f.produce(0, f.reply(cmd, `{}`, nil)) // duplicate or late
	ends := f.ends(9)
	sum := 0
	for _, n := range ends {
		sum += n
	}
	require.Equal(t, 9, sum, ends)
	require.Equal(t, 2, ends["dead-lettered"], ends)
	require.Equal(t, 1, ends["buffered"], ends)
	require.Equal(t, 1, ends["unmatched"], ends)
	require.Equal(t, 1, ends["forwarded"], ends)
	require.Equal(t, 2, ends["applied"], ends)
	require.Equal(t, 2, ends["duplicate"]+ends["late"], ends)
}

func TestInvariant8IsolationOfPoison(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	var bad engine.InstanceID
	f.engine = func(p *bpmn.Process, s *engine.State, in engine.Input, known engine.Decisions) (engine.Outcome, error) {
		if r, is := in.(engine.TaskResult); is && s.ID == bad && r.Status == engine.ResultCompleted {
			panic("a defect")
		}
		return engine.DecideWith(p, s, in, known)
	}
	f.produce(0, f.message("order", "o1", "", `{}`), f.message("order", "o2", "", `{}`), f.message("order", "o3", "", `{}`))
	cmds := f.commands(3, "work")
	id, ok := wire.ParseUUID(cmds[1].Key)
	require.True(t, ok)
	bad = id
	poison := record(f.topics.results, "k", "\xff\xfe", headers{wire.HeaderCorrelationID: "nonsense", "original": "kept"})
	progress := f.reply(cmds[1], `{}`, headers{wire.HeaderStatus: "progress"})
	f.produce(0, f.reply(cmds[0], `{}`, nil), progress, f.reply(cmds[1], `{}`, nil), poison, f.reply(cmds[2], `{}`, nil))

	require.Len(t, f.statuses(2, "completed"), 2, "the rest of the batch commits")
	parkedStatus := f.statuses(1, "parked")
	require.Equal(t, string(cmds[1].Key), parkedStatus[0].InstanceID)
	require.Equal(t, uint64(3), parkedStatus[0].Sequence, "what it did before, in the same batch, stands")
	dead := f.deadLetters(1)[0]
	require.Equal(t, "k", string(dead.Key))
	require.Equal(t, "\xff\xfe", string(dead.Value))
	require.Equal(t, "kept", header(dead, "original"))

	f.produce(0, progress)
	require.Equal(t, map[string]int{"applied": 6, "dead-lettered": 1, "parked": 2}, f.ends(9), "a parked instance takes nothing")
	require.Equal(t, 2, f.count(`SELECT count(*) FROM parked_input`), "and nothing for it is lost")

	// Mended, the instance takes the result that was kept for it.
	bad = engine.InstanceID{}
	_, err := f.Resolve(t.Context(), ResolveRequest{Instance: id})
	require.NoError(t, err)
	f.carryControl(3, "completed")
	require.Zero(t, f.count(`SELECT count(*) FROM instance`))
	require.Zero(t, f.count(`SELECT count(*) FROM parked_input`))
}

func TestInvariant9InfrastructureFailureIsNotBusinessFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	// Every connection is cut while batches are under way.
	for i := range 50 {
		f.produce(0, f.message("order", fmt.Sprintf("o%d", i), fmt.Sprintf("id-%d", i), `{}`))
		if i%10 == 5 {
			_, err := f.store.Pool.Exec(t.Context(), `
				SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			require.NoError(t, err)
		}
	}
	f.commands(50, "work")
	require.Equal(t, map[string]int{"applied": 50}, f.ends(50))
	require.Equal(t, 50, f.count(`SELECT count(*) FROM instance`))
	records, _ := f.relay.all()
	require.Len(t, records, 100, "one command and one status each, none twice")
	require.Empty(t, f.Ready().Problems())
}

func TestCommitWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	var lost atomic.Int32
	f.commit = func(ctx context.Context, c store.Committer, fence *store.Fence, b *store.Batch) error {
		before := *fence
		if err := c.Commit(ctx, fence, b); err != nil {
			return err
		}
		if lost.Add(1)%2 == 1 {
			*fence = before
			return errors.New("connection lost after the commit")
		}
		return nil
	}
	for i := range 10 {
		f.produce(0, f.message("order", fmt.Sprintf("o%d", i), "", `{}`))
		f.commands(i+1, "work")
	}
	require.Equal(t, map[string]int{"applied": 10}, f.ends(10))
	require.Equal(t, 10, f.count(`SELECT count(*) FROM instance`))
	records, _ := f.relay.all()
	require.Len(t, records, 20, "one command and one status each, none twice")
}

func TestInvariant11LiveStateIsStoredState(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(waiting)
	for i := range 20 {
		f.produce(0, f.message("order", fmt.Sprintf("o%d", i), "", fmt.Sprintf(`{"orderId":"o%d","n":%d}`, i, i)))
	}
	for i, cmd := range f.commands(20, "work") {
		if i%2 == 0 {
			f.produce(0, f.reply(cmd, `{"x":[1,2,{"y":null}]}`, nil))
		}
	}
	f.ends(30)
	o, h := f.Orchestrator, f.home(0)
	o.Release(0)
	require.Len(t, h.cache.byID, 20)
	for id, live := range h.cache.byID {
		rows, err := f.store.LoadInstances(t.Context(), 0, [][16]byte{id})
		require.NoError(t, err)
		require.Equal(t, live.version, rows[id].Version)
		require.Equal(t, live.state.Changes().Header, rows[id].State)
	}
}

func TestTimersFireAndAreNeverEarly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(timed)
	began := time.Now()
	_, err := f.Start(t.Context(), StartRequest{ProcessID: "timed"})
	require.NoError(t, err)
	f.statuses(1, "completed")
	require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
}

func TestInstanceWrittenBySomebodyElseIsDecidedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	f.produce(0, f.message("order", "o1", "", `{}`), f.message("order", "o2", "", `{}`))
	cmds := f.commands(2, "work")
	_, err := f.store.Pool.Exec(t.Context(), `UPDATE instance SET version = version + 1 WHERE id = $1`, string(cmds[0].Key))
	require.NoError(t, err)
	progress := headers{wire.HeaderStatus: "progress"}
	f.produce(0, f.reply(cmds[0], `{}`, progress), f.reply(cmds[1], `{}`, progress))
	f.ends(4)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM instance WHERE id = $1 AND version = 3`, string(cmds[0].Key)))
	require.InDelta(t, 1, f.conflicts(), 0, "one conflict, no storm")

	_, err = f.store.Pool.Exec(t.Context(), `UPDATE instance SET version = version + 1 WHERE id = $1`, string(cmds[0].Key))
	require.NoError(t, err)
	f.produce(0, f.reply(cmds[0], `{}`, progress), f.reply(cmds[1], `{}`, progress), f.reply(cmds[0], `{}`, nil), f.reply(cmds[1], `{}`, nil))
	f.statuses(2, "completed")
	require.Zero(t, f.count(`SELECT count(*) FROM instance`))
	require.InDelta(t, 2, f.conflicts(), 0, "an end is a write like any other")
	told := make(map[string][]uint64)
	for _, s := range f.statuses(8, "") {
		told[s.InstanceID] = append(told[s.InstanceID], s.Sequence)
	}
	require.Equal(t, map[string][]uint64{string(cmds[0].Key): {1, 3, 5, 6}, string(cmds[1].Key): {1, 2, 3, 4}}, told, "2 and 4 are somebody else's")
}

func (f *fixture) conflicts() (n float64) {
	f.t.Helper()
	families, err := f.reg.Gather()
	require.NoError(f.t, err)
	for _, fam := range families {
		if fam.GetName() == "barnabas_batch_conflicts_total" {
			n = fam.Metric[0].Counter.GetValue()
		}
	}
	return n
}
