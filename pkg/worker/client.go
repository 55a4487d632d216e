package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/plugin/kzap"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// ClientOption is an option of the Kafka client, github.com/twmb/franz-go.
type ClientOption = kgo.Opt

const sessionTimeout = 6 * time.Second

var (
	errTooLarge = errors.New("larger than the topic takes")
	errClosed   = errors.New("worker has ended")
)

func clientOptions(c Config, own ...kgo.Opt) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID("barnabas-worker"),
		kgo.WithLogger(kzap.New(c.Logger.Named("kafka"), kzap.Level(kgo.LogLevelWarn))),
		// A broker that is back is noticed within a second or so.
		kgo.RetryBackoffFn(retryBackoff),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	return append(append(opts, own...), c.Client...)
}

// retryBackoff is the pause after so many failures in a row: 100 ms, twice as
// much each time up to 1 s, a fifth more or less.
func retryBackoff(failures int) time.Duration {
	pause := min(50*time.Millisecond<<min(max(failures, 1), 5), time.Second)
	return time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))
}

// producer sends records.
type producer struct{ kafka *kgo.Client }

// newProducer makes a producer that never gives a record up for being late: kgo
// then keeps retrying what can be retried.
func newProducer(c Config) (*producer, error) {
	client, err := kgo.NewClient(clientOptions(c,
		kgo.ProducerLinger(0), // when busy, results gather behind the requests under way: a linger gained nothing
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitionOf)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("worker: create producer: %w", err)
	}
	return &producer{kafka: client}, nil
}

// partitionOf takes the partition the record asks for; if the topic hasn't got
// it, the key decides.
func partitionOf(topic string) func(*kgo.Record, int) int {
	byKey := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	return func(r *kgo.Record, partitions int) int {
		if r.Partition >= 0 && int(r.Partition) < partitions {
			return int(r.Partition)
		}
		return byKey.Partition(r, partitions)
	}
}

// send calls done once the record is in Kafka or never will be.
func (p *producer) send(r *wire.Record, done func(error)) {
	out := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: make([]kgo.RecordHeader, len(r.Headers))}
	for i := range r.Headers {
		out.Headers[i] = kgo.RecordHeader(r.Headers[i])
	}
	// A context that ends would fail every record behind this one as well.
	p.kafka.Produce(context.Background(), out, func(_ *kgo.Record, err error) { done(translate(err)) })
}

func translate(err error) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return errClosed
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge), errors.Is(err, kerr.InvalidRecord):
		return fmt.Errorf("%w: %w", errTooLarge, err)
	}
	return err
}

func (p *producer) close() { p.kafka.Close() }

// rebalance is told which partitions come and go. kgo calls it, never
// concurrently, and not while polled records are being handed out.
type rebalance interface {
	assigned(partitions []int32)
	revoked(partitions []int32) // ours until it returns
	lost(partitions []int32)    // already somebody else's
}

// commands consumes one task topic as a member of a group.
type commands struct {
	kafka *kgo.Client
	topic string
}

func newCommands(c Config, group, topic string, r rebalance) (*commands, error) {
	tell := func(f func([]int32)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) { f(partitions[topic]) }
	}
	client, err := kgo.NewClient(clientOptions(c,
		kgo.ConsumerGroup(group),
		// The tasks of a worker that died go to others when its session ends. 6 s is
		// the least that brokers allow by default.
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(sessionTimeout/6),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), // a new group owes an answer to what is there
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.FetchMaxWait(250*time.Millisecond), // a resumed partition waits for the fetch under way
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(tell(r.assigned)),
		kgo.OnPartitionsRevoked(tell(r.revoked)),
		kgo.OnPartitionsLost(tell(r.lost)),
		kgo.MetadataMaxAge(30*time.Second), // finds a topic created after the worker
	)...)
	if err != nil {
		return nil, fmt.Errorf("worker: create consumer of %s: %w", topic, err)
	}
	return &commands{kafka: client, topic: topic}, nil
}

// poll waits for records; until release, no partition is taken away. The errors
// are for the log: kgo goes on by itself.
func (c *commands) poll(ctx context.Context, limit int) ([]wire.Record, []error) {
	fetches := c.kafka.PollRecords(ctx, limit)
	var errs []error
	fetches.EachError(func(topic string, partition int32, err error) {
		if ctx.Err() == nil {
			errs = append(errs, fmt.Errorf("consume %s/%d: %w", topic, partition, err))
		}
	})
	return convert(fetches), errs
}

func (c *commands) release() { c.kafka.AllowRebalance() }

// convert makes one slice of all records and one of all headers.
func convert(fetches kgo.Fetches) []wire.Record {
	count := 0
	fetches.EachRecord(func(r *kgo.Record) { count += len(r.Headers) })
	records := make([]wire.Record, 0, fetches.NumRecords())
	headers := make([]wire.Header, 0, count)
	fetches.EachRecord(func(r *kgo.Record) {
		first := len(headers)
		for _, h := range r.Headers {
			headers = append(headers, wire.Header(h))
		}
		records = append(records, wire.Record{
			Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp,
			Key: r.Key, Value: r.Value, Headers: headers[first:len(headers):len(headers)],
		})
	})
	return records
}

func (c *commands) pause(partition int32) {
	c.kafka.PauseFetchPartitions(map[string][]int32{c.topic: {partition}})
}

func (c *commands) resume(partition int32) {
	c.kafka.ResumeFetchPartitions(map[string][]int32{c.topic: {partition}})
}

// commit stores the offsets to go on from.
func (c *commands) commit(ctx context.Context, next map[int32]int64) error {
	offsets := make(map[int32]kgo.EpochOffset, len(next))
	for partition, offset := range next {
		offsets[partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	var err error
	c.kafka.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{c.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, failure error) {
			err = failure
			if failure == nil {
				err = firstError(response)
			}
		})
	if err != nil {
		return fmt.Errorf("commit offsets of %s: %w", c.topic, err)
	}
	return nil
}

func firstError(response *kmsg.OffsetCommitResponse) error {
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// close leaves the group.
func (c *commands) close() { c.kafka.CloseAllowingRebalance() }
