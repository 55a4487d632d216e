package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// writer commits batches of a home, as its owner does.
type writer struct {
	t         *testing.T
	committer store.Committer
	fence     store.Fence
}

func newWriter(t *testing.T, s *store.Store, home int32) *writer {
	t.Helper()
	claimed, err := s.Claim(t.Context(), home, fmt.Sprintf("owner of %d", home), nil)
	require.NoError(t, err)
	w := &writer{t: t, committer: s.Committer(), fence: claimed.Fence}
	t.Cleanup(w.committer.Close)
	return w
}

func (w *writer) commit(fill func(*store.Batch)) error {
	b := store.NewBatch()
	fill(b)
	return w.committer.Commit(w.t.Context(), &w.fence, b)
}

func put(key string, seen int64) func(*store.Batch) {
	return func(b *store.Batch) {
		b.PutCorrelation(&store.CorrelationRow{Name: "paid", Key: key, Version: seen, Data: []byte{1}})
	}
}

func drop(key string, seen int64) func(*store.Batch) {
	return func(b *store.Batch) { b.DropCorrelation("paid", key, seen) }
}

func correlationVersions(t *testing.T, s *store.Store, keys ...string) map[string]int64 {
	t.Helper()
	wanted := make([]store.CorrelationKey, len(keys))
	for i, k := range keys {
		wanted[i] = store.CorrelationKey{Name: "paid", Key: k}
	}
	rows, err := s.LoadCorrelations(t.Context(), wanted)
	require.NoError(t, err)
	versions := make(map[string]int64)
	for k, r := range rows {
		versions[k.Key] = r.Version
	}
	return versions
}

// A row that was removed and begun again is not the row that somebody has in hand.
func TestCorrelationVersionsNeverComeBack(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	one, other := newWriter(t, s, 0), newWriter(t, s, 1)
	require.NoError(t, one.commit(put("o1", 0)))
	seen := correlationVersions(t, s, "o1")["o1"]
	require.NoError(t, one.commit(drop("o1", seen)))
	require.NoError(t, one.commit(put("o1", 0)))

	require.ErrorIs(t, other.commit(put("o1", seen)), store.ErrCorrelationChanged)
	require.ErrorIs(t, other.commit(drop("o1", seen)), store.ErrCorrelationChanged)
	require.ErrorIs(t, other.commit(put("o1", 0)), store.ErrCorrelationChanged, "it is there")
	now := correlationVersions(t, s, "o1")["o1"]
	require.NoError(t, other.commit(put("o1", now)))
	require.NotEqual(t, now, correlationVersions(t, s, "o1")["o1"])
}

// Batches that write and remove the same rows crosswise never wait for each other
// in a circle, which the database would end after a second with an error.
func TestCorrelationsAreLockedInOneOrder(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	one, other := newWriter(t, s, 0), newWriter(t, s, 1)
	for range 200 {
		for _, key := range []string{"a", "b"} {
			if correlationVersions(t, s, key)[key] == 0 {
				require.NoError(t, one.commit(put(key, 0)))
			}
		}
		seen := correlationVersions(t, s, "a", "b")
		var group errgroup.Group
		lost := make(chan error, 2)
		crosswise := func(w *writer, first, second func(*store.Batch)) {
			group.Go(func() error {
				lost <- w.commit(func(b *store.Batch) { first(b); second(b) })
				return nil
			})
		}
		crosswise(one, drop("a", seen["a"]), put("b", seen["b"]))
		crosswise(other, put("a", seen["a"]), drop("b", seen["b"]))
		require.NoError(t, group.Wait())
		if err := <-lost; err != nil {
			require.ErrorIs(t, err, store.ErrCorrelationChanged)
			require.NoError(t, <-lost, "one of them wins")
		} else {
			require.ErrorIs(t, <-lost, store.ErrCorrelationChanged)
		}
	}
}

// Two homes at the same place of their lines never give a row the same version.
func TestCorrelationVersionsNameTheHome(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	one, other := newWriter(t, s, 0), newWriter(t, s, 1)
	require.NoError(t, one.commit(put("o1", 0)))
	seen := correlationVersions(t, s, "o1")["o1"]
	require.NoError(t, one.commit(drop("o1", seen)))
	require.NoError(t, other.commit(put("o1", 0)))
	require.ErrorIs(t, one.commit(put("o1", seen)), store.ErrCorrelationChanged)
}
