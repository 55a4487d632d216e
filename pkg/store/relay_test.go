package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/store"
)

func take(t *testing.T, s *store.Store, holder string, homes []int32, limit int) []store.RelayLease {
	t.Helper()
	leases, err := s.TakeRelayLeases(t.Context(), holder, time.Minute, homes, limit)
	require.NoError(t, err)
	return leases
}

func published(t *testing.T, s *store.Store, home int32) (seq int64) {
	t.Helper()
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT published_seq FROM relay_shard WHERE home = $1`, home).Scan(&seq))
	return seq
}

func expire(t *testing.T, s *store.Store, home int32) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), `UPDATE relay_shard SET expires_at = now() - interval '1 second' WHERE home = $1`, home)
	require.NoError(t, err)
}

func TestRelayLeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	require.NoError(t, s.AddRelayShards(t.Context(), []int32{1, 2, 1}))
	require.NoError(t, s.AddRelayShards(t.Context(), []int32{2}))

	a := take(t, s, "a", []int32{1, 2}, 1)
	require.Equal(t, []store.RelayLease{{Home: 1, Term: 1}}, a, "limit 1")
	require.Equal(t, []store.RelayLease{{Home: 2, Term: 1}}, take(t, s, "b", []int32{1, 2}, 9))
	require.Empty(t, take(t, s, "a", []int32{1, 2}, 9))

	expire(t, s, 1)
	require.Equal(t, []store.RelayLease{{Home: 1, Term: 2}}, take(t, s, "b", []int32{1}, 9))
	kept, err := s.RenewRelayLeases(t.Context(), time.Minute, a)
	require.NoError(t, err)
	require.Empty(t, kept, "the term is another one")
}

func TestRelayLeaseReleasedIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	require.NoError(t, s.AddRelayShards(t.Context(), []int32{1}))
	a := take(t, s, "a", []int32{1}, 9)
	a[0].PublishedSeq = 5
	require.NoError(t, s.ReleaseRelayLeases(t.Context(), a))
	kept, err := s.RenewRelayLeases(t.Context(), time.Minute, a)
	require.NoError(t, err)
	require.Empty(t, kept, "a late renewal does not revive the lease")
	require.Equal(t, []store.RelayLease{{Home: 1, Term: 2, PublishedSeq: 5}}, take(t, s, "b", []int32{1}, 9))
}

func TestSavePublishedNeedsTheTerm(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	require.NoError(t, s.AddRelayShards(t.Context(), []int32{1}))
	a := take(t, s, "a", []int32{1}, 9)[0]
	save := func(l store.RelayLease, seq int64) []int32 {
		saved, err := s.SavePublished(t.Context(), []store.RelayLease{l}, []int64{seq})
		require.NoError(t, err)
		return saved
	}
	require.Equal(t, []int32{1}, save(a, 7))
	require.Equal(t, int64(7), published(t, s, 1))
	require.Empty(t, save(a, 8), "7 is stored, not 0")
	require.Equal(t, int64(7), published(t, s, 1))

	expire(t, s, 1)
	b := take(t, s, "b", []int32{1}, 9)[0]
	require.Equal(t, int64(7), b.PublishedSeq)
	a.PublishedSeq = 7
	require.Empty(t, save(a, 100))
	require.NoError(t, s.ReleaseRelayLeases(t.Context(), []store.RelayLease{{Home: 1, Term: a.Term, PublishedSeq: 100}}))
	require.Equal(t, int64(7), published(t, s, 1), "a has lost the lease")
	require.Equal(t, []int32{1}, save(b, 8))
	require.Equal(t, int64(8), published(t, s, 1))
}

func TestRelayHomesAreThoseThatHaveAnOwner(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	_, err := s.Pool.Exec(t.Context(), `INSERT INTO home (home, epoch, owner) VALUES (4, 1, 'x'), (2, 1, 'x')`)
	require.NoError(t, err)
	for range 2 {
		homes, err := s.RelayHomes(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int32{2, 4}, homes)
	}
}

func TestRelaysCountEachOther(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	join := func(holder string, ttl time.Duration) int {
		members, err := s.JoinRelays(t.Context(), holder, ttl)
		require.NoError(t, err)
		return members
	}
	require.Equal(t, 1, join("a", time.Minute))
	require.Equal(t, 2, join("b", time.Minute))
	require.Equal(t, 2, join("c", -time.Second), "c has expired already")
	require.NoError(t, s.LeaveRelays(t.Context(), "b"))
	require.Equal(t, 1, join("a", time.Minute))
}
