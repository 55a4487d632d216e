package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

func newProducer(t *testing.T, brokers []string) *Producer {
	p, err := NewProducer(Config{Brokers: brokers})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

// read gives the first n records of a topic, per partition in order.
func (c *cluster) read(topic string, n int) (records []*kgo.Record) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	require.NoError(c.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(c.t.Context(), waitLong)
	defer cancel()
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		require.NoError(c.t, fetches.Err())
		records = append(records, fetches.Records()...)
	}
	return records
}

func TestProducerHonoursPartitionsAndKeys(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c.brokers)
	headers := []wire.Header{{Key: "ce_id", Value: []byte("1")}, {Key: "none"}}
	require.NoError(t, p.ProduceSync(t.Context(),
		wire.Record{Topic: c.messages, Partition: 5, Key: []byte("k"), Value: []byte("explicit"), Headers: headers},
		wire.Record{Topic: c.messages, Partition: wire.ByKey, Key: []byte("order-4711"), Value: []byte("keyed")},
		wire.Record{Topic: c.messages, Partition: wire.ByKey, Value: nil},
	))
	by := map[string]*kgo.Record{}
	for _, r := range c.read(c.messages, 3) {
		by[string(r.Value)] = r
	}
	require.Equal(t, int32(5), by["explicit"].Partition)
	require.Equal(t, []kgo.RecordHeader{{Key: "ce_id", Value: []byte("1")}, {Key: "none"}}, by["explicit"].Headers)
	// What Kafka's Java client computes: Utils.toPositive(Utils.murmur2(key)) % 8.
	require.Equal(t, int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte("order-4711")}, 8)), by["keyed"].Partition)
	require.Nil(t, by[""].Value)
	require.Nil(t, by[""].Key)
}

func TestKeylessRecordsSpread(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c.brokers)
	seen := map[int32]bool{}
	for i := range 60 {
		require.NoError(t, p.ProduceSync(t.Context(), wire.Record{Topic: c.messages, Partition: wire.ByKey, Value: fmt.Append(nil, i)}))
	}
	for _, r := range c.read(c.messages, 60) {
		seen[r.Partition] = true
	}
	require.Greater(t, len(seen), 2)
}

func TestProducerKeepsOrderUnderLoad(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c.brokers)
	const batches, each = 200, 20
	var done sync.WaitGroup
	done.Add(batches)
	for b := range batches {
		records := make([]wire.Record, each)
		for i := range records {
			records[i] = wire.Record{Topic: c.messages, Partition: int32(i % 8), Value: fmt.Append(nil, b*each+i)}
		}
		p.Produce(nil, records, func(err error) { require.NoError(t, err); done.Done() })
	}
	done.Wait()
	last := map[int32]int{}
	for _, r := range c.read(c.messages, batches*each) {
		var n int
		_, err := fmt.Sscan(string(r.Value), &n)
		require.NoError(t, err)
		require.True(t, n > last[r.Partition] || last[r.Partition] == 0, "partition %d: %d after %d", r.Partition, n, last[r.Partition])
		last[r.Partition] = n
	}
}

func TestProducerSaysWhichRecordFailed(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c.brokers)
	fails := func(r wire.Record) *SendError {
		err := p.ProduceSync(t.Context(), wire.Record{Topic: c.messages, Value: []byte("fine")}, r)
		var failed *SendError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 1, failed.Index)
		require.Equal(t, r.Topic, failed.Topic)
		return failed
	}
	e := fails(wire.Record{Topic: c.messages, Value: []byte(strings.Repeat("x", maxBatchBytes))})
	require.True(t, e.Permanent)
	require.ErrorIs(t, e, kerr.MessageTooLarge)
	require.ErrorContains(t, e, "send record 1 to "+c.messages)

	require.False(t, fails(wire.Record{Topic: c.messages, Partition: 8}).Permanent, "the topic may get more partitions")
	require.False(t, fails(wire.Record{Topic: c.prefix + "unknown"}).Permanent, "the topic may be created")
	require.NoError(t, p.ProduceSync(t.Context(), wire.Record{Topic: c.messages}))
}

// What is given after a record that failed must not get to its partition before that
// is sent again.
func TestLineEndsWithItsFirstFailure(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c.brokers)
	line := new(Line)
	send := func(line *Line, value string) error {
		answer := make(chan error, 1)
		p.Produce(line, []wire.Record{{Topic: c.messages, Value: []byte(value)}}, func(err error) { answer <- err })
		return <-answer
	}
	require.NoError(t, send(line, "first"))
	require.ErrorIs(t, send(line, strings.Repeat("x", maxBatchBytes)), kerr.MessageTooLarge)
	err := send(line, "second")
	require.ErrorIs(t, err, ErrAfterFailure)
	require.False(t, err.(*SendError).Permanent) //nolint:errorlint // it is what Produce promises
	require.NoError(t, send(nil, "of nobody"))
	require.NoError(t, send(new(Line), "begun again"))
	var values []string
	for _, r := range c.read(c.messages, 3) {
		values = append(values, string(r.Value))
	}
	require.Equal(t, []string{"first", "of nobody", "begun again"}, values)
}

func TestProducerGathersUnderLoad(t *testing.T) {
	t.Parallel()
	fake := devtest.KafkaCluster(t, kfake.SeedTopics(1, "t"))
	var requests atomic.Int32
	fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		requests.Add(1)
		return nil, nil, false
	})
	p := newProducer(t, fake.ListenAddrs())
	require.NoError(t, p.ProduceSync(t.Context(), wire.Record{Topic: "t"}))
	require.Equal(t, int32(1), requests.Load())

	var done sync.WaitGroup
	const n = 400
	done.Add(n)
	for range n {
		p.Produce(nil, []wire.Record{{Topic: "t"}}, func(err error) { require.NoError(t, err); done.Done() })
	}
	done.Wait()
	require.Less(t, requests.Load(), int32(n/4))
}

func TestProducerClose(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c.brokers)
	var mu sync.Mutex
	acknowledged := 0
	for range 50 {
		p.Produce(nil, []wire.Record{{Topic: c.messages, Partition: wire.ByKey}}, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			require.NoError(t, err)
			acknowledged++
		})
	}
	require.NoError(t, p.Close(t.Context()))
	mu.Lock()
	require.Equal(t, 50, acknowledged, "closing waits for what is pending")
	mu.Unlock()
	require.ErrorIs(t, p.ProduceSync(t.Context(), wire.Record{Topic: c.messages}), ErrClosed)
	ends, err := kadm.NewClient(c.client).ListEndOffsets(t.Context(), c.messages)
	require.NoError(t, err)
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	require.Equal(t, int64(50), total)
}

func TestProducerCloseGivesUpInTime(t *testing.T) {
	t.Parallel()
	fake := devtest.KafkaCluster(t, kfake.SeedTopics(1, "t"))
	brokers := fake.ListenAddrs()
	p := newProducer(t, brokers)
	require.NoError(t, p.ProduceSync(t.Context(), wire.Record{Topic: "t"}))
	fake.Close()
	failed := make(chan error, 1)
	p.Produce(nil, []wire.Record{{Topic: "t"}}, func(err error) { failed <- err })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Close(ctx), context.DeadlineExceeded)
	require.ErrorIs(t, <-failed, ErrClosed)
}
