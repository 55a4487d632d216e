package kafka

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

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
	warnings, logged := observer.New(zap.WarnLevel)
	e := c.start(&engine{name: "a", ledger: l}, func(config *HomesConfig) { config.Logger = zap.New(warnings) })
	l.until(t, "taken", func() bool { return len(l.taken) == 7 })
	topics, err := readTopics(t.Context(), c.client, []string{c.messages})
	require.NoError(t, err)
	hint := func(offset int64) {
		at := TopicPartition{Topic: c.messages, TopicID: topics[c.messages].id, Partition: 7}
		nothing := at
		nothing.Partition = 6
		e.homes.CommitHint(map[TopicPartition]int64{at: offset, nothing: 0})
		require.Eventually(t, func() bool {
			offsets, err := c.admin.FetchOffsets(t.Context(), c.prefix+"group")
			require.NoError(t, err)
			results, _ := offsets.Lookup(c.results, 1)
			messages, _ := offsets.Lookup(c.messages, 7)
			return results.At == 3 && messages.At == offset
		}, 10*time.Second, 20*time.Millisecond, "the claimed position and the hint")
	}
	hint(4)
	c.start(&engine{name: "b", ledger: l})
	l.until(t, "shared", func() bool { return len(l.ownedBy("a")) > 0 && len(l.ownedBy("b")) > 0 })
	hint(5)
	require.Empty(t, logged.All(), "hints are no event")
}

func TestTopicsAreWaitedFor(t *testing.T) {
	c, l := newCluster(t), newLedger()
	c.start(&engine{name: "a", ledger: l}, func(config *HomesConfig) { config.Others = append(config.Others, c.prefix+"orders") })
	devtest.CreateTopic(t, c.client, c.prefix+"orders", 2)
	c.produce(c.prefix+"orders", 1, 1)
	l.until(t, "a record of the late topic", func() bool { return len(l.taken) == 1 })
}

func TestHomesRefusesWhatCantWork(t *testing.T) {
	c := newCluster(t)
	_, err := NewHomes(HomesConfig{Config: Config{Brokers: c.brokers}}, nil)
	require.ErrorContains(t, err, "result topic is missing")
	_, err = NewHomes(HomesConfig{Results: "r"}, nil)
	require.ErrorContains(t, err, "at least one host:port")

	devtest.CreateTopic(t, c.client, c.prefix+"narrow", 3)
	h, err := NewHomes(HomesConfig{Config: Config{Brokers: c.brokers}, Results: c.results, Others: []string{c.prefix + "narrow"}, Control: c.prefix + "narrow"}, nil)
	require.NoError(t, err)
	require.ErrorContains(t, h.Run(t.Context()), "3 partitions, fewer than the 4 of "+c.results)
}
