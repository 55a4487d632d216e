package worker

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// victimEnv makes the test binary a worker, to be killed.
const victimEnv = "BARNABAS_WORKER_VICTIM"

type victimConfig struct {
	Brokers []string
	Prefix  string
}

func victim() {
	var v victimConfig
	if err := json.Unmarshal([]byte(os.Getenv(victimEnv)), &v); err != nil {
		panic(err)
	}
	if err := Run(context.Background(), killable(v)); err != nil {
		panic(err)
	}
}

func killable(v victimConfig) Config {
	return Config{
		Brokers: v.Brokers, Names: wire.Names{Prefix: v.Prefix}, Group: v.Prefix + groupType, Concurrency: 4,
		// A killed member must be missed soon.
		Client: []ClientOption{kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond)},
		Tasks: map[string]Handler{"step": func(context.Context, Task) (any, error) {
			<-time.After(time.Millisecond) // work
			return map[string]int{"pid": os.Getpid()}, nil
		}},
	}
}

// A worker is killed with SIGKILL in the middle of its work, another takes over:
// every task gets a result.
func TestKilledWorkerLosesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	v := victimConfig{f.brokers, f.names.Prefix}
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), victimEnv+"="+string(mustJSON(v)))
	process.Stderr = os.Stderr
	require.NoError(t, process.Start())
	t.Cleanup(func() { _ = process.Process.Kill() })

	const tasks = 4000
	var commands []wire.TaskCommand
	for range tasks {
		commands = append(commands, f.command("step", uuid.New(), `{}`))
	}
	f.send(commands...)
	answers, killed, byVictim, again := map[wire.CorrelationID]bool{}, false, 0, 0
	f.resultsUntil("all tasks", func(a answered) bool {
		if answers[a.CorrelationID] {
			again++
		}
		answers[a.CorrelationID] = true
		if a.variables(t)["pid"] == float64(process.Process.Pid) {
			byVictim++
		}
		if !killed && len(answers) > 1500 {
			killed = true
			require.NoError(t, process.Process.Kill())
			_ = process.Wait()
			start(t, killable(v))
		}
		return len(answers) == tasks
	})
	t.Logf("%d by the killed worker, %d done twice", byVictim, again)
	require.Less(t, byVictim, tasks)
	require.LessOrEqual(t, again, taskPartitions*2048, "what is done again is bounded")
}
