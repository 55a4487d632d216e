package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
	"github.com/barnabas-project/barnabas/pkg/worker"
)

// patience is how long anything may take on a machine that does other things too.
const patience = slowness * time.Minute

// site is where the engines and relays of a test run: a Kafka cluster with topics
// of this test alone, and a database.
type site struct {
	brokers  []string
	database string
	names    wire.Names
	topics   string // folder of the declarations
	kafka    *kgo.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOn(t, devtest.Kafka(t), devtest.Postgres(t))
}

func newSiteOn(t *testing.T, brokers []string, database string) *site {
	t.Helper()
	s := &site{brokers: brokers, database: database, names: wire.Names{Prefix: devtest.TopicPrefix(t)}, topics: t.TempDir()}
	declaration := "prefix: " + s.names.Prefix + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.topics, "topics.yaml"), []byte(declaration), 0o600))
	var err error
	s.kafka, err = kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ProducerLinger(0), kgo.MetadataMinAge(100*time.Millisecond), kgo.UnknownTopicRetries(-1),
		kgo.RetryBackoffFn(soon),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitionOrKey)),
		kgo.ProducerBatchMaxBytes(2<<20),
	)
	require.NoError(t, err)
	t.Cleanup(s.kafka.Close)
	return s
}

// byKey leaves a record's partition to its key.
const byKey = wire.ByKey

func partitionOrKey(topic string) func(*kgo.Record, int) int {
	keys := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	return func(r *kgo.Record, partitions int) int {
		if r.Partition >= 0 {
			return int(r.Partition)
		}
		return keys.Partition(r, partitions)
	}
}

// runningEngine is an engine as a process of its own.
type runningEngine struct {
	*process
	client *client
}

var listensAt = regexp.MustCompile(`"listen":"http://([0-9.:]+)"`)

// startEngine starts an engine and waits until it owns homes; with others at work
// that is when it has got its share.
func (s *site) startEngine(t *testing.T, flags ...string) *runningEngine {
	t.Helper()
	e := s.launchEngine(t, flags...)
	e.homes(t, 1)
	return e
}

func (s *site) launchEngine(t *testing.T, flags ...string) *runningEngine {
	t.Helper()
	e := &runningEngine{process: startCommandLine(t, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--group", s.names.Prefix + "engines",
	}, append(s.flags(), flags...)...)...)}
	e.client = (&globals{Listen: e.address(t)}).client()
	return e
}

// flags are those that name the cluster, the database and the topics.
func (s *site) flags() []string {
	return []string{"--brokers", strings.Join(s.brokers, ","), "--database", s.database, "--topics-dir", s.topics}
}

// address waits until the process says where it listens.
func (p *process) address(t *testing.T) string {
	t.Helper()
	p.says(t, `"listen":"http://`)
	return listensAt.FindStringSubmatch(p.output.String())[1]
}

// homes waits until the engine is ready and owns at least so many homes.
func (e *runningEngine) homes(t *testing.T, least int) []int32 {
	t.Helper()
	var ready struct{ Homes []int32 }
	eventually(t, "engine owns homes", func() bool {
		return e.client.call(t.Context(), "GET", "/readyz", nil, &ready) == nil && len(ready.Homes) >= least
	})
	return ready.Homes
}

func (e *runningEngine) deploy(t *testing.T, model string) {
	t.Helper()
	_, err := deploy(t.Context(), e.client, filepath.Join("testdata", model))
	require.NoError(t, err)
}

func relayPath() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("barnabas-test-relay-%d", os.Getpid()))
}

// buildRelay builds cmd/relay once for all tests.
var buildRelay = sync.OnceValue(func() error {
	if out, err := exec.Command("go", "build", "-o", relayPath(), "../relay").CombinedOutput(); err != nil {
		return fmt.Errorf("build cmd/relay: %w: %s", err, out)
	}
	return nil
})

