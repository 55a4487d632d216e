// Package examples tests the example workers: each is started as a user would,
// given task commands, and its results are read as the engine reads them.
package examples

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

const (
	patience         = 60 * time.Second // a Java machine starts on a busy computer
	resultPartitions = 8
)

func TestShellWorker(t *testing.T) {
	t.Parallel()
	program(t, "kcat", "apt-get install kcat")
	e := start(t, exec.Command("shell/worker.sh"))
	e.send(`{"name":"Ada"}`, `{"name":"Konrad, the 2nd"}`)
	e.requireResult(1, wire.ResultCompleted, `{"greeting":"Hello from the shell","given":{"name":"Ada"}}`)
	e.requireResult(2, wire.ResultCompleted, `{"greeting":"Hello from the shell","given":{"name":"Konrad, the 2nd"}}`)
}

func TestPythonWorker(t *testing.T) {
	t.Parallel()
	testGreeter(t, python(t))
}

func TestNodeWorker(t *testing.T) {
	t.Parallel()
	testGreeter(t, node(t))
}

func TestJavaWorker(t *testing.T) {
	t.Parallel()
	testGreeter(t, java(t))
}

// testGreeter checks results, business errors, and that a worker told to stop has
// committed what it answered.
func testGreeter(t *testing.T, worker *exec.Cmd) {
	e := start(t, worker)
	e.send(`{"name":"Ada"}`, `{}`, `{"name":"Grüße","nested":{"a":[1,2.50]}}`)
	e.requireResult(1, wire.ResultCompleted, `{"greeting":"Hello Ada"}`)
	noName := e.requireResult(2, wire.ResultBPMNError, "")
	require.Equal(t, "NO_NAME", noName.ErrorCode)
	require.Equal(t, "there is nobody to greet", noName.ErrorMessage)
	e.requireResult(3, wire.ResultCompleted, `{"greeting":"Hello Grüße"}`)

	e.stop()
	offsets, err := kadm.NewClient(e.kafka).FetchOffsets(t.Context(), e.group)
	require.NoError(t, err)
	committed := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { committed += max(0, o.At) })
	require.Equal(t, int64(3), committed)
}

// example is a running worker and the engine's side of its topics.
type example struct {
	t       *testing.T
	kafka   *kgo.Client
	names   wire.Names
	group   string
	process *exec.Cmd
	output  bytes.Buffer
	ended   chan struct{}
	sent    uint64
	results map[uint64]wire.Result // by task
}

const taskType = "greet"

func start(t *testing.T, worker *exec.Cmd) *example {
	brokers, names := devtest.Kafka(t), wire.Names{Prefix: devtest.TopicPrefix(t)}
	topic, err := names.Task(taskType)
	require.NoError(t, err)
	kafka, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumeTopics(names.Results()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.UnknownTopicRetries(-1), // a real Kafka takes a moment to have a new topic
		kgo.MetadataMinAge(100*time.Millisecond),
	)
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	devtest.CreateTopic(t, kafka, names.Results(), resultPartitions)
	devtest.CreateTopic(t, kafka, topic, 4)
	e := &example{t: t, kafka: kafka, names: names, group: names.Prefix + "workers", process: worker, ended: make(chan struct{}), results: map[uint64]wire.Result{}}
	worker.Env = append(worker.Environ(), "BROKERS="+strings.Join(brokers, ","), "TASK_TOPIC="+topic, "GROUP="+e.group)
	worker.Stdout, worker.Stderr = &e.output, &e.output
	worker.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a shell's children must end with it
	require.NoError(t, worker.Start())
	go func() {
		defer close(e.ended)
		_ = worker.Wait()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-worker.Process.Pid, syscall.SIGKILL)
		<-e.ended
		if t.Failed() {
			t.Logf("the worker said:\n%s", e.output.String())
		}
	})
	return e
}

// send sends a task command for each of the variables; tasks are numbered from 1.
func (e *example) send(variables ...string) {
	e.t.Helper()
	topic, err := e.names.Task(taskType)
	require.NoError(e.t, err)
	var pack wire.Pack
	for _, v := range variables {
		e.sent++
		pack.AddTaskCommand(&wire.TaskCommand{
			Topic: topic, Time: time.Now(), Source: "test", ReplyTo: e.names.Results(), TaskType: taskType,
			ID:        wire.CorrelationID{Instance: uuid.New(), Home: int32(e.sent*3) % resultPartitions, Task: e.sent, Attempt: 1},
			ElementID: "Task_Greet", ProcessID: "greeting", BusinessKey: "a, b", Variables: []byte(v),
		})
	}
	require.NoError(e.t, wire.Unpack(pack.Bytes(), func(r wire.Record) error {
		out := &kgo.Record{Topic: r.Topic, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
		for _, h := range r.Headers {
			out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: bytes.Clone(h.Value)})
		}
		return e.kafka.ProduceSync(e.t.Context(), out).FirstErr()
	}))
}

// requireResult waits for the result of a task.
func (e *example) requireResult(task uint64, status wire.ResultStatus, variables string) wire.Result {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	for {
		if r, ok := e.results[task]; ok {
			require.Equal(e.t, status, r.Status, r.ErrorMessage)
			if variables != "" {
				require.JSONEq(e.t, variables, string(r.Variables))
			}
			return r
		}
		select {
		case <-e.ended:
			require.FailNow(e.t, "the worker ended before its time")
		default:
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		fetches := e.kafka.PollFetches(short)
		cancel()
		require.NoError(e.t, ctx.Err(), "no result of task %d", task)
		fetches.EachRecord(e.keep)
	}
}

func (e *example) keep(in *kgo.Record) {
	r := wire.Record{Key: in.Key, Value: in.Value}
	for _, h := range in.Headers {
		r.Headers = append(r.Headers, wire.Header(h))
	}
	result, err := wire.DecodeResult(&r, wire.Limits{})
	require.NoError(e.t, err)
	require.Equal(e.t, result.CorrelationID.Home, in.Partition, "the result is on replyPartition")
	require.Equal(e.t, uuid.UUID(result.CorrelationID.Instance).String(), string(in.Key), "the key is the command's")
	e.results[result.CorrelationID.Task] = result
}

// stop asks the worker to end, as a service manager would.
func (e *example) stop() {
	e.t.Helper()
	require.NoError(e.t, e.process.Process.Signal(syscall.SIGTERM))
	select {
	case <-e.ended:
	case <-time.After(patience):
		require.FailNow(e.t, "the worker doesn't end on SIGTERM")
	}
}

// program skips the test if a program isn't installed; with BARNABAS_EXAMPLES set
// that is a failure.
func program(t *testing.T, name, install string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, fmt.Sprintf("%s is not installed: %s", name, install))
	}
	return path
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv(installEnv) != "" {
		require.FailNow(t, what)
	}
	t.Skip(what)
}
