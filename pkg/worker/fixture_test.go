package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
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
	patience         = 20 * time.Second
	taskPartitions   = 4
	resultPartitions = 8
)

// fixture plays the engine: it sends task commands and reads results.
type fixture struct {
	t       testing.TB
	brokers []string
	names   wire.Names
	kafka   *kgo.Client
	numbers atomic.Uint64 // of tasks
}

func setup(t testing.TB, taskTypes ...string) *fixture {
	return setupOn(t, devtest.Kafka(t), devtest.TopicPrefix(t), taskTypes...)
}

func setupOn(t testing.TB, brokers []string, prefix string, taskTypes ...string) *fixture {
	t.Helper()
	f := &fixture{t: t, brokers: brokers, names: wire.Names{Prefix: prefix}}
	var err error
	f.kafka, err = kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ProducerLinger(0),
		kgo.UnknownTopicRetries(-1), // a real Kafka takes a moment to have a new topic
		kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitionOf)),
		kgo.ConsumeTopics(f.names.Results()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
	)
	require.NoError(t, err)
	t.Cleanup(f.kafka.Close)
	devtest.CreateTopic(t, f.kafka, f.names.Results(), resultPartitions)
	for _, taskType := range taskTypes {
		devtest.CreateTopic(t, f.kafka, f.topic(taskType), taskPartitions)
	}
	return f
}

func (f *fixture) topic(taskType string) string {
	topic, err := f.names.Task(taskType)
	require.NoError(f.t, err)
	return topic
}

func (f *fixture) config(taskType string, h Handler) Config {
	return Config{Brokers: f.brokers, Names: f.names, Group: f.names.Prefix + groupType, Tasks: map[string]Handler{taskType: h}}
}

// command is a task command of a new task; change adjusts it.
func (f *fixture) command(taskType string, instance uuid.UUID, variables string, change ...func(*wire.TaskCommand)) wire.TaskCommand {
	c := wire.TaskCommand{
		Topic: f.topic(taskType), Time: time.Now(), Source: "test", ReplyTo: f.names.Results(),
		ID:       wire.CorrelationID{Instance: instance, Home: int32(instance[15] % resultPartitions), Task: f.numbers.Add(1), Attempt: 1},
		TaskType: taskType, ElementID: "Task_1", ProcessID: "order", BusinessKey: "order-7",
		Variables: []byte(variables),
	}
	for _, ch := range change {
		ch(&c)
	}
	return c
}

func (f *fixture) send(commands ...wire.TaskCommand) {
	f.t.Helper()
	var pack wire.Pack
	for i := range commands {
		pack.AddTaskCommand(&commands[i])
	}
	var records []wire.Record
	require.NoError(f.t, wire.Unpack(pack.Bytes(), func(r wire.Record) error {
		records = append(records, r)
		return nil
	}))
	f.produce(records...)
}

func (f *fixture) produce(records ...wire.Record) {
	f.t.Helper()
	stored := make(chan error, len(records))
	p := &producer{kafka: f.kafka}
	for i := range records {
		p.send(&records[i], func(err error) { stored <- err })
	}
	for range records {
		require.NoError(f.t, <-stored)
	}
}

// answered is a result and the partition it came on.
type answered struct {
	wire.Result
	partition int32
	key       string
}

func (a answered) variables(t testing.TB) map[string]any {
	v := map[string]any{}
	if a.Variables != nil {
		require.NoError(t, json.Unmarshal(a.Variables, &v))
	}
	return v
}

// results reads until enough says so.
func (f *fixture) resultsUntil(what string, enough func(answered) bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		fetches := f.kafka.PollFetches(ctx)
		require.NoError(f.t, ctx.Err(), "waiting for %s", what)
		for _, r := range convert(fetches) {
			decoded, err := wire.DecodeResult(&r, wire.Limits{})
			require.NoError(f.t, err, "what the worker sends is what the engine reads")
			if enough(answered{Result: decoded, partition: r.Partition, key: string(r.Key)}) {
				return
			}
		}
	}
}

func (f *fixture) results(n int) []answered {
	f.t.Helper()
	var all []answered
	f.resultsUntil(fmt.Sprintf("%d results", n), func(a answered) bool {
		all = append(all, a)
		return len(all) == n
	})
	return all
}

func (f *fixture) result() answered {
	f.t.Helper()
	return f.results(1)[0]
}

// committed is the sum over partitions of the group's committed offsets.
func (f *fixture) committed(taskType string) (sum int64) {
	offsets, err := kadm.NewClient(f.kafka).FetchOffsets(context.Background(), f.names.Prefix+taskType)
	require.NoError(f.t, err)
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
	return sum
}

// running is a worker; stop drains it.
type running struct {
	cancel context.CancelFunc
	ended  chan error
}

func start(t testing.TB, c Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- Run(ctx, c) }()
	t.Cleanup(cancel)
	return r
}

func (r *running) stop(t testing.TB) error {
	t.Helper()
	r.cancel()
	return r.wait(t)
}

func (r *running) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		require.FailNow(t, "worker doesn't end")
		return nil
	}
}

func receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing came", what)
		panic("unreachable")
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(victimEnv) != "" {
		victim()
		return
	}
	os.Exit(m.Run())
}
