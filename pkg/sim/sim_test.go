package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/sim"
)

var (
	seed   = flag.Uint64("sim.seed", 0, "seed of the first run; 0: by the clock")
	steps  = flag.Int("sim.steps", 20_000, "steps to do, in runs of a few thousand")
	replay = flag.String("sim.replay", "", "the one run to do, as a failure prints it")
)

// perRun is how many steps a run has.
const perRun = 4000

// TestMain lets one goroutine run at a time, so that a seed leads to one run.
func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

// TestSimulation runs what has failed before, then runs with new seeds.
func TestSimulation(t *testing.T) {
	if *replay != "" {
		cfg, err := sim.ParseConfig(*replay)
		require.NoError(t, err)
		report(t, cfg)
		return
	}
	for _, cfg := range kept(t) {
		report(t, cfg)
	}
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano() / 1000)
	}
	began, done, runs := cpu(), 0, 0
	for ; done < *steps && !t.Failed(); runs++ {
		done += report(t, sim.Default(first+uint64(runs), perRun)).Done
	}
	t.Logf("seeds %d to %d: %d steps in %.1f s of processor time, %.0f steps/s", first, first+uint64(runs)-1, done,
		(cpu() - began).Seconds(), float64(done)/(cpu()-began).Seconds())
}

// kept are the runs that have failed before.
func kept(t *testing.T) (list []sim.Config) {
	t.Helper()
	text, err := os.ReadFile("testdata/seeds.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		cfg, err := sim.ParseConfig(line)
		require.NoError(t, err, line)
		list = append(list, cfg)
	}
	return list
}

// report runs a simulation; if it is broken it says how, as briefly as it can.
func report(t *testing.T, cfg sim.Config) sim.Outcome {
	t.Helper()
	out := sim.Run(t, cfg, false)
	if out.Broken != "" {
		t.Errorf("%s\nseed %d; the smallest run found that is broken:\n%s", out.Broken, cfg.Seed, explained(t, cfg, 20*time.Second))
	}
	return out
}

// maxTrace is how many lines of a trace are shown.
const maxTrace = 50

// explained shrinks a broken run and shows what happens in it.
func explained(t *testing.T, cfg sim.Config, within time.Duration) string {
	t.Helper()
	small := sim.Shrink(t, cfg, within)
	out := sim.Run(t, small, true)
	trace := slices.DeleteFunc(out.Trace, func(line string) bool { return strings.HasPrefix(line, "     0 ") })
	trace = trace[max(0, len(trace)-maxTrace):]
	return fmt.Sprintf("%s\n%s\nto run it again:\n  go test ./pkg/sim -run 'TestSimulation$' -sim.replay='%s'\nkeep it: add the line to pkg/sim/testdata/seeds.txt",
		strings.Join(trace, "\n"), out.Broken, small)
}

func TestRunIsTheSameForTheSameSeed(t *testing.T) {
	for seed := range uint64(3) {
		cfg := sim.Default(seed, 1500)
		first, second := sim.Run(t, cfg, false), sim.Run(t, cfg, true)
		require.Equal(t, first.Hash, second.Hash, "seed %d", seed)
		require.NotZero(t, first.Decided)
	}
}

func TestConfigurationIsReadAsItIsWritten(t *testing.T) {
	cfg := sim.Default(7, 100)
	cfg.Only = []int{1, 2, 3, 9, 20, 21}
	read, err := sim.ParseConfig(cfg.String())
	require.NoError(t, err)
	require.Equal(t, cfg, read)
	require.Contains(t, cfg.String(), "only=1-3,9,20-21")
	_, err = sim.ParseConfig("seed=x")
	require.Error(t, err)
}

// Each of these would lose, double or reorder something; the simulation has to find
// it soon, and to show it in few lines.
func TestPlantedDefectsAreFound(t *testing.T) {
	for name, plant := range map[string]func(*sim.Config){
		"fence removed":                  func(c *sim.Config) { c.Guards.NoFence = true },
		"cursor passes what is not seen": func(c *sim.Config) { c.Guards.NaiveCursor = true },
		"attempt of a result ignored":    func(c *sim.Config) { c.IgnoreAttempt = true },
	} {
		t.Run(name, func(t *testing.T) {
			began := cpu()
			for seed := range uint64(200) {
				cfg := sim.Default(seed, perRun)
				plant(&cfg)
				out := sim.Run(t, cfg, false)
				if out.Broken == "" {
					continue
				}
				found := cpu() - began
				text := explained(t, cfg, 5*time.Second)
				t.Logf("found with seed %d after %.1f s: %s\n%s", seed, found.Seconds(), out.Broken, text)
				require.Less(t, found, time.Minute)
				require.LessOrEqual(t, strings.Count(text, "\n"), maxTrace+6)
				return
			}
			require.Fail(t, "not found")
		})
	}
}

// cpu is the processor time used so far: the machine may be busy with other things.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for wrong arguments only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
