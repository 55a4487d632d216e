package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Subscriber reads topics as a member of a consumer group whose progress Kafka
// keeps: for readers that may see a record twice, as projections do.
type Subscriber struct {
	client *kgo.Client
	logger *zap.Logger
}

// NewSubscriber joins group when Run begins; a new group starts at the beginning.
func NewSubscriber(config Config, group string, topics ...string) (*Subscriber, error) {
	client, err := config.client("subscribe",
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second), // the least that brokers allow by default
		kgo.HeartbeatInterval(heartbeatEvery),
		kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return nil, err
	}
	return &Subscriber{client: client, logger: quiet(config.logger())}, nil
}

// maxPoll is how many records one call of take has at most.
const maxPoll = 5000

// Run calls take with what arrives, and notes the progress when it succeeds.
// While it fails the same records come again, after a growing pause. It returns
// when ctx ends.
func (s *Subscriber) Run(ctx context.Context, take func(context.Context, []wire.Record) error) error {
	defer s.client.CloseAllowingRebalance()
	for {
		fetches := s.client.PollRecords(ctx, maxPoll)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			s.logger.Warn("topic can't be read; trying again", zap.String("topic", topic), zap.Int32("partition", partition), zap.Error(err))
		})
		if err := s.deliver(ctx, consumed(fetches.Records(), 0), take); err != nil {
			return nil // only ctx ends the patience
		}
		if err := s.client.CommitUncommittedOffsets(ctx); err != nil && !errors.Is(err, context.Canceled) {
			s.logger.Warn("progress could not be noted; records may come again", zap.Error(err))
		}
		s.client.AllowRebalance()
	}
}

func (s *Subscriber) deliver(ctx context.Context, records []wire.Record, take func(context.Context, []wire.Record) error) error {
	if len(records) == 0 {
		return nil
	}
	wait := patiently(ctx)
	for {
		err := take(ctx, records)
		if err == nil {
			return nil
		}
		pause := wait.NextBackOff()
		if pause < 0 {
			return fmt.Errorf("gave up: %w", err)
		}
		s.logger.Warn("records could not be taken; trying again", zap.Duration("in", pause), zap.Error(err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
