package bench

import (
	"bufio"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
)

// nullProcessEnv makes the test binary the process of a null pipeline.
const nullProcessEnv = "BARNABAS_TEST_NULL_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(nullProcessEnv) == "" {
		os.Exit(m.Run())
	}
	if err := ServeNullProcess(context.Background(), os.Stdin, os.Stdout); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func testConfig(t *testing.T) Config {
	return Config{Brokers: devtest.Kafka(t), Database: devtest.Postgres(t), Homes: 2, Instances: 500, Window: 200, Warmup: -1, Stall: 20 * time.Second}
}

func TestNullPipelineCompletesEveryInstance(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"one-task", "ten-tasks"} {
		cfg := testConfig(t)
		cfg.Scenario = scenario
		r, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		require.Equal(t, 500, r.Instances)
		require.Zero(t, r.DuplicateStatus)
		require.Greater(t, r.P50Ms, 0.0)
		require.InDelta(t, r.InstancesPerS*float64(scenarios[scenario].Tasks), r.TasksPerS, 1e-6)
	}
}

func TestNullPipelineAsAProcess(t *testing.T) {
	t.Setenv(nullProcessEnv, "1")
	cfg := testConfig(t)
	cfg.NullCommand = []string{"/proc/self/exe"}
	cfg.CPUProfile = t.TempDir() + "/null.pprof"
	cfg.Rate = 500
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, 500, r.Instances)
	require.GreaterOrEqual(t, r.Seconds, 0.9, "500 a second take a second")
	require.Contains(t, r.CPU, roleEngine)
	require.FileExists(t, cfg.CPUProfile)
}

// stuck is a system that never does anything.
type stuck struct{ stopped bool }

func (*stuck) Deploy(context.Context, string, []byte) error { return nil }
func (*stuck) PID() int                                     { return os.Getpid() }
func (s *stuck) Stop(context.Context) error                 { s.stopped = true; return nil }

func TestRunGivesUpOnAStuckEngine(t *testing.T) {
	t.Parallel()
	cfg, s := testConfig(t), &stuck{}
	cfg.WithoutNull, cfg.Stall = true, 50*time.Millisecond
	cfg.Engine = func(context.Context, Environment) (System, error) { return s, nil }
	_, err := Run(t.Context(), cfg)
	require.ErrorContains(t, err, "did not complete, none within 50ms")
	require.True(t, s.stopped)
}

// The readers of its answers must be there first; when one can't be, nobody waits for it.
func TestLoadWithoutReadersEnds(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	l := newLoad(Environment{Brokers: cfg.Brokers}, scenarios["one-task"], nil)
	l.stall = cfg.Stall
	require.ErrorContains(t, l.drive(t.Context()), "open Kafka client")
}

func TestServeNullProcessRefusesRubbish(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	go func() { _, _ = bufio.NewWriter(out).WriteString("x"); _ = out.Close() }()
	require.ErrorContains(t, ServeNullProcess(t.Context(), in, io.Discard), "configuration of the null pipeline")
}

// row puts a new instance of the home into the database and returns it.
func row(t *testing.T, h *nullHome) *nullInstance {
	i := newNullInstance(h.ids.next(time.Now()), "key", []byte(`{}`))
	h.batch.reset()
	h.consume(1)
	h.batch.messages.add(i.id[:])
	h.batch.insert(i)
	require.NoError(t, h.batch.commit(h.db, &h.fence, 0, []byte("outbox")))
	return i
}

func TestNullCommitIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *nullHome, i *nullInstance){
		"the home has another owner":     func(h *nullHome, _ *nullInstance) { h.fence.epoch++ },
		"the batch was committed before": func(h *nullHome, _ *nullInstance) { h.fence.commitSeq-- },
		"the instance was written since": func(_ *nullHome, i *nullInstance) { i.version++ },
		"the instance is gone":           func(_ *nullHome, i *nullInstance) { i.id[0]++ },
		"the message was seen before":    func(h *nullHome, i *nullInstance) { h.batch.messages.add(i.id[:]); h.batch.insert(i) },
	} {
		h := newTestHome(t, devtest.Postgres(t))
		i := row(t, h)
		i.version++
		h.batch.reset()
		h.consume(1)
		spoil(h, i)
		h.batch.update(i)
		require.Error(t, h.batch.commit(h.db, &h.fence, 0, []byte("outbox")), name)

		var version, offsets, outbox int
		err := h.n.db.QueryRow(t.Context(), `SELECT (SELECT version FROM instance), (SELECT sum(next_offset) FROM input_offset), (SELECT count(*) FROM outbox_0)`).
			Scan(&version, &offsets, &outbox)
		require.NoError(t, err, name)
		require.Equal(t, []int{1, 2, 1}, []int{version, offsets, outbox}, name)
	}
}

