package kafka

import (
	"context"
	"errors"
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
	c.create(c.results, 4)
	c.create(c.messages, 8)
	c.create(c.control, 4)
	return c
}

func (c *cluster) create(topic string, partitions int32) {
	_, err := c.admin.CreateTopic(c.t.Context(), partitions, 1, nil, topic)
	require.NoError(c.t, err)
	c.grows(topic, int(partitions))
}

// grows waits until the broker knows of a topic's partitions: the controller
// answers a little earlier.
func (c *cluster) grows(topic string, partitions int) {
	require.Eventually(c.t, func() bool { return c.partitions(topic) == partitions }, waitLong, waitTick, topic)
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
	if owner := l.owners[home]; owner != "" {
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
	if e.ledger.owners[home] != e.name {
		e.note("releases home %d of %q", home, e.ledger.owners[home])
	}
	delete(e.ledger.owners, home)
	e.ledger.mu.Unlock()
	if e.releasing != nil {
		e.releasing(home)
	}
}

func (e *engine) Take(home int32, records []wire.Record) {
	l := e.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owners[home] != e.name {
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

func TestHomesBringTheirPartitionsFromTheClaimedPositions(t *testing.T) {
	c, l := newCluster(t), newLedger()
	for p := range int32(8) {
		c.produce(c.messages, p, 3)
	}
	c.produce(c.results, 2, 5)
	c.produce(c.control, 3, 1)
	l.positions[TopicPartition{Topic: c.messages, Partition: 6}] = 2
	l.positions[TopicPartition{Topic: c.results, Partition: 2}] = 4
	var mu sync.Mutex
	var seen []wire.Record
	c.start(&engine{name: "a", ledger: l, onTake: func(_ int32, records []wire.Record) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, records...)
	}})
	l.until(t, "everything from the positions on is taken", func() bool { return len(l.taken) == 8*3-2+1+1 })
	c.produce(c.messages, 6, 1)
	l.until(t, "and what comes later", func() bool { return l.taken[c.messages+"/6/3"] == 1 })

	mu.Lock()
	defer mu.Unlock()
	i := slices.IndexFunc(seen, func(r wire.Record) bool { return r.Topic == c.results })
	require.Equal(t, int64(4), seen[i].Offset)
	require.Equal(t, "4", string(seen[i].Value))
	require.Equal(t, "k", string(seen[i].Key))
	require.Equal(t, []wire.Header{{Key: "correlationId", Value: []byte("c")}}, seen[i].Headers)
	require.WithinDuration(t, time.Now(), seen[i].Time, time.Minute)
}

func TestHomesMoveBetweenMembers(t *testing.T) {
	c, l := newCluster(t), newLedger()
	feed := func(n int) {
		for p := range int32(8) {
			c.produce(c.messages, p, n)
		}
		for p := range int32(4) {
			c.produce(c.results, p, n)
		}
	}
	total := 0
	all := func() bool { return len(l.taken) == total }

	feed(2)
	a := c.start(&engine{name: "a", ledger: l})
	total += 24
	l.until(t, "a owns all", func() bool { return all() && len(l.ownedBy("a")) == 4 })

	c.start(&engine{name: "b", ledger: l})
	l.until(t, "b owns half", func() bool { return len(l.ownedBy("a")) == 2 && len(l.ownedBy("b")) == 2 })
	feed(2)
	total += 24
	l.until(t, "nothing is lost or taken twice", all)

	a.stop()
	feed(2)
	total += 24
	l.until(t, "b owns all", func() bool { return all() && len(l.ownedBy("b")) == 4 && len(l.ownedBy("a")) == 0 })
	for key, times := range l.taken {
		require.Equal(t, 1, times, key)
	}
}

func TestNothingIsTakenOnceReleaseBegan(t *testing.T) {
	c, l := newCluster(t), newLedger()
	released, goOn := make(chan int32, 4), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(goOn) })
	defer letGo()
	c.start(&engine{name: "a", ledger: l, releasing: func(home int32) {
		released <- home
		<-goOn
	}})
	l.until(t, "a owns all", func() bool { return len(l.ownedBy("a")) == 4 })
	c.start(&engine{name: "b", ledger: l})
	<-released
	<-released
	for p := range int32(8) {
		c.produce(c.messages, p, 5)
	}
	l.until(t, "a takes what is still its own", func() bool { return len(l.ownedBy("a")) == 2 && len(l.taken) == 20 })
	letGo()
	l.until(t, "b takes the rest", func() bool { return len(l.ownedBy("b")) == 2 && len(l.taken) == 40 })
}

func TestRecordsFlowWhileHomesMove(t *testing.T) {
	c, l := newCluster(t), newLedger()
	a := c.start(&engine{name: "a", ledger: l})
	produced := make(chan struct{})
	go func() {
		defer close(produced)
		for i := range 400 {
			c.produce(c.messages, int32(i%8), 1)
		}
	}()
	b := c.start(&engine{name: "b", ledger: l})
	l.until(t, "b joins", func() bool { return len(l.ownedBy("b")) > 0 })
	a.stop()
	c.start(&engine{name: "c", ledger: l})
	l.until(t, "c joins", func() bool { return len(l.ownedBy("c")) > 0 })
	b.stop()
	<-produced
	l.until(t, "each record is taken once, in order", func() bool { return len(l.taken) == 400 })
}

