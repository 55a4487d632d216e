package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

const deadline = 30 * time.Second

// world is a database and a Kafka cluster with one topic.
type world struct {
	t       testing.TB
	url     string
	store   *store.Store
	cluster *kfake.Cluster
	topic   string
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, url: devtest.Postgres(t), topic: "commands"}
	require.NoError(t, store.Migrate(t.Context(), w.url))
	w.store = w.openStore()
	w.cluster = devtest.KafkaCluster(t, kfake.SeedTopics(4, w.topic, w.topic+".dlq"))
	w.forbidGoingBack()
	return w
}

func (w *world) openStore() *store.Store {
	s, err := store.Open(w.t.Context(), store.Config{URL: w.url, MaxConns: 8})
	require.NoError(w.t, err)
	w.t.Cleanup(s.Close)
	return s
}

// forbidGoingBack makes the database note every time published_seq decreases; no test may end with such a note.
func (w *world) forbidGoingBack() {
	w.exec(`CREATE TABLE went_back (home int, was bigint, is_now bigint)`)
	w.exec(`CREATE FUNCTION note_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.published_seq < OLD.published_seq THEN INSERT INTO went_back VALUES (NEW.home, OLD.published_seq, NEW.published_seq); END IF;
    RETURN NEW;
END $$`)
	w.exec(`CREATE TRIGGER relay_shard_monotonic BEFORE UPDATE ON relay_shard FOR EACH ROW EXECUTE FUNCTION note_going_back()`)
	w.t.Cleanup(func() {
		var n int
		require.NoError(w.t, w.store.Pool.QueryRow(context.Background(), `SELECT count(*) FROM went_back`).Scan(&n))
		require.Zero(w.t, n, "published_seq went back")
	})
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.store.Pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

func (w *world) number(sql string, args ...any) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.store.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

func (w *world) publishedSeq(home int32) int64 {
	w.t.Helper()
	return w.number(`SELECT coalesce((SELECT published_seq FROM relay_shard WHERE home = $1), 0)`, home)
}

// eventually polls until the condition holds.
func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	until := time.NewTimer(deadline)
	defer until.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-until.C:
			require.FailNow(w.t, "never: "+what)
		}
	}
}

// running is a relay at work.
type running struct {
	*relay.Relay
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	ended   chan struct{}
}

// start runs a relay until the test ends or stop. Unset parts of the config get values that suit tests.
func (w *world) start(holder string, cfg relay.Config) *running {
	w.t.Helper()
	r := &running{metrics: prometheus.NewRegistry(), ended: make(chan struct{})}
	cfg.Holder, cfg.Metrics = holder, r.metrics
	cfg.Logger = zaptest.NewLogger(w.t, zaptest.Level(zap.WarnLevel)).Named(holder)
	if cfg.Store == nil {
		cfg.Store = w.store
	}
	if cfg.Producer == nil {
		cfg.Producer = w.producer()
	}
	if cfg.LeaseTTL == 0 {
		cfg.LeaseTTL = 4 * time.Second // a busy machine must not look like a dead relay
	}
	cfg.SaveEvery, cfg.WatchEvery = 10*time.Millisecond, 50*time.Millisecond
	cfg.RetryMin, cfg.RetryMax = time.Millisecond, 50*time.Millisecond
	r.Relay = relay.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.ended)
		if err := r.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(r.stop)
	return r
}

func (r *running) stop() {
	r.cancel()
	<-r.ended
}

// value is the value of a metric, summed over its labels.
func (r *running) value(w *world, name string) float64 {
	w.t.Helper()
	families, err := r.metrics.Gather()
	require.NoError(w.t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() == "barnabas_relay_"+name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (w *world) admin() *kadm.Client {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...))
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func homes(homes ...int32) func() []int32 { return func() []int32 { return homes } }

func (w *world) producer() *kafka.Producer {
	w.t.Helper()
	p, err := kafka.NewProducer(kafka.Config{Brokers: w.cluster.ListenAddrs()})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // records are left when a test takes Kafka away
	})
	return p
}

// writer commits batches of one home, as its owner does. Records are named home/key/number, the numbers of a key counting from 1.
type writer struct {
	w         *world
	fence     store.Fence
	batch     *store.Batch
	committer store.Committer
	keys      map[int]int
}

