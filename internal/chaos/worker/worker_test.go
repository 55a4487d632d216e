package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/worker"
)

func newTestWorker(t *testing.T) *goWorker {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	return &goWorker{name: "go-1", stop: filepath.Join(t.TempDir(), "stop"), think: time.Millisecond, log: log}
}

// effects are what the worker has written down.
func (w *goWorker) effects(t *testing.T) (all []Effect) {
	t.Helper()
	text, err := os.ReadFile(w.log.Name())
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var e Effect
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		all = append(all, e)
	}
	return all
}

func taskWith(variables string) worker.Task {
	return worker.Task{CorrelationID: "c", Type: "x", ElementID: "e", BusinessKey: "k", Attempt: 1, Variables: json.RawMessage(variables)}
}

func TestEchoCountsChangesLanguageAndEnds(t *testing.T) {
	t.Parallel()
	w := newTestWorker(t)
	out, err := w.echo(t.Context(), taskWith(`{"hop":4,"language":"go"}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"hop": 5, "language": "go", "stop": false}, out)
	out, err = w.echo(t.Context(), taskWith(`{"hop":99,"language":"go"}`))
	require.NoError(t, err)
	require.Equal(t, "python", out.(map[string]any)["language"])
	require.NoError(t, os.WriteFile(w.stop, nil, 0o600))
	out, err = w.echo(t.Context(), taskWith(`{"hop":5,"language":"go"}`))
	require.NoError(t, err)
	require.Equal(t, true, out.(map[string]any)["stop"])

	all := w.effects(t)
	require.Len(t, all, 3)
	require.Equal(t, Effect{At: all[0].At, Worker: "go-1", Process: os.Getpid(), CorrelationID: "c", Attempt: 1, Type: "x", Element: "e", Key: "k", Hop: 5, Did: "hop"}, all[0])
}

func TestJudgeDoesAsTheVerdictSays(t *testing.T) {
	t.Parallel()
	w := newTestWorker(t)
	_, err := w.judge(t.Context(), taskWith(`{"verdict":"pay"}`))
	require.NoError(t, err)
	_, err = w.judge(t.Context(), taskWith(`{"verdict":"refuse"}`))
	require.ErrorContains(t, err, "REFUSED")
	flaky := taskWith(`{"verdict":"flaky"}`)
	for _, fails := range []bool{true, true, false} {
		_, err = w.judge(t.Context(), flaky)
		require.Equal(t, fails, err != nil)
		flaky.Attempt++
	}
	require.Len(t, w.effects(t), 5, "failing is a side effect too")
}

// TestThePythonWorkerDoesTheSame compares what can be compared without running it.
func TestThePythonWorkerDoesTheSame(t *testing.T) {
	t.Parallel()
	require.Contains(t, Python, "LANGUAGE_HOPS = 100")
	require.Equal(t, 100, languageHops)
	for _, name := range []string{EnvName, EnvFolder, EnvStop, EnvBrokers, EnvThink} {
		require.Contains(t, Python, strings.TrimPrefix(name, "CHAOS_"))
	}
}