// startRelay starts a relay as a process of its own.
func (s *site) startRelay(t *testing.T) *process {
	t.Helper()
	require.NoError(t, buildRelay())
	return startProcess(t, exec.Command(relayPath(), "--brokers", strings.Join(s.brokers, ","), "--database", s.database, "--listen", "127.0.0.1:0"))
}

// metric reads a counter or gauge; labels as Prometheus writes them. 0: not there.
func metric(t *testing.T, address, name string) float64 {
	t.Helper()
	for line := range strings.Lines(getText(t, address, "/metrics")) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+" "); found {
			n, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err, line)
			return n
		}
	}
	return 0
}

func getText(t *testing.T, address, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

// startWorker answers all tasks of the types until the test ends.
func (s *site) startWorker(t *testing.T, h worker.Handler, types ...string) {
	t.Helper()
	config := workerConfig(s.brokers, s.names, h, types...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx, config) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}

func workerConfig(brokers []string, names wire.Names, h worker.Handler, types ...string) worker.Config {
	config := worker.Config{Brokers: brokers, Names: names, Group: names.Prefix + "<type>", Tasks: make(map[string]worker.Handler)}
	for _, taskType := range types {
		config.Tasks[taskType] = h
	}
	return config
}

func done(context.Context, worker.Task) (any, error) { return nil, nil }

// publish sends messages, one per key, with an id each.
func (s *site) publish(t *testing.T, name string, keys ...string) {
	t.Helper()
	records := make([]*kgo.Record, len(keys))
	for i, key := range keys {
		records[i] = s.message(name, key)
	}
	require.NoError(t, s.kafka.ProduceSync(t.Context(), records...).FirstErr())
}

func (s *site) message(name, key string) *kgo.Record {
	return &kgo.Record{Topic: s.names.Messages(), Partition: byKey, Key: []byte(key), Value: []byte(`{"key":"` + key + `"}`), Headers: []kgo.RecordHeader{
		{Key: wire.HeaderMessageName, Value: []byte(name)}, {Key: wire.HeaderMessageID, Value: []byte("id-" + key)},
	}}
}

// answer sends the result of a task; more are headers, names and values in turn.
func (s *site) answer(t *testing.T, task wire.CorrelationID, more ...string) {
	t.Helper()
	require.NoError(t, s.kafka.ProduceSync(t.Context(), &kgo.Record{
		Topic: s.names.Results(), Partition: task.Home, Headers: headers(append([]string{"correlationId", task.String()}, more...)...),
	}).FirstErr())
}

func keys(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("order-%04d", i))
	}
	return all
}

// flow publishes messages at a steady rate until stopped.
type flow struct {
	stop func() []string // ends it and gives the keys of all it has sent
}

func (s *site) startFlow(t *testing.T, name string, every time.Duration) *flow {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan []string, 1)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		var all []string
		for ; ctx.Err() == nil; <-tick.C {
			key := fmt.Sprintf("order-%04d", len(all))
			s.kafka.Produce(context.Background(), s.message(name, key), nil) // Flush waits for it
			all = append(all, key)
		}
		sent <- all
	}()
	t.Cleanup(cancel)
	return &flow{stop: func() []string {
		cancel()
		all := <-sent
		require.NoError(t, s.kafka.Flush(context.Background()))
		return all
	}}
}

// records is how many records the topics hold.
func (s *site) records(t *testing.T, topics ...string) (n int64) {
	t.Helper()
	ends, err := kadm.NewClient(s.kafka).ListEndOffsets(t.Context(), topics...)
	require.NoError(t, err)
	require.NoError(t, ends.Error())
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// consistent checks the database with the command, and gives what it counted.
func (s *site) consistent(t *testing.T) (report fsckReport) {
	t.Helper()
	answer := commandLine(t, "fsck", "--database", s.database, "--json")
	require.Zero(t, answer.code, answer)
	require.NoError(t, json.Unmarshal([]byte(answer.out), &report), answer)
	return report
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			require.FailNow(t, "never: "+what)
		}
	}
}
