package fault

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheSameSeedGivesTheSamePlan(t *testing.T) {
	t.Parallel()
	plan := Plan(7, 30*time.Minute, 5*time.Second)
	require.Equal(t, plan, Plan(7, 30*time.Minute, 5*time.Second))
	require.NotEqual(t, plan, Plan(8, 30*time.Minute, 5*time.Second))
}

func TestAPlanHasAllKindsAndEnough(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		plan := Plan(seed, 30*time.Minute, 5*time.Second)
		require.Greater(t, len(plan), 300, "seed %d", seed)
		kinds, targets := make(map[Kind]int), make(map[string]int)
		for n, f := range plan {
			require.Less(t, f.At, 30*time.Minute)
			require.True(t, n == 0 || plan[n-1].At < f.At, "in order")
			kinds[f.Kind]++
			targets[f.Target]++
		}
		for _, c := range choices() {
			require.Positive(t, kinds[c.kind], "seed %d: %s", seed, c.kind)
		}
		for _, target := range []string{"engine-1", "engine-2", "relay-1", "relay-2", "go-1", "go-2", "python-1", "python-2", kafka, postgres} {
			require.Positive(t, targets[target], "seed %d: %s", seed, target)
		}
	}
}

func TestATargetIsMendedBeforeItIsHarmedAgain(t *testing.T) {
	t.Parallel()
	mended := make(map[string]time.Duration)
	for _, f := range Plan(3, time.Hour, time.Second) {
		require.GreaterOrEqual(t, f.At, mended[f.Target], f)
		mended[f.Target] = f.At + f.For
	}
}

func TestFaultsLastAsLongAsTheirKindMay(t *testing.T) {
	t.Parallel()
	for _, f := range Plan(5, 3*time.Hour, 5*time.Second) {
		switch f.Kind {
		case Pause:
			require.True(t, f.For >= time.Second && f.For <= time.Minute, f)
		case Delay:
			require.True(t, f.Delay >= 20*time.Millisecond && f.Delay < 500*time.Millisecond, f)
		case Cut, Restart, Rebalance, Redeploy:
			require.Zero(t, f.For, f)
		case Kill, Crash, Refuse, Freeze, Snapshot:
			require.Positive(t, f.For, f)
		}
	}
}
