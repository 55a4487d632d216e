package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// The database was asked what became of a commit, said "nothing", and committed it after that: the second try meets the first, not another owner.
func TestCommitThatHappensAfterTheQuestionEndsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	var tries atomic.Int32
	f.commit = func(ctx context.Context, c store.Committer, fence *store.Fence, b *store.Batch) error {
		switch tries.Add(1) {
		case 1:
			return errors.New("connection lost during the commit")
		case 2:
			first := *fence
			if err := c.Commit(ctx, &first, b); err != nil {
				return err
			}
		}
		return c.Commit(ctx, fence, b)
	}
	f.produce(0, f.message("order", "o1", "", `{}`))
	f.commands(1, "work")
	f.produce(0, f.message("order", "o2", "", `{}`))
	f.commands(2, "work")
	require.Equal(t, map[string]int{"applied": 2}, f.ends(2))
	require.Equal(t, 2, f.count(`SELECT count(*) FROM instance`))
	require.Empty(t, f.Ready().Problems())
}

func TestReadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	f.produce(0, f.message("order", "o1", "", `{}`))
	cmd := f.commands(1, "work")[0]
	f.engineNamed("engine-b") // it does not have the instance in its cache
	f.claim(0)
	f.produce(0, f.message("order", "o2", "", `{}`))
	f.commands(1, "work") // it has looked what is due, and is connected
	_, err := f.store.Pool.Exec(t.Context(), `ALTER TABLE instance RENAME TO instance_away`)
	require.NoError(t, err)
	f.produce(0, f.reply(cmd, `{}`, nil))
	f.until("the read has been tried", func() bool {
		decided, _ := f.counted()
		return decided > 1 || f.Ready().Problems()["database"] != ""
	})
	_, err = f.store.Pool.Exec(t.Context(), `ALTER TABLE instance_away RENAME TO instance`)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"applied": 2}, f.ends(2))
	f.statuses(1, "completed")
}

func TestDeploymentElsewhereIsSeen(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	here, relay := f.Orchestrator, f.relay
	f.engineNamed("engine-b")
	f.deploy(oneTask)
	f.Orchestrator, f.relay = here, relay
	f.produce(0, f.message("order", "o1", "", `{}`))
	f.commands(1, "work")
}

// held makes the home's next commit wait until it is let go.
func (f *fixture) held() (committing <-chan struct{}, letGo func()) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	var tries atomic.Int32
	f.commit = func(ctx context.Context, c store.Committer, fence *store.Fence, b *store.Batch) error {
		if tries.Add(1) == 1 {
			close(begun)
			select {
			case <-goOn:
			case <-time.After(patience):
			}
		}
		return c.Commit(ctx, fence, b)
	}
	return begun, func() { close(goOn) }
}

func TestReleaseFinishesTheBatchUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, func(c *Config) { c.ReleaseWithin = patience / 4 })
	f.deploy(oneTask)
	committing, letGo := f.held()
	f.produce(0, f.message("order", "o1", "", `{}`))
	<-committing
	f.produce(0, f.message("order", "o2", "", `{}`)) // waits for the next batch, which must not come
	h, released := f.home(0), make(chan struct{})
	go func() { defer close(released); f.Release(0) }()
	f.until("the release has begun", h.inbox.isClosed)
	select {
	case <-released:
		require.FailNow(t, "released though a batch is under way")
	case <-time.After(50 * time.Millisecond):
	}
	letGo()
	<-released
	require.Equal(t, 1, f.count(`SELECT count(*) FROM instance`), "the batch under way is finished, no other begun")
	require.Equal(t, 1, f.count(`SELECT next_offset FROM input_offset WHERE topic = $1`, f.topics.messages))
	records, _ := f.relay.all()
	require.Len(t, records, 2, "a command and a status")
}

func TestReleaseGivesUpWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, func(c *Config) { c.ReleaseWithin = 10 * time.Millisecond })
	f.deploy(oneTask)
	f.commit = func(ctx context.Context, _ store.Committer, _ *store.Fence, _ *store.Batch) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(patience):
			return nil
		}
	}
	f.produce(0, f.message("order", "o1", "", `{}`))
	began := time.Now()
	f.Release(0)
	require.Less(t, time.Since(began), patience/2)
	require.Zero(t, f.count(`SELECT count(*) FROM instance`))
}

func TestDueTimesAreStoredRoundedUp(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(1000), ceilMillis(time.UnixMilli(1000)))
	require.Equal(t, int64(1001), ceilMillis(time.UnixMilli(1000).Add(1)))
	require.Equal(t, int64(1001), ceilMillis(time.UnixMilli(1001).Add(-1)))
}

// fullRelay has no room until it is told.
type fullRelay struct {
	*recorder
	room chan struct{}
}