func TestPausedPartitionIsNotTaken(t *testing.T) {
	c, l := newCluster(t), newLedger()
	e := &engine{name: "a", ledger: l}
	e.onTake = func(home int32, records []wire.Record) {
		if home == 1 && records[0].Topic == c.messages {
			e.homes.Pause(1, c.messages)
		}
	}
	c.start(e)
	l.until(t, "all owned", func() bool { return len(l.ownedBy("a")) == 4 })
	c.produce(c.messages, 1, 1)
	l.until(t, "the record that leads to the pause", func() bool { return len(l.taken) == 1 })
	c.produce(c.messages, 1, 2)
	c.produce(c.messages, 5, 2)
	c.produce(c.results, 1, 1)
	c.produce(c.messages, 2, 1)
	l.until(t, "other topics and homes go on", func() bool { return len(l.taken) == 3 })
	e.homes.Resume(1, c.messages)
	l.until(t, "what waited", func() bool { return len(l.taken) >= 5 })
	e.homes.Resume(1, c.messages)
	l.until(t, "all of it", func() bool { e.homes.Resume(1, c.messages); return len(l.taken) == 7 })
}

func TestClaimIsTriedAgainWhileOtherHomesWork(t *testing.T) {
	c, l := newCluster(t), newLedger()
	var mu sync.Mutex
	away, tries := true, 0
	e := &engine{name: "a", ledger: l, fail: func(home int32) error {
		mu.Lock()
		defer mu.Unlock()
		if home == 2 && away {
			tries++
			return errors.New("database away")
		}
		return nil
	}}
	c.start(e)
	c.produce(c.results, 1, 1)
	c.produce(c.results, 2, 1)
	l.until(t, "home 1 works", func() bool { mu.Lock(); defer mu.Unlock(); return len(l.taken) == 1 && tries > 2 })
	mu.Lock()
	away = false
	mu.Unlock()
	l.until(t, "home 2 follows", func() bool { return len(l.taken) == 2 })
}

func TestRecordsThatAreGoneAreReported(t *testing.T) {
	c, l := newCluster(t), newLedger()
	c.produce(c.messages, 3, 5)
	_, err := c.admin.DeleteRecords(t.Context(), kadm.Offsets{c.messages: {3: {Topic: c.messages, Partition: 3, At: 4}}})
	require.NoError(t, err)
	at := TopicPartition{Topic: c.messages, Partition: 3}
	l.positions[at] = 2
	e := &engine{name: "a", ledger: l}
	c.start(e, func(config *HomesConfig) {
		config.OnReset = func(r Reset) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.positions[at] = r.Start
			e.resets <- r
		}
	})
	r := <-e.resets
	require.Equal(t, [2]int64{2, 4}, [2]int64{r.Wanted, r.Start})
	require.Equal(t, c.messages, r.Topic)
	c.produce(c.messages, 3, 1)
	l.until(t, "what is left is taken", func() bool { return l.taken[c.messages+"/3/4"] == 1 && l.taken[c.messages+"/3/5"] == 1 })
}

func TestNewPartitionsAreClaimed(t *testing.T) {
	c, l := newCluster(t), newLedger()
	c.start(&engine{name: "a", ledger: l}, func(config *HomesConfig) { config.Refresh = 20 * time.Millisecond })
	l.until(t, "all owned", func() bool { return len(l.ownedBy("a")) == 4 })
	_, err := c.admin.CreatePartitions(t.Context(), 2, c.messages)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		c.client.ForceMetadataRefresh()
		return c.client.ProduceSync(t.Context(), &kgo.Record{Topic: c.messages, Partition: 9}).FirstErr() == nil
	}, 10*time.Second, 50*time.Millisecond)
	l.until(t, "a record of the new partition", func() bool { return len(l.taken) >= 1 && l.taken[c.messages+"/9/0"] == 1 })
}

func TestHintsAreCommitted(t *testing.T) {
	c, l := newCluster(t), newLedger()
	l.positions[TopicPartition{Topic: c.results, Partition: 1}] = 3
	c.produce(c.results, 1, 5)
	c.produce(c.messages, 7, 5)
	e := c.start(&engine{name: "a", ledger: l})
	l.until(t, "taken", func() bool { return len(l.taken) == 7 })
	e.homes.CommitHint(map[TopicPartition]int64{{Topic: c.messages, Partition: 7}: 5, {Topic: c.messages, Partition: 6}: 0})
	require.Eventually(t, func() bool {
		offsets, err := c.admin.FetchOffsets(t.Context(), c.prefix+"group")
		require.NoError(t, err)
		results, _ := offsets.Lookup(c.results, 1)
		messages, _ := offsets.Lookup(c.messages, 7)
		return results.At == 3 && messages.At == 5
	}, 10*time.Second, 20*time.Millisecond, "the claimed position and the hint")
}

func TestTopicsAreWaitedFor(t *testing.T) {
	c, l := newCluster(t), newLedger()
	c.start(&engine{name: "a", ledger: l}, func(config *HomesConfig) { config.Others = append(config.Others, c.prefix+"orders") })
	c.create(c.prefix+"orders", 2)
	c.produce(c.prefix+"orders", 1, 1)
	l.until(t, "a record of the late topic", func() bool { return len(l.taken) == 1 })
}

func TestHomesRefusesWhatCantWork(t *testing.T) {
	c := newCluster(t)
	_, err := NewHomes(HomesConfig{Config: Config{Brokers: c.brokers}}, nil)
	require.ErrorContains(t, err, "result topic is missing")
	_, err = NewHomes(HomesConfig{Results: "r"}, nil)
	require.ErrorContains(t, err, "at least one host:port")

	c.create(c.prefix+"narrow", 3)
	h, err := NewHomes(HomesConfig{Config: Config{Brokers: c.brokers}, Results: c.results, Others: []string{c.prefix + "narrow"}, Control: c.prefix + "narrow"}, nil)
	require.NoError(t, err)
	require.ErrorContains(t, h.Run(t.Context()), "3 partitions, fewer than the 4 of "+c.results)
}
