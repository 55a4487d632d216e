package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

func TestConfigProblemsAreAllNamed(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Config{Tasks: map[string]Handler{"bad type": nil}, Concurrency: -1, MaxInFlight: 1, DrainTimeout: -1})
	for _, problem := range []string{"no Brokers", `task type "bad type" has no handler`, "not allowed", "Concurrency is -1", "MaxInFlight is 1", "DrainTimeout is -1ns"} {
		require.ErrorContains(t, err, problem)
	}
	require.ErrorContains(t, Run(t.Context(), Config{Brokers: []string{"x:1"}}), "no Tasks")
}

// Keys are many and lanes few, handlers take random time: still each key's tasks
// come in order, one at a time, while different keys overlap.
func TestTasksOfAKeyKeepTheirOrder(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	const keys, each = 20, 25
	var mu sync.Mutex
	seen, busy := map[string][]int{}, map[string]bool{}
	var now, most atomic.Int32
	config := f.config("step", Typed(func(_ context.Context, in struct{ N int }, task Task) (any, error) {
		for n := now.Add(1); n > most.Load(); {
			most.Store(n)
		}
		defer now.Add(-1)
		mu.Lock()
		overlap := busy[task.InstanceID]
		busy[task.InstanceID] = true
		seen[task.InstanceID] = append(seen[task.InstanceID], in.N)
		mu.Unlock()
		<-time.After(time.Duration(rand.N(3000)) * time.Microsecond) // work
		mu.Lock()
		busy[task.InstanceID] = false
		mu.Unlock()
		return map[string]bool{"overlap": overlap}, nil
	}))
	config.Concurrency = 8
	start(t, config)
	instances := make([]uuid.UUID, keys)
	for i := range instances {
		instances[i] = uuid.New()
	}
	var commands []wire.TaskCommand
	for n := range each {
		for _, instance := range instances {
			commands = append(commands, f.command("step", instance, string(mustJSON(map[string]int{"N": n}))))
		}
	}
	f.send(commands...)
	for _, r := range f.results(keys * each) {
		require.Equal(t, false, r.variables(t)["overlap"], "two tasks of one key at once")
	}
	for _, instance := range instances {
		order := seen[instance.String()]
		require.Len(t, order, each)
		require.IsIncreasing(t, order)
	}
	require.Greater(t, most.Load(), int32(1), "different keys are worked on at once")
	require.LessOrEqual(t, most.Load(), int32(8), "Concurrency bounds the handlers")
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func TestSeveralTaskTypesAreServedSideBySide(t *testing.T) {
	t.Parallel()
	f := setup(t, "slow", "fast")
	begun := make(chan struct{})
	config := f.config("slow", func(ctx context.Context, _ Task) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	config.Concurrency = 1
	config.DrainTimeout = time.Millisecond
	config.Tasks["fast"] = func(context.Context, Task) (any, error) { return nil, nil }
	w := start(t, config)
	f.send(f.command("slow", uuid.New(), `{}`))
	receive(t, "slow task", begun)
	f.send(f.command("fast", uuid.New(), `{}`))
	require.Equal(t, wire.ResultCompleted, f.result().Status, "a busy type doesn't hold up the other")
	require.ErrorContains(t, w.stop(t), "slow tasks did not end")
}

func TestStoppingLetsRunningTasksEnd(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	begun, finish := make(chan struct{}, 10), make(chan struct{})
	config := f.config("step", func(ctx context.Context, _ Task) (any, error) {
		begun <- struct{}{}
		select {
		case <-finish:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	config.Concurrency = 1
	w := start(t, config)
	f.send(f.command("step", uuid.New(), `{}`), f.command("step", uuid.New(), `{}`), f.command("step", uuid.New(), `{}`))
	receive(t, "first task", begun)
	w.cancel()
	close(finish)
	require.NoError(t, w.wait(t))
	done := 1 + len(begun)
	for _, r := range f.results(done) {
		require.Equal(t, wire.ResultCompleted, r.Status)
	}
	require.Equal(t, int64(done), f.committed("step"), "what is answered is committed, no more")
	if done < 3 {
		start(t, config)
		f.results(3 - done)
	}
}

func TestTasksThatDontEndInTimeAreDeliveredAgain(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	begun := make(chan string, 2)
	config := f.config("step", func(ctx context.Context, task Task) (any, error) {
		begun <- task.CorrelationID
		<-ctx.Done()
		return nil, ctx.Err()
	})
	config.DrainTimeout = 50 * time.Millisecond
	f.send(f.command("step", uuid.New(), `{}`))
	w := start(t, config)
	first := receive(t, "first delivery", begun)
	require.ErrorContains(t, w.stop(t), "1 step tasks did not end within 50ms: they will be delivered again")
	require.Zero(t, f.committed("step"))

	config.Tasks["step"] = func(_ context.Context, task Task) (any, error) {
		begun <- task.CorrelationID
		return nil, nil
	}
	start(t, config)
	require.Equal(t, first, receive(t, "second delivery", begun))
	require.Equal(t, wire.ResultCompleted, f.result().Status, "the stopped attempt sent no result")
}

func TestRecordsThatAreNoCommandsAreSkipped(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	registry := prometheus.NewRegistry()
	config := f.config("step", func(context.Context, Task) (any, error) { return nil, nil })
	config.Metrics = registry
	w := start(t, config)
	noise := func(headers ...wire.Header) wire.Record {
		return wire.Record{Topic: f.topic("step"), Partition: 0, Key: []byte("k"), Value: []byte("noise"), Headers: headers}
	}
	good := f.command("step", uuid.New(), `{}`)
	f.produce(noise(), noise(wire.Header{Key: wire.HeaderCorrelationID, Value: []byte("not-an-id")}))
	f.send(good)
	require.Equal(t, good.ID, f.result().CorrelationID)
	require.Eventually(t, func() bool { return counted(t, registry)["poison"] == 2 }, patience, time.Millisecond, "noise of another partition may come later")
	require.NoError(t, w.stop(t))
	require.Equal(t, int64(3), f.committed("step"), "noise doesn't hold the offset back")
	require.Equal(t, map[string]float64{"completed": 1, "poison": 2}, counted(t, registry))
}

// counted is barnabas_worker_tasks_total by status.
func counted(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	families, err := registry.Gather()
	require.NoError(t, err)
	counts := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "barnabas_worker_tasks_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "status" {
					counts[label.GetValue()] = metric.GetCounter().GetValue()
				}
			}
		}
	}
	return counts
}

func TestCommandWithoutAnObjectFailsForGood(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	start(t, f.config("step", func(context.Context, Task) (any, error) { return nil, nil }))
	f.send(f.command("step", uuid.New(), `[1]`))
	r := f.result()
	require.Equal(t, 0, *r.Retries)
	require.Contains(t, r.ErrorMessage, `the value is "[1]", not a JSON object`)
}

func TestResultLargerThanTheTopicTakesFailsTheTask(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	start(t, f.config("step", func(context.Context, Task) (any, error) {
		return map[string]string{"report": string(bytes.Repeat([]byte("x"), 1<<20-100))}, nil
	}))
	f.send(f.command("step", uuid.New(), `{}`))
	r := f.result()
	require.Equal(t, wire.ResultFailed, r.Status)
	require.Equal(t, 0, *r.Retries)
	require.Contains(t, r.ErrorMessage, "send result of task Task_1: larger than the topic takes")
}

func TestForeignReplyTopicIsUsed(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	elsewhere := f.names.Prefix + "elsewhere"
	devtest.CreateTopic(t, f.kafka, elsewhere, 2)
	f.kafka.AddConsumeTopics(elsewhere)
	start(t, f.config("step", func(context.Context, Task) (any, error) { return nil, nil }))
	f.send(f.command("step", uuid.New(), `{}`, func(c *wire.TaskCommand) { c.ReplyTo, c.ID.Home = elsewhere, 7 }))
	require.Less(t, f.result().partition, int32(2), "the topic has no partition 7: the key decides")
}

func TestTopicCreatedAfterTheWorkerIsFound(t *testing.T) {
	t.Parallel()
	f := setup(t)
	config := f.config("late", func(context.Context, Task) (any, error) { return nil, nil })
	start(t, config)
	devtest.CreateTopic(t, f.kafka, f.topic("late"), taskPartitions)
	f.send(f.command("late", uuid.New(), `{}`))
	require.Equal(t, wire.ResultCompleted, f.result().Status)
}

// A worker joins while another has tasks running: the first finishes what runs,
// commits it, and hands over the rest. Nothing is done twice.
func TestRevokeDuringWorkHandsOverWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	f := setup(t, "step")
	const tasks = 400
	var mu sync.Mutex
	deliveries, workers := map[string]int{}, map[string]int{}
	config := func(name string) Config {
		return f.config("step", func(_ context.Context, task Task) (any, error) {
			<-time.After(5 * time.Millisecond) // work
			mu.Lock()
			defer mu.Unlock()
			deliveries[task.CorrelationID]++
			workers[name]++
			return nil, nil
		})
	}
	sent := 0
	sendMore := func(n int) {
		for range n {
			f.send(f.command("step", uuid.New(), `{}`))
		}
		sent += n
	}
	worked := func(name string) int {
		mu.Lock()
		defer mu.Unlock()
		return workers[name]
	}
	slow := config("first")
	slow.Concurrency = 2
	slow.MaxInFlight = 20
	start(t, slow)
	sendMore(tasks)
	answers, joined := map[wire.CorrelationID]int{}, false
	f.resultsUntil("all tasks, some by the second worker", func(a answered) bool {
		answers[a.CorrelationID]++
		if !joined && len(answers) > 20 {
			joined = true
			start(t, config("second"))
		}
		if len(answers) < sent {
			return false
		}
		if worked("second") > 0 {
			return true
		}
		sendMore(tasks / 4) // the rebalance takes longer than the work
		return false
	})
	mu.Lock()
	defer mu.Unlock()
	for id, n := range deliveries {
		require.Equal(t, 1, n, id)
	}
}
