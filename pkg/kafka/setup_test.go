package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// cluster is a Kafka with the input topics: 4 homes, 8 message partitions.
type cluster struct {
	t                          *testing.T
	brokers                    []string
	admin                      *kadm.Client
	client                     *kgo.Client
	results, messages, control string
	prefix                     string
}

func newCluster(t *testing.T) *cluster {
	t.Parallel()
	c := &cluster{t: t, brokers: devtest.Kafka(t), prefix: devtest.TopicPrefix(t)}
	var err error
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(c.client.Close)
	c.admin = kadm.NewClient(c.client)
	c.results, c.messages, c.control = c.prefix+"results", c.prefix+"messages", c.prefix+"control"
	devtest.CreateTopic(t, c.client, c.results, 4)
	devtest.CreateTopic(t, c.client, c.messages, 8)
	devtest.CreateTopic(t, c.client, c.control, 4)
	return c
}

// produce appends n records to a partition.
func (c *cluster) produce(topic string, partition int32, n int) {
	for i := range n {
		r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k"), Value: fmt.Append(nil, i),
			Headers: []kgo.RecordHeader{{Key: "correlationId", Value: []byte("c")}}}
		require.NoError(c.t, c.client.ProduceSync(c.t.Context(), r).FirstErr())
	}
}

// ledger is the database that several owners share: positions and who owns what.
type ledger struct {
	mu        sync.Mutex
	owners    map[int32]string
	positions map[TopicPartition]int64 // zero TopicID: any
	violation []string
	taken     map[string]int // by topic/partition/offset
	epochs    bool           // a claim takes from whoever owns, who notices later
}

func newLedger() *ledger {
	return &ledger{owners: map[int32]string{}, positions: map[TopicPartition]int64{}, taken: map[string]int{}}
}

// engine is an Owner that checks what it is promised.
type engine struct {
	name   string
	ledger *ledger
	homes  *Homes
	fail   func(home int32) error // of Claim
	onTake func(home int32, records []wire.Record)
	// releasing, when not nil, is called after the home was given up, before Release returns.
	releasing func(home int32)
	stop      func()
	resets    chan Reset
}

func (e *engine) note(format string, args ...any) {
	e.ledger.violation = append(e.ledger.violation, e.name+": "+fmt.Sprintf(format, args...))
}

func (e *engine) Claim(_ context.Context, home, homes int32, partitions []TopicPartition) (map[TopicPartition]int64, error) {
	if e.fail != nil {
		if err := e.fail(home); err != nil {
			return nil, err
		}
	}
	l := e.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner := l.owners[home]; owner != "" && !l.epochs {
		e.note("claims home %d of %s", home, owner)
	}
	l.owners[home] = e.name
	at := make(map[TopicPartition]int64)
	for _, p := range partitions {
		if p.Partition%homes != home || p.TopicID == [16]byte{} {
			e.note("claims %v with home %d of %d", p, home, homes)
		}
		at[p] = l.positions[TopicPartition{Topic: p.Topic, Partition: p.Partition}]
	}
	return at, nil
}

func (e *engine) Release(home int32) {
	e.ledger.mu.Lock()
	switch owner := e.ledger.owners[home]; {
	case owner == e.name:
		delete(e.ledger.owners, home)
	case !e.ledger.epochs:
		e.note("releases home %d of %q", home, owner)
	}
	e.ledger.mu.Unlock()
	if e.releasing != nil {
		e.releasing(home)
	}
}

func (e *engine) Owns(home int32) bool { return e.ledger.owns(e.name, home) }

func (l *ledger) owns(name string, home int32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owners[home] == name
}

func (e *engine) Take(home int32, records []wire.Record) {
	l := e.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owners[home] != e.name {
		if l.epochs {
			return // rolls back
		}
		e.note("takes for home %d of %q", home, l.owners[home])
	}
	for _, r := range records {
		p := TopicPartition{Topic: r.Topic, Partition: r.Partition}
		if next := l.positions[p]; r.Offset != next {
			e.note("takes %s/%d at %d instead of %d", r.Topic, r.Partition, r.Offset, next)
		}
		l.positions[p] = r.Offset + 1
		l.taken[fmt.Sprint(r.Topic, "/", r.Partition, "/", r.Offset)]++
	}
	if e.onTake != nil {
		e.onTake(home, records)
	}
}

// start runs an engine until the test ends or e.stop is called.
func (c *cluster) start(e *engine, adjust ...func(*HomesConfig)) *engine {
	e.resets = make(chan Reset, 10)
	config := HomesConfig{
		Config: Config{Brokers: c.brokers, Logger: zaptest.NewLogger(c.t, zaptest.Level(zap.WarnLevel))},
		Group:  c.prefix + "group", Results: c.results, Others: []string{c.messages, c.control}, Control: c.control,
		SessionTimeout: 6 * time.Second, OnReset: func(r Reset) { e.resets <- r },
	}
	for _, f := range adjust {
		f(&config)
	}
	var err error
	e.homes, err = NewHomes(config, e)
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.homes.Run(ctx) }()
	e.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(c.t, <-ended)
	})
	c.t.Cleanup(e.stop)
	return e
}

const (
	waitLong = 20 * time.Second
	waitTick = 5 * time.Millisecond
)

// until polls a condition on the ledger.
func (l *ledger) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return holds()
	}, waitLong, waitTick, what)
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Empty(t, l.violation)
}

func (l *ledger) ownedBy(name string) (homes []int32) {
	for home, owner := range l.owners {
		if owner == name {
			homes = append(homes, home)
		}
	}
	slices.Sort(homes)
	return homes
}
