package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// Every guard of the batch's statements, one by one: what was seen can be
// written once, and what was not seen can't be written at all.

func nothing(*store.Batch) {}

func TestBatchIsStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWriter(t, outboxStore(t), 0)
	before := w.fence
	require.NoError(t, w.commit(nothing))
	w.fence = before // as if the answer had been lost
	require.ErrorIs(t, w.commit(nothing), store.ErrFenced)
}

func TestBatchOfAnEarlierOwnerIsRefused(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	earlier, later := newWriter(t, s, 0), newWriter(t, s, 0)
	require.ErrorIs(t, earlier.commit(nothing), store.ErrFenced)
	require.NoError(t, later.commit(nothing))

	_, err := s.ReadFence(t.Context(), earlier.fence)
	require.ErrorIs(t, err, store.ErrFenced, "what another owner has stored is no answer")
	now, err := s.ReadFence(t.Context(), later.fence)
	require.NoError(t, err)
	require.Equal(t, later.fence.CommitSeq, now.CommitSeq)
}

func TestBatchDecidedBeforeADeploymentIsRefused(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	w := newWriter(t, s, 0)
	_, err := s.Deploy(t.Context(), store.NewDeployment{Processes: []store.NewDefinition{{ProcessID: "p", XML: []byte("<p/>")}}})
	require.NoError(t, err)
	require.ErrorIs(t, w.commit(nothing), store.ErrCatalogue)
	w.fence.Generation++
	require.NoError(t, w.commit(nothing))
}

// claimed is a writer of a home with one input partition, and its position.
func claimed(t *testing.T, s *store.Store, home int32, topicID byte) (*writer, int64) {
	t.Helper()
	w := newWriter(t, s, home)
	p := store.InputPartition{Topic: "results", TopicID: [16]byte{topicID}, Partition: 3}
	c, err := s.Claim(t.Context(), home, "owner", []store.InputPartition{p})
	require.NoError(t, err)
	w.fence = c.Fence
	return w, c.Positions[p]
}

func moveOffset(first, next int64) func(*store.Batch) {
	return func(b *store.Batch) { b.MoveOffset("results", 3, first, next) }
}

func TestOffsetMovesFromWhereItWasSeen(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	w, _ := claimed(t, s, 0, 1)
	require.NoError(t, w.commit(moveOffset(0, 5)))
	require.ErrorIs(t, w.commit(moveOffset(0, 7)), store.ErrFenced)
	require.ErrorIs(t, w.commit(moveOffset(6, 7)), store.ErrFenced)
	require.NoError(t, w.commit(moveOffset(5, 7)))

	// The partition belongs to another home by now: two owners, each with a right epoch.
	other, at := claimed(t, s, 1, 1)
	require.Equal(t, int64(7), at)
	require.NoError(t, other.commit(moveOffset(7, 9)))
	require.ErrorIs(t, w.commit(moveOffset(7, 8)), store.ErrFenced)
}

func TestPositionBelongsToTheTopic(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	w, _ := claimed(t, s, 0, 1)
	require.NoError(t, w.commit(moveOffset(0, 5)))
	_, at := claimed(t, s, 0, 1)
	require.Equal(t, int64(5), at)
	_, at = claimed(t, s, 0, 2)
	require.Zero(t, at, "the topic was deleted and created again")
}

func TestInstanceIsWrittenAsItWasSeen(t *testing.T) {
	t.Parallel()
	w := newWriter(t, outboxStore(t), 0)
	row := func(version int64) *store.InstanceRow {
		return &store.InstanceRow{ID: [16]byte{1}, Version: version, Definition: 1, State: []byte{1}}
	}
	insert := func(b *store.Batch) { b.InsertInstance(row(1)) }
	update := func(seen int64) func(*store.Batch) {
		return func(b *store.Batch) { b.UpdateInstance(seen, row(seen+1)) }
	}
	remove := func(seen int64) func(*store.Batch) {
		return func(b *store.Batch) { b.DeleteInstance([16]byte{1}, seen, false) }
	}
	require.NoError(t, w.commit(insert))
	require.NoError(t, w.commit(update(1)))
	require.ErrorIs(t, w.commit(update(1)), store.ErrInstanceChanged)
	require.ErrorIs(t, w.commit(remove(1)), store.ErrInstanceChanged)
	require.NoError(t, w.commit(remove(2)))
	require.ErrorIs(t, w.commit(update(2)), store.ErrInstanceChanged, "it has ended")
}

func TestMessageIsMarkedOnce(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	one, other := newWriter(t, s, 0), newWriter(t, s, 1)
	mark := func(b *store.Batch) { b.MarkMessage([16]byte{1}) }
	require.NoError(t, one.commit(mark))
	require.ErrorIs(t, one.commit(mark), store.ErrDuplicateMessage)
	require.ErrorIs(t, other.commit(mark), store.ErrDuplicateMessage)
	seen, err := s.SeenMessages(t.Context(), [][16]byte{{1}, {2}})
	require.NoError(t, err)
	require.Equal(t, map[[16]byte]bool{{1}: true}, seen)
}

func TestStartTimerMovesFromWhereItWasSeen(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	deployed, err := s.Deploy(t.Context(), store.NewDeployment{Processes: []store.NewDefinition{{
		ProcessID: "p", XML: []byte("<p/>"), StartTimers: []store.NewStartTimer{{Node: 2, Due: 1000}},
	}}})
	require.NoError(t, err)
	w := newWriter(t, s, 0)
	move := func(seen, due int64) func(*store.Batch) {
		return func(b *store.Batch) {
			b.MoveStartTimer(seen, &store.StartTimerRow{Definition: deployed.Definitions[0].ID, Node: 2, Due: due})
		}
	}
	require.NoError(t, w.commit(move(1000, 2000)))
	require.ErrorIs(t, w.commit(move(1000, 3000)), store.ErrStartTimerChanged)
	require.ErrorIs(t, w.commit(move(1000, 0)), store.ErrStartTimerChanged, "0: no more firings")
	require.NoError(t, w.commit(move(2000, 0)))
	require.ErrorIs(t, w.commit(move(2000, 3000)), store.ErrStartTimerChanged)
}
