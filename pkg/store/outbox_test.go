package store_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/store"
)

func outboxStore(t *testing.T) *store.Store {
	t.Helper()
	url := devtest.Postgres(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	s, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// putRow writes an outbox row the way a batch does, without the batch.
func putRow(t *testing.T, s *store.Store, slot int, home int32, seq int64) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), fmt.Sprintf(`INSERT INTO outbox_%d (home, seq, data) VALUES ($1, $2, $3)`, slot),
		home, seq, fmt.Appendf(nil, "%d/%d", home, seq))
	require.NoError(t, err)
}

func publishedUpTo(t *testing.T, s *store.Store, home int32, seq int64) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), `INSERT INTO relay_shard (home, published_seq) VALUES ($1, $2)
ON CONFLICT (home) DO UPDATE SET published_seq = excluded.published_seq`, home, seq)
	require.NoError(t, err)
}

func seqs(rows []store.OutboxRow) (seqs []int64) {
	for _, r := range rows {
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

func TestReadOutboxMergesTheTables(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	for i, slot := range []int{2, 0, 0, 1, 0} {
		putRow(t, s, slot, 3, int64(i+1))
	}
	putRow(t, s, 0, 4, 1)

	rows, err := s.ReadOutbox(t.Context(), store.OutboxRead{Home: 3, Rows: 100, Bytes: 1 << 20})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3, 4, 5}, seqs(rows))
	require.Equal(t, "3/4", string(rows[3].Data))
	require.WithinDuration(t, time.Now(), rows[0].At, time.Minute)
}

func TestReadOutboxIsBounded(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	for seq := int64(1); seq <= 5; seq++ {
		putRow(t, s, 0, 3, seq) // 3 bytes each
	}
	for _, c := range []struct {
		name string
		read store.OutboxRead
		want []int64
	}{
		{"rows", store.OutboxRead{Rows: 2, Bytes: 1 << 20}, []int64{1, 2}},
		{"bytes", store.OutboxRead{Rows: 100, Bytes: 7}, []int64{1, 2, 3}},
		{"at least one", store.OutboxRead{Rows: 100, Bytes: 1}, []int64{1}},
		{"after a row", store.OutboxRead{After: 3, Rows: 100, Bytes: 1 << 20}, []int64{4, 5}},
		{"nothing left", store.OutboxRead{After: 5, Rows: 100, Bytes: 1 << 20}, nil},
	} {
		c.read.Home = 3
		rows, err := s.ReadOutbox(t.Context(), c.read)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, seqs(rows), c.name)
	}
}

func TestReadOutboxStopsAtAGap(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	for _, seq := range []int64{1, 2, 4} {
		putRow(t, s, 0, 3, seq)
	}
	rows, err := s.ReadOutbox(t.Context(), store.OutboxRead{Home: 3, Rows: 100, Bytes: 1 << 20})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, seqs(rows))

	rows, err = s.ReadOutbox(t.Context(), store.OutboxRead{Home: 3, After: 2, Rows: 100, Bytes: 1 << 20})
	require.NoError(t, err)
	require.Empty(t, rows)

	putRow(t, s, 2, 3, 3)
	rows, err = s.ReadOutbox(t.Context(), store.OutboxRead{Home: 3, After: 2, Rows: 100, Bytes: 1 << 20})
	require.NoError(t, err)
	require.Equal(t, []int64{3, 4}, seqs(rows))
}

func TestLagOutbox(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	putRow(t, s, 0, 1, 1)
	putRow(t, s, 1, 1, 2)
	putRow(t, s, 0, 2, 1)
	putRow(t, s, 0, 3, 7)
	lags, err := s.LagOutbox(t.Context(), []int32{1, 2, 3, 4}, []int64{1, 1, 5, 0})
	require.NoError(t, err)
	require.Len(t, lags, 2, "homes 2 and 4 have nothing new")
	require.Equal(t, int32(1), lags[0].Home)
	require.Equal(t, int64(2), lags[0].Last)
	require.Less(t, lags[0].Age, time.Minute)
	require.GreaterOrEqual(t, lags[0].Age, time.Duration(0))
	require.Equal(t, store.OutboxLag{Home: 3, Last: 7, Rows: 2, Age: -time.Second}, lags[1], "row 6 is missing")

	publishedUpTo(t, s, 1, 1)
	lags, err = s.LagOutbox(t.Context(), []int32{1, 2}, []int64{-1, -1})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 1}, []int64{lags[0].Rows, lags[1].Rows}, "-1: as stored, nothing stored: 0")
}

