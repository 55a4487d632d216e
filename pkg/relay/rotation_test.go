package relay_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// quick rotates as fast as it can.
var quick = relay.Config{RotateEvery: time.Millisecond, RotateCheck: 5 * time.Millisecond}

func (w *world) tables() store.OutboxTables {
	w.t.Helper()
	tables, err := w.store.OutboxTables(w.t.Context())
	require.NoError(w.t, err)
	return tables
}

// Writers, two relays and the rotation at once, with thousands of rows: every record arrives, in order, and only once.
func TestRotationUnderWritersLosesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	writers := []*writer{w.writer(0), w.writer(1), w.writer(2), w.writer(3)}
	a, b := w.start("a", quick), w.start("b", quick)
	var all sync.WaitGroup
	for _, p := range writers {
		all.Go(func() { p.write(750, nil) })
	}
	all.Wait()
	w.waitPublished(writers...)
	require.Zero(t, w.requirePublished(writers...))
	truncations := func() float64 { return a.value(w, "truncations_total") + b.value(w, "truncations_total") }
	require.Greater(t, truncations(), 5.0)
	w.eventually("all tables are empty but the last that was written to", func() bool {
		tables := w.tables()
		tables.Bytes[tables.Active] = 0
		return tables.Bytes == [3]int64{}
	})
}

// padding is a frame of a pack that makes a row large.
func (p *writer) padding(bytes int) []byte {
	var pack wire.Pack
	pack.Add(wire.Record{Topic: p.w.topic, Partition: 0, Key: []byte(p.key(-1)), Value: fmt.Appendf(noise(bytes), "/%d", p.next(-1))})
	return pack.Bytes()[1:]
}

// A snapshot held open keeps rows of ordinary queue tables from being cleaned. Here it holds one table at most, and only if it has read it.
func TestHeldSnapshotNeitherStopsNorBloats(t *testing.T) {
	t.Parallel()
	for name, snapshot := range map[string]struct {
		read string
		free []int // tables that it does not hold
	}{
		"that has read nothing":         {`SELECT 1`, []int{0, 1, 2}},
		"that has read an outbox table": {`SELECT count(*) FROM outbox_0`, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			p := w.writer(0)
			p.write(10, nil)
			tx, err := w.store.Pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
			require.NoError(t, err)
			defer tx.Rollback(context.Background())
			_, err = tx.Exec(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = 0`)
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), snapshot.read)
			require.NoError(t, err)

			r := w.start("a", quick)
			for i := range 1500 { // 15 MB
				p.commit(append(p.pack(1), p.padding(10<<10)...))
				if i%20 == 0 {
					w.eventually("the relay keeps up", func() bool { return w.publishedSeq(0) > p.fence.OutboxSeq-50 })
					w.eventually("the rotation keeps up", func() bool {
						bytes := w.tables().Bytes
						return !slices.ContainsFunc(snapshot.free, func(slot int) bool { return bytes[slot] > 3<<20 })
					})
				}
			}
			w.waitPublished(p)
			require.Zero(t, w.requirePublished(p))
			require.Greater(t, r.value(w, "truncations_total"), 5.0)
			require.NoError(t, tx.Rollback(t.Context()))
			w.eventually("all tables are cleaned", func() bool {
				tables := w.tables()
				tables.Bytes[tables.Active] = 0
				return tables.Bytes == [3]int64{}
			})
		})
	}
}

// What is not published stays, whatever the rotation would like.
func TestRotationKeepsWhatIsNotPublished(t *testing.T) {
	t.Parallel()
	w := setup(t)
	away := w.takeKafkaAway()
	r := w.start("a", quick)
	p := w.writer(0)
	w.eventually("the home is held", func() bool { return len(r.Held()) == 1 })
	w.eventually("every table was written to", func() bool {
		p.write(1, nil)
		bytes := w.tables().Bytes
		return !slices.Contains(bytes[:], 0)
	})
	p.write(20, nil)
	require.Equal(t, p.fence.OutboxSeq, w.number(`SELECT (SELECT count(*) FROM outbox_0) + (SELECT count(*) FROM outbox_1) + (SELECT count(*) FROM outbox_2)`))
	require.Zero(t, r.value(w, "truncations_total"))
	away.Store(false)
	w.waitPublished(p)
	require.Zero(t, w.requirePublished(p))
	w.eventually("retired tables are truncated", func() bool { return r.value(w, "truncations_total") >= 2 })
}
