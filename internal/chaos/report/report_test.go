package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/internal/chaos/fault"
	"github.com/barnabas-project/barnabas/internal/chaos/ledger"
	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

// hops are rates from the start of the load, one a second.
func hops(rates ...int) map[int64]int {
	all := make(map[int64]int)
	for s, n := range rates {
		all[at(s).Unix()] = n
	}
	return all
}

// steady is a minute at 100 a second, but for the seconds from and to, which have
// rate.
func steady(from, to, rate int) map[int64]int {
	rates := make([]int, 60)
	for s := range rates {
		if rates[s] = 100; s >= from && s < to {
			rates[s] = rate
		}
	}
	return hops(rates...)
}

func kill(second int) fault.Injected {
	return fault.Injected{Fault: fault.Fault{Kind: fault.Kill, Target: "engine-1"}, Began: at(second).Add(250 * time.Millisecond), Mended: at(second + 1)}
}

func TestRecoveryIsFromTheBeginningOfTheFault(t *testing.T) {
	t.Parallel()
	require.Equal(t, recovery{}, recoveryOf(kill(40), steady(0, 0, 0), at(60)), "not felt")
	require.Equal(t, recovery{}, recoveryOf(kill(40), steady(41, 50, 60), at(60)), "more than half is not felt")
	require.Equal(t, recovery{true, 6750 * time.Millisecond}, recoveryOf(kill(40), steady(41, 47, 0), at(60)))
	require.Equal(t, recovery{true, 6750 * time.Millisecond}, recoveryOf(kill(40), steady(43, 47, 10), at(60)), "also when it shows late")
	require.Equal(t, recovery{true, 19750 * time.Millisecond}, recoveryOf(kill(40), steady(41, 60, 0), at(60)), "never: until the end")
}

func TestSilence(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3*time.Second, silence([]int{1, 0, 2, 0, 0, 0, 5, 0}))
	require.Zero(t, silence(nil))
}

func outcome() *Outcome {
	kinds := []fault.Injected{kill(40), kill(45)}
	kinds[1].Problem = "no such process"
	kinds = append(kinds, fault.Injected{Fault: fault.Fault{Kind: fault.Cut, Target: "engine-1 to kafka"}, Began: at(50), Mended: at(50)})
	return &Outcome{Seed: 7, Duration: time.Minute, Every: time.Second, Postgres: "15.1", Warmed: at(0), Began: at(10), Mended: at(55), Settled: at(59),
		Faults: kinds, PerSecond: steady(41, 47, 0), Figures: ledger.Figures{Chains: 2, Hops: 5400, Instances: 12},
		Findings: []ledger.Finding{{Kind: ledger.Lost, What: "hop 3"}}, Deaths: []site.Death{{At: at(20), Process: "python-1", How: "exit status 1"}}, Fsck: "0 findings"}
}

func TestReportTellsEverything(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "docs")
	require.NoError(t, Write(folder, outcome()))
	text, err := os.ReadFile(filepath.Join(folder, "chaos.md"))
	require.NoError(t, err)
	for _, want := range []string{"make chaos DURATION=1m0s SEED=7", "**5400 hops**", "| **lost** | **1** |", "| **forked** | **0** |", "- lost: hop 3",
		"| engine | kill -9 | 2 (1 in vain) | 2 | 1.8 s | 6.8 s |", "| connection to kafka | cut | 1 | 0 |  |  |", "without any hop was 6s", "python-1 at 12:00:20"} {
		require.Contains(t, string(text), want)
	}
	text, err = os.ReadFile(filepath.Join(folder, "chaos.json"))
	require.NoError(t, err)
	var read struct {
		Faults        []struct{ Kind string }
		HopsPerSecond []int
		Findings      []struct{ Kind, What string }
		Figures       struct{ Hops int }
	}
	require.NoError(t, json.Unmarshal(text, &read))
	require.Len(t, read.Faults, 3)
	require.Len(t, read.HopsPerSecond, 60)
	require.Equal(t, 5400, read.Figures.Hops)
	require.Equal(t, "hop 3", read.Findings[0].What)
}

func TestPictureIsWellFormedAndShowsEveryFault(t *testing.T) {
	t.Parallel()
	picture := outcome().Picture()
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	require.Equal(t, 3, strings.Count(picture, "<title>"))
	require.Contains(t, picture, "<title>kill -9 engine-1</title>")
}

func TestSummaryCutsOff(t *testing.T) {
	t.Parallel()
	o := outcome()
	for range shown + 4 {
		o.Findings = append(o.Findings, ledger.Finding{Kind: ledger.Waiting, What: "x"})
	}
	require.Contains(t, o.Summary(), "1 lost  0 doubled  0 forked  0 reordered  0 early  14 waiting")
	require.Contains(t, o.Summary(), "… and 4 more")
}