// TestNullPlansNeverScan: a join that reads all instances of a home for each row
// of a batch looks cheap to the planner while the table looks empty.
func TestNullPlansNeverScan(t *testing.T) {
	t.Parallel()
	h := newTestHome(t, devtest.Postgres(t))
	ctx, db := t.Context(), h.n.db
	for _, state := range []string{`SELECT 1`, `ANALYZE instance`, `VACUUM ANALYZE instance`} {
		_, err := db.Exec(ctx, state)
		require.NoError(t, err)
		for name, params := range map[string]string{nullUpdate: `0, '{}', '{}', '{}', 0`, nullDelete: `0, '{}', '{}', 0`} {
			_, err := db.Exec(ctx, `PREPARE plan AS `+nullStatements[name])
			require.NoError(t, err)
			rows, err := db.Query(ctx, `EXPLAIN EXECUTE plan(`+params+`)`)
			require.NoError(t, err)
			plan := ""
			for rows.Next() {
				plan += string(rows.RawValues()[0]) + "\n"
			}
			require.NoError(t, rows.Err())
			require.Contains(t, plan, "Index Cond: ((home = $1) AND (id = v.id))", state)
			require.Contains(t, plan, "TID Cond: (ctid = ", state)
			require.NotContains(t, plan, "Join Filter", state)
			_, err = db.Exec(ctx, `DEALLOCATE plan`)
			require.NoError(t, err)
		}
	}
}

func TestPackHoldsTheRecordsTwiceOverOneCopy(t *testing.T) {
	t.Parallel()
	r := newNullRecords(3, withPrefix("test."), taskType)
	r.at(sentAt)
	p := &pack{}
	i := newNullInstance([16]byte{7}, "key-1", []byte(`{"a":1}`))
	r.task(p, i)
	r.event(p, i, true)
	require.Len(t, p.records, 2)
	command := &p.records[0]
	require.Equal(t, "test.task.bench-work", command.Topic)
	require.Equal(t, `{"a":1}`, string(command.Value))
	answer := replyOf(command)
	require.Equal(t, int32(3), answer.partition)
	result, err := resultOf(&kgo.Record{Headers: []kgo.RecordHeader{{Key: "correlationId", Value: answer.correlationID}}})
	require.NoError(t, err)
	require.Equal(t, i.id, result.Instance)

	s, mine, err := (&load{run: "key"}).read(&p.records[1])
	require.NoError(t, err)
	require.False(t, mine, "%v", s)

	h := &nullHome{}
	unpacked, err := s2.Decode(nil, h.squeeze(p.buf))
	require.NoError(t, err)
	require.Equal(t, p.buf, unpacked)
	require.Contains(t, string(unpacked), string(command.Key))
}

func TestIDsAreUniqueAndOrdered(t *testing.T) {
	t.Parallel()
	ids, now := newIDSource(), time.Now()
	last := ids.next(now)
	for range 300_000 {
		id := ids.next(now)
		require.NotEqual(t, last, id)
		require.Equal(t, byte(0x70), id[6]&0xf0)
		require.Equal(t, byte(0x80), id[8]&0xc0)
		if string(id[:]) < string(last[:]) {
			t.Fatalf("%x after %x", id, last)
		}
		last = id
	}
}

func TestInboxTakesResultsFirst(t *testing.T) {
	t.Parallel()
	b := newInbox(2)
	record := func(n int64) *kgo.Record { return &kgo.Record{Offset: n} }
	b.putStarts(t.Context(), []*kgo.Record{record(1), record(2)})
	b.putResults([]*kgo.Record{record(3), record(4)})
	var results, starts []*kgo.Record
	require.True(t, b.take(t.Context(), 3, &results, &starts))
	require.Len(t, results, 2)
	require.Len(t, starts, 1)
	require.True(t, b.take(t.Context(), 3, &results, &starts))
	require.Empty(t, results)
	require.EqualValues(t, 2, starts[0].Offset)

	b.putStarts(t.Context(), []*kgo.Record{record(5), record(6)})
	full, cancel := context.WithCancel(t.Context())
	cancel()
	b.putStarts(full, []*kgo.Record{record(7)})
	require.True(t, b.take(t.Context(), 10, &results, &starts))
	require.Len(t, starts, 2, "a full inbox takes no more start messages")
	require.False(t, b.take(full, 1, &results, &starts))
}
