package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
)

// BenchmarkNullCommit stores batches of 500 new and 500 ended instances, as a
// busy one-task home does, and tells what they cost Postgres.
func BenchmarkNullCommit(b *testing.B) {
	const half = 500
	ctx := b.Context()
	database := devtest.Postgres(b)
	h := newTestHome(b, database)
	cfg, err := pgx.ParseConfig(database)
	require.NoError(b, err)
	ps := processes{rolePostgres: {listener(cfg.Port)}}

	open := make([]*nullInstance, 0, half)
	before, n := ps.seconds(), 0
	for b.Loop() {
		h.batch.reset()
		h.consume(half)
		out := h.outbox.next()
		for _, i := range open {
			i.version++
			h.batch.delete(i)
			h.records.event(out.pack, i, true)
		}
		open = open[:0]
		for range half {
			i := newNullInstance(h.ids.next(time.Now()), fmt.Sprintf("bench-%09d", n), appendOrder(nil, n))
			n++
			open = append(open, i)
			h.batch.messages.add(i.id[:])
			h.batch.insert(i)
			h.records.task(out.pack, i)
			h.records.event(out.pack, i, false)
		}
		require.NoError(b, h.batch.commit(h.db, &h.fence, 0, h.squeeze(out.pack.buf)))
		h.outbox.free = append(h.outbox.free, out)
		if h.fence.commitSeq%200 == 0 {
			_, err := h.n.db.Exec(ctx, `TRUNCATE outbox_0`)
			require.NoError(b, err)
		}
	}
	used := ps.seconds()[rolePostgres] - before[rolePostgres]
	b.ReportMetric(used*1e6/float64(n), "pg-ms/1000")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "instances/s")
}

// newTestHome is home 0 of a null pipeline with a database and without Kafka.
func newTestHome(t testing.TB, database string) *nullHome {
	ctx := context.Background()
	n := &nullPipeline{
		cfg:  NullConfig{Environment: Environment{Database: database, Homes: 1, Topics: withPrefix("test.")}, Tasks: 1, TaskType: taskType},
		fail: func(err error) { panic(err) },
	}
	t.Cleanup(func() { require.NoError(t, n.close()) })
	db, err := nullConnect(ctx, database)
	require.NoError(t, err)
	n.db = db
	_, err = db.Exec(ctx, nullSchema)
	require.NoError(t, err)
	h, err := n.newHome(ctx, 0)
	require.NoError(t, err)
	n.homes = append(n.homes, h)
	return h
}

// consume puts the next n offsets of both inputs into the batch.
func (h *nullHome) consume(n int) {
	at := h.fence.commitSeq * int64(n)
	for _, topic := range []string{h.n.cfg.Topics.Messages, h.n.cfg.Topics.Results} {
		h.batch.consumed([]*kgo.Record{{Topic: topic, Offset: at}, {Topic: topic, Offset: at + int64(n) - 1}})
	}
}
