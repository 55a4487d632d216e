package order

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// messages publishes BPMN messages, as any program with a Kafka client can.
type messages struct {
	kafka *kgo.Client
	topic string
}

func newMessages(brokers []string, topic string) (*messages, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerLinger(0))
	if err != nil {
		return nil, fmt.Errorf("order example: %w", err)
	}
	return &messages{kafka: client, topic: topic}, nil
}

// message is a message without its variables: the correlation key is the key of
// the record, the id makes it idempotent.
type message struct{ name, key, id string }

func (m *messages) publish(ctx context.Context, msg message, variables any) error {
	value, err := json.Marshal(variables)
	if err != nil {
		return err
	}
	record := &kgo.Record{
		Topic: m.topic, Key: []byte(msg.key), Value: value,
		Headers: []kgo.RecordHeader{
			{Key: wire.HeaderMessageName, Value: []byte(msg.name)},
			{Key: wire.HeaderMessageID, Value: []byte(msg.id)},
		},
	}
	if err := m.kafka.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("publish message %s for %s: %w", msg.name, msg.key, err)
	}
	return nil
}

func (m *messages) close() { m.kafka.Close() }

// statuses reads the status topic from where it ends now, in all partitions and
// without a group: everybody who watches sees everything.
type statuses struct{ kafka *kgo.Client }

func newStatuses(ctx context.Context, brokers []string, topic string) (*statuses, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("order example: %w", err)
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("find the end of topic %s: %w", topic, err)
	}
	from := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) { from[o.Partition] = kgo.NewOffset().At(o.Offset) })
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: from})
	return &statuses{kafka: client}, nil
}

// next waits for status records; none when ctx has ended.
func (s *statuses) next(ctx context.Context) ([]status, error) {
	fetches := s.kafka.PollFetches(ctx)
	if err := fetches.Err(); err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("read status topic: %w", err)
	}
	all := make([]status, 0, fetches.NumRecords())
	for _, r := range fetches.Records() {
		var s status
		if err := json.Unmarshal(r.Value, &s); err != nil {
			return nil, fmt.Errorf("read status record of %s: %w", r.Key, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (s *statuses) close() { s.kafka.Close() }
