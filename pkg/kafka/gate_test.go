package kafka

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChangeInterruptsAPollAndWaitsForIt(t *testing.T) {
	t.Parallel()
	var g gate
	polling, changed := make(chan struct{}), make(chan struct{})
	state := "nothing"
	go g.poll(t.Context(), func(ctx context.Context) {
		close(polling)
		<-ctx.Done() // a poll that finds nothing
		state = "handed over"
	})
	<-polling
	go g.change(func() {
		require.Equal(t, "handed over", state)
		state = "changed"
		close(changed)
	})
	<-changed
	g.poll(t.Context(), func(ctx context.Context) {
		require.NoError(t, ctx.Err(), "no change waits any more")
		require.Equal(t, "changed", state)
	})
}

func TestPollGivesWayToAWaitingChange(t *testing.T) {
	t.Parallel()
	var g gate
	changing, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go g.change(func() { close(changing); <-release })
	<-changing
	go func() { g.change(func() {}); close(done) }()
	require.Eventually(t, func() bool {
		g.state.Lock()
		defer g.state.Unlock()
		return g.waiting == 1
	}, waitLong, waitTick)
	close(release)
	for waiting := true; waiting; { // a poll that comes first must not wait for records
		g.poll(t.Context(), func(ctx context.Context) {
			g.state.Lock()
			waiting = g.waiting > 0
			g.state.Unlock()
			require.True(t, !waiting || ctx.Err() != nil)
		})
	}
	<-done
}
