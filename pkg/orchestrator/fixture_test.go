package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// fixture is an orchestrator on a real database. The test plays Kafka: it hands
// in records and looks at what the outbox offers to the relay.
type fixture struct {
	t     testing.TB
	url   string
	store *store.Store
	*Orchestrator
	relay *recorder
	reg   *prometheus.Registry
	homes int32

	mu      sync.Mutex
	offsets map[topicPartition]int64
}

// recorder takes what is offered to the relay, and gives it out as records.
type recorder struct {
	mu      sync.Mutex
	records []wire.Record
	changed chan struct{}
}

func (r *recorder) Offer(_ int32, _ int64, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := wire.Unpack(data, func(rec wire.Record) error {
		r.records = append(r.records, rec)
		return nil
	})
	if err != nil {
		panic(err)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) Wait(context.Context, int32) error { return nil }

func (r *recorder) all() ([]wire.Record, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]wire.Record(nil), r.records...), r.changed
}

type noConsumer struct{}

func (noConsumer) Pause(int32, string)  {}
func (noConsumer) Resume(int32, string) {}

func (noConsumer) CommitHint(map[kafka.TopicPartition]int64) {}

// newFixture starts an engine that owns all of the homes.
func newFixture(t testing.TB, homes int32, change ...func(*Config)) *fixture {
	t.Helper()
	url := devtest.Postgres(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	f := &fixture{t: t, url: url, homes: homes, offsets: make(map[topicPartition]int64)}
	f.engineNamed("engine-a", change...)
	for h := range homes {
		f.claim(h)
	}
	return f
}

// engineNamed makes a further engine on the same database the one in use.
func (f *fixture) engineNamed(id string, change ...func(*Config)) {
	t := f.t
	s, err := store.Open(t.Context(), store.Config{URL: f.url, MaxConns: 8})
	require.NoError(t, err)
	f.store, f.relay, f.reg = s, &recorder{changed: make(chan struct{})}, prometheus.NewRegistry()
	cfg := Config{ID: id, Store: s, Relay: f.relay, Logger: zaptest.NewLogger(t, zaptest.Level(zapLevel)), Metrics: f.reg, ReleaseWithin: time.Second}
	for _, c := range change {
		c(&cfg)
	}
	f.Orchestrator, err = New(t.Context(), cfg)
	require.NoError(t, err)
	f.UseConsumer(noConsumer{})
	o := f.Orchestrator
	t.Cleanup(func() { o.releaseAll(); s.Close() })
}

func (f *fixture) claim(h int32) {
	f.t.Helper()
	_, err := f.Claim(f.t.Context(), h, f.homes, f.partitions(h))
	require.NoError(f.t, err)
}

func (f *fixture) partitions(h int32) []kafka.TopicPartition {
	return []kafka.TopicPartition{
		{Topic: f.topics.results, Partition: h}, {Topic: f.topics.control, Partition: h}, {Topic: f.topics.messages, Partition: h},
	}
}

// deploy deploys a model and requires that it is right.
func (f *fixture) deploy(xml string) {
	f.t.Helper()
	_, err := f.Deploy(f.t.Context(), "test.bpmn", []byte(xml))
	require.NoError(f.t, err)
}

// produce hands in records of one topic partition, as a consumer would.
func (f *fixture) produce(home int32, recs ...wire.Record) {
	f.mu.Lock()
	for i := range recs {
		tp := topicPartition{recs[i].Topic, home}
		recs[i].Partition, recs[i].Offset, recs[i].Time = home, f.offsets[tp], time.Now()
		f.offsets[tp]++
	}
	f.mu.Unlock()
	f.Take(home, recs)
}

type headers map[string]string

func record(topic, key, value string, h headers) wire.Record {
	r := wire.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	for k, v := range h {
		r.Headers = append(r.Headers, wire.Header{Key: k, Value: []byte(v)})
	}
	return r
}

func (f *fixture) message(name, key, id, value string) wire.Record {
	h := headers{wire.HeaderMessageName: name}
	if id != "" {
		h[wire.HeaderMessageID] = id
	}
	return record(f.topics.messages, key, value, h)
}

// reply is the result a worker sends for a command.
func (f *fixture) reply(cmd wire.Record, value string, h headers) wire.Record {
	all := headers{wire.HeaderCorrelationID: header(cmd, wire.HeaderCorrelationID), wire.HeaderAttempt: header(cmd, wire.HeaderAttempt)}
	for k, v := range h {
		all[k] = v
	}
	return record(header(cmd, wire.HeaderReplyTo), string(cmd.Key), value, all)
}

func header(r wire.Record, name string) string {
	v, _ := r.Header(name)
	return string(v)
}

func homeOfCommand(cmd wire.Record) int32 {
	n, _ := strconv.Atoi(header(cmd, wire.HeaderReplyPartition))
	return int32(n)
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// await waits until at least n records satisfy which, and returns them.
func (f *fixture) await(n int, what string, which func(wire.Record) bool) []wire.Record {
	f.t.Helper()
	deadline := time.After(patience)
	for {
		all, changed := f.relay.all()
		var found []wire.Record
		for _, r := range all {
			if which(r) {
				found = append(found, r)
			}
		}
		if len(found) >= n {
			return found
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(f.t, "waited in vain", "for %d of %s; there are %d; all records: %s", n, what, len(found), summary(all))
		}
	}
}

func summary(records []wire.Record) string {
	var s string
	for _, r := range records {
		s += fmt.Sprintf("\n  %s %s %.200s", r.Topic, r.Key, r.Value)
	}
	return s
}

// commands waits for n task commands of a type.
func (f *fixture) commands(n int, taskType string) []wire.Record {
	f.t.Helper()
	return f.await(n, "task commands "+taskType, func(r wire.Record) bool { return r.Topic == "barnabas.task."+taskType })
}

func (f *fixture) deadLetters(n int) []wire.Record {
	f.t.Helper()
	return f.await(n, "dead letters", func(r wire.Record) bool { return len(r.Topic) > 4 && r.Topic[len(r.Topic)-4:] == ".dlq" })
}

// status is what a status record says.
type status struct {
	InstanceID string            `json:"instanceId"`
	ProcessID  string            `json:"processId"`
	Sequence   uint64            `json:"sequence"`
	State      string            `json:"state"`
	Incidents  int               `json:"incidents"`
	Events     []json.RawMessage `json:"events"`
	At         []struct {
		Element string `json:"element"`
	} `json:"at"`
}

func parseStatus(t testing.TB, r wire.Record) status {
	t.Helper()
	var s status
	require.NoError(t, json.Unmarshal(r.Value, &s), string(r.Value))
	return s
}

// statuses waits for n status records in a state ("" any).
func (f *fixture) statuses(n int, state string) []status {
	f.t.Helper()
	found := f.await(n, "status records "+state, func(r wire.Record) bool {
		return r.Topic == f.topics.status && (state == "" || parseStatus(f.t, r).State == state)
	})
	list := make([]status, len(found))
	for i, r := range found {
		list[i] = parseStatus(f.t, r)
	}
	return list
}

// ends waits until the records handed in so far are committed and gives how they ended.
func (f *fixture) ends(records int) map[string]int {
	f.t.Helper()
	var ends map[string]int
	f.until("records committed, and counted by their ends too", func() bool {
		var consumed, ended int
		consumed, ends = f.counted()
		for _, n := range ends {
			ended += n
		}
		return consumed >= records && ended >= records
	})
	return ends
}

func (f *fixture) counted() (consumed int, ends map[string]int) {
	families, err := f.reg.Gather()
	require.NoError(f.t, err)
	ends = make(map[string]int)
	for _, fam := range families {
		for _, m := range fam.Metric {
			switch fam.GetName() {
			case "barnabas_consumed_records_total":
				consumed = int(m.Counter.GetValue())
			case "barnabas_input_records_total":
				if n := int(m.Counter.GetValue()); n > 0 {
					ends[m.Label[0].GetValue()] = n
				}
			}
		}
	}
	return consumed, ends
}

// until polls for a condition that nothing signals.
func (f *fixture) until(what string, cond func() bool) {
	f.t.Helper()
	require.Eventually(f.t, cond, patience, 5*time.Millisecond, what)
}

// count runs a query that gives one number.
func (f *fixture) count(query string, args ...any) (n int) {
	f.t.Helper()
	require.NoError(f.t, f.store.Pool.QueryRow(f.t.Context(), query, args...).Scan(&n))
	return n
}

// orderID reads the order id out of a task command.
func orderID(t testing.TB, cmd wire.Record) string {
	t.Helper()
	var in struct {
		OrderID string `json:"orderId"`
	}
	require.NoError(t, json.Unmarshal(cmd.Value, &in))
	return in.OrderID
}