func (r fullRelay) Wait(ctx context.Context, _ int32) error {
	select {
	case <-r.room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestNothingIsDecidedWhileTheRelayIsBehind(t *testing.T) {
	t.Parallel()
	room := make(chan struct{})
	f := newFixture(t, 1, func(c *Config) { c.Relay = fullRelay{c.Relay.(*recorder), room} })
	f.deploy(oneTask)
	_, published := f.relay.all()
	f.produce(0, f.message("order", "o1", "", `{}`))
	select {
	case <-published:
		require.FailNow(t, "decided though the relay has no room")
	case <-time.After(50 * time.Millisecond):
	}
	close(room)
	f.commands(1, "work")
}

func TestRecordsBeforeThePositionAreNotTaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	old := []wire.Record{f.message("order", "o1", "", `{}`)}
	f.produce(0, old...)
	f.commands(1, "work")
	f.ends(1)
	f.Take(0, old) // fetched again
	f.produce(0, f.message("order", "o2", "", `{}`))
	f.until("all is decided", func() bool {
		return f.count(`SELECT next_offset FROM input_offset WHERE topic = $1`, f.topics.messages) == 2
	})
	require.Equal(t, 2, f.count(`SELECT count(*) FROM instance`))
}

func TestFullQueuePausesUntilItIsHalfEmpty(t *testing.T) {
	t.Parallel()
	b := newInbox()
	q := &partitionQueue{source: fromMessages}
	b.queues[fromMessages] = []*partitionQueue{q}
	require.False(t, b.put(q, make([]wire.Record, maxQueuedRecords)))
	require.True(t, b.put(q, make([]wire.Record, 1)), "one too many")
	require.False(t, b.put(q, make([]wire.Record, 1)), "paused already")
	require.Empty(t, b.take(maxQueuedRecords/2).resume)
	require.Equal(t, []*partitionQueue{q}, b.take(3).resume)
	require.True(t, b.put(q, []wire.Record{{Value: make([]byte, maxQueuedBytes+1)}}), "bytes count too")
}

func TestResultsGoFirst(t *testing.T) {
	t.Parallel()
	b := newInbox()
	for _, queued := range []struct {
		from    source
		records int
	}{{fromMessages, 9}, {fromControl, 2}, {fromResults, 3}} {
		q := &partitionQueue{source: queued.from}
		b.queues[queued.from] = []*partitionQueue{q}
		b.put(q, make([]wire.Record, queued.records))
	}
	b.call(&work{})
	b.call(&work{})
	taken := func(limit int) (n [sources]int, calls int) {
		t := b.take(limit)
		for _, r := range t.records {
			n[r.from.source] += len(r.records)
		}
		return n, len(t.calls)
	}
	n, calls := taken(4)
	require.Equal(t, [sources]int{fromResults: 3, fromControl: 1}, n)
	require.Zero(t, calls)
	n, calls = taken(5)
	require.Equal(t, [sources]int{fromControl: 1, fromMessages: 2}, n)
	require.Equal(t, 2, calls)
	n, _ = taken(100)
	require.Equal(t, [sources]int{fromMessages: 7}, n)
}

// Rows of any size would not fit into a statement, nor into the relay's memory.
func TestBatchEndsWhenItIsLargeEnough(t *testing.T) {
	t.Parallel()
	room := make(chan struct{})
	f := newFixture(t, 1, func(c *Config) { c.BatchBytes = 64 << 10; c.Relay = fullRelay{c.Relay.(*recorder), room} })
	f.deploy(oneTask)
	const n = 40
	value := fmt.Sprintf(`{"text": "%s"}`, strings.Repeat("x", 10_000))
	var orders []wire.Record
	for i := range n {
		orders = append(orders, f.message("order", fmt.Sprint(i), "", value))
	}
	f.produce(0, orders...)
	room <- struct{}{}
	first := len(f.commands(1, "work"))
	require.Less(t, first, n/2)
	position := func() int { return f.count(`SELECT next_offset FROM input_offset WHERE topic = $1`, f.topics.messages) }
	require.Equal(t, first, position(), "what is left is not taken for consumed")
	close(room)
	commands := f.commands(n, "work")
	require.Equal(t, n, position())
	var replies []wire.Record
	for _, c := range commands {
		replies = append(replies, f.reply(c, `{}`, nil))
	}
	f.produce(0, replies...)
	require.Len(t, f.statuses(n, "completed"), n)
	require.Equal(t, map[string]int{"applied": 2 * n}, f.ends(2*n))
}

// readings notes for how many instances at most it was asked at once.
type readings struct {
	Store
	most atomic.Int64
}

func (r *readings) LoadInstances(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]*store.StoredInstance, error) {
	r.most.Store(max(r.most.Load(), int64(len(ids))))
	return r.Store.LoadInstances(ctx, home, ids)
}

// The instances of a whole batch might not fit into memory, and it may be full after a few.
func TestInstancesAreReadPortionByPortion(t *testing.T) {
	t.Parallel()
	var asked *readings
	f := newFixture(t, 1, func(c *Config) {
		asked = &readings{Store: c.Store}
		c.Store, c.CacheBytes = asked, 1
	})
	f.deploy(oneTask)
	const n = 2*loadAhead + 50
	var orders, replies []wire.Record
	for i := range n {
		orders = append(orders, f.message("order", fmt.Sprint(i), "", `{}`))
	}
	f.produce(0, orders...)
	for _, c := range f.commands(n, "work") {
		replies = append(replies, f.reply(c, `{}`, nil))
	}
	f.produce(0, replies...)
	require.Len(t, f.statuses(n, "completed"), n)
	require.LessOrEqual(t, asked.most.Load(), int64(loadAhead))
	require.Greater(t, asked.most.Load(), int64(loadAhead/2), "in few round trips")
}

// A step that leads to more than a batch may have stops its own instance, no other.
func TestStepWithTooManyRecordsIsPutAside(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, func(c *Config) { c.BatchBytes = 64 << 10; c.Logger = nil })
	f.deploy(oneTask)
	large := fmt.Sprintf(`{"text": "%s"}`, strings.Repeat("x", 100_000))
	f.produce(0, f.message("order", "o1", "", `{}`), f.message("order", "o2", "", large), f.message("order", "o3", "", `{}`))
	require.Contains(t, header(f.deadLetters(1)[0], wire.HeaderDLQMessage), "one step leads to more than 65536 bytes of task commands")
	require.Len(t, f.commands(2, "work"), 2)
}