func (w *world) writer(home int32) *writer {
	w.t.Helper()
	claimed, err := w.store.Claim(w.t.Context(), home, "writer", nil)
	require.NoError(w.t, err)
	committer := w.store.Committer()
	w.t.Cleanup(committer.Close)
	return &writer{w: w, fence: claimed.Fence, batch: store.NewBatch(), committer: committer, keys: make(map[int]int)}
}

// key is a record key of the home.
func (p *writer) key(key int) string { return fmt.Sprintf("%d/%d", p.fence.Home, key) }

func (p *writer) next(key int) int {
	p.keys[key]++
	return p.keys[key]
}

// pack makes a row with the next record of each key.
func (p *writer) pack(keys ...int) []byte {
	var pack wire.Pack
	for _, key := range keys {
		name := fmt.Sprintf("%s/%d", p.key(key), p.next(key))
		pack.Add(wire.Record{Topic: p.w.topic, Partition: wire.ByKey, Key: []byte(p.key(key)), Value: []byte(name)})
	}
	return pack.Bytes()
}

// commit writes a row and returns what Offer wants to know.
func (p *writer) commit(data []byte) (seq int64, _ []byte) {
	p.w.t.Helper()
	p.batch.Reset()
	p.batch.SetOutbox(data)
	require.NoError(p.w.t, p.committer.Commit(p.w.t.Context(), &p.fence, p.batch))
	return p.fence.OutboxSeq, data
}

// write commits n rows of three records and offers them, if there is a relay to offer them to.
func (p *writer) write(n int, r *running) {
	for i := range n {
		seq, data := p.commit(p.pack(i%7, i%5, i%7))
		if r != nil {
			r.Offer(p.fence.Home, seq, data)
		}
	}
}

// records lists all values of a topic, partition by partition, in order.
func (w *world) records(topic string) []*kgo.Record {
	w.t.Helper()
	ends := w.ends(topic)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(w.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), deadline)
	defer cancel()
	var all []*kgo.Record
	for int64(len(all)) < ends {
		fetches := client.PollFetches(ctx)
		require.NoError(w.t, fetches.Err0())
		all = append(all, fetches.Records()...)
	}
	slices.SortStableFunc(all, func(a, b *kgo.Record) int {
		return int((int64(a.Partition)<<40 + a.Offset) - (int64(b.Partition)<<40 + b.Offset))
	})
	return all
}

// ends is how many records a topic has.
func (w *world) ends(topic string) (n int64) {
	w.t.Helper()
	offsets, err := w.admin().ListEndOffsets(w.t.Context(), topic)
	require.NoError(w.t, err)
	offsets.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// requirePublished checks that every record of the writers is there and that those of a key appear first in their order. It returns how
// many records are there more than once.
func (w *world) requirePublished(writers ...*writer) (duplicates int) {
	w.t.Helper()
	last := make(map[string]int)
	for _, r := range w.records(w.topic) {
		key, number := string(r.Key), numberOf(w.t, string(r.Value))
		switch {
		case number <= last[key]:
			duplicates++
		case number == last[key]+1:
			last[key] = number
		default:
			require.FailNow(w.t, "lost or out of order", "key %s: %d follows %d", key, number, last[key])
		}
	}
	for _, p := range writers {
		for key, n := range p.keys {
			require.Equal(w.t, n, last[p.key(key)], "home %d key %d", p.fence.Home, key)
		}
	}
	return duplicates
}

func numberOf(t testing.TB, name string) int {
	t.Helper()
	n, err := strconv.Atoi(name[strings.LastIndexByte(name, '/')+1:])
	require.NoError(t, err)
	return n
}

// waitPublished waits until all rows of the writers are acknowledged and stored as such.
func (w *world) waitPublished(writers ...*writer) {
	w.t.Helper()
	for _, p := range writers {
		w.eventually(fmt.Sprintf("home %d is published up to %d", p.fence.Home, p.fence.OutboxSeq),
			func() bool { return w.publishedSeq(p.fence.Home) == p.fence.OutboxSeq })
	}
}

// spy passes rows on to a producer and may answer itself instead.
type spy struct {
	relay.Producer
	mu     sync.Mutex
	before func(records []wire.Record) error // an error is the answer
}

func (s *spy) Produce(line *kafka.Line, records []wire.Record, done func(error)) {
	s.mu.Lock()
	err := s.before(records)
	s.mu.Unlock()
	if err != nil {
		go done(err)
		return
	}
	s.Producer.Produce(line, records, done)
}