func TestTruncateOutboxOnlyWhatIsPublished(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	putRow(t, s, 0, 1, 1)
	putRow(t, s, 0, 2, 1)
	putRow(t, s, 0, 2, 2)
	publishedUpTo(t, s, 2, 2)
	require.ErrorIs(t, s.TruncateOutbox(t.Context(), 0), store.ErrOutboxUnpublished, "home 1 is not known to relays yet")
	publishedUpTo(t, s, 1, 1)
	publishedUpTo(t, s, 2, 1)
	require.ErrorIs(t, s.TruncateOutbox(t.Context(), 0), store.ErrOutboxUnpublished, "row 2 of home 2 is left")
	publishedUpTo(t, s, 2, 2)
	require.NoError(t, s.TruncateOutbox(t.Context(), 0))
	tables, err := s.OutboxTables(t.Context())
	require.NoError(t, err)
	require.Zero(t, tables.Bytes[0])
}

// What a writer adds between the first look and the lock must be seen by the second look.
func TestTruncateOutboxSeesLateWriters(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	putRow(t, s, 0, 1, 1)
	publishedUpTo(t, s, 1, 1)
	tx, err := s.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.Background())
	_, err = tx.Exec(t.Context(), `INSERT INTO outbox_0 (home, seq, data) VALUES (1, 2, 'late')`)
	require.NoError(t, err)
	require.ErrorIs(t, s.TruncateOutbox(t.Context(), 0), store.ErrOutboxLocked, "it does not wait for long")

	truncated := make(chan error)
	go func() { truncated <- s.TruncateOutbox(context.Background(), 0) }()
	waitForLockQueue(t, s)
	require.NoError(t, tx.Commit(t.Context()))
	require.Error(t, <-truncated)
	rows, err := s.ReadOutbox(t.Context(), store.OutboxRead{Home: 1, After: 1, Rows: 10, Bytes: 100})
	require.NoError(t, err)
	require.Equal(t, []int64{2}, seqs(rows))
	require.ErrorIs(t, s.TruncateOutbox(t.Context(), 0), store.ErrOutboxUnpublished)
}

// waitForLockQueue waits until somebody waits for the table; on a machine so busy that we miss it the test proves less.
func waitForLockQueue(t *testing.T, s *store.Store) {
	t.Helper()
	for waiting, begun := false, time.Now(); !waiting && time.Since(begun) < 2*time.Second; {
		require.NoError(t, s.Pool.QueryRow(t.Context(),
			`SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'outbox_0'::regclass)`).Scan(&waiting))
	}
}

// A snapshot that has read the table holds it, one that has not doesn't; nobody waits for either.
func TestTruncateOutboxUnderAHeldSnapshot(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	putRow(t, s, 0, 1, 1)
	putRow(t, s, 1, 1, 2)
	publishedUpTo(t, s, 1, 2)
	tx, err := s.Pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer tx.Rollback(context.Background())
	var n int
	require.NoError(t, tx.QueryRow(t.Context(), `SELECT count(*) FROM outbox_0`).Scan(&n))

	waited := time.Now()
	for time.Since(waited) < 1100*time.Millisecond {
		require.ErrorIs(t, s.TruncateOutbox(t.Context(), 0), store.ErrOutboxLocked)
	}
	waited = time.Now()
	require.ErrorIs(t, s.TruncateOutbox(t.Context(), 0), store.ErrOutboxLocked)
	t.Logf("refused after %s", time.Since(waited))
	require.NoError(t, s.TruncateOutbox(t.Context(), 1))
}

func TestSwitchOutbox(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	switched, err := s.SwitchOutbox(t.Context(), 1, 2)
	require.NoError(t, err)
	require.False(t, switched, "0 is active, not 1")
	switched, err = s.SwitchOutbox(t.Context(), 0, 2)
	require.NoError(t, err)
	require.True(t, switched)
	tables, err := s.OutboxTables(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.OutboxTables{Active: 2, Lowest: -1}, tables)
}

func TestReadOutboxDecompresses(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	claimed, err := s.Claim(t.Context(), 3, "owner", nil)
	require.NoError(t, err)
	large := bytes.Repeat([]byte("\x01record "), 1000)
	batch := store.NewBatch()
	batch.SetOutbox(large)
	committer := s.Committer()
	defer committer.Close()
	require.NoError(t, committer.Commit(t.Context(), &claimed.Fence, batch))
	_, err = s.Pool.Exec(t.Context(), `INSERT INTO outbox_0 (home, seq, data) VALUES (3, 2, '\xf2ff')`)
	require.NoError(t, err)

	rows, err := s.ReadOutbox(t.Context(), store.OutboxRead{Home: 3, Rows: 10, Bytes: 1 << 20})
	require.NoError(t, err)
	require.Len(t, rows, 1, "up to the damaged row")
	require.Equal(t, large, rows[0].Data)
	_, err = s.ReadOutbox(t.Context(), store.OutboxRead{Home: 3, After: 1, Rows: 10, Bytes: 1 << 20})
	require.ErrorContains(t, err, "read outbox row 2 of home 3")
}
