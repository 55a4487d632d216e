package kafka

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// hintEvery is how often positions are committed to Kafka.
const hintEvery = time.Second

// hints gathers positions to commit.
type hints struct {
	mu      sync.Mutex
	offsets map[TopicPartition]int64
}

func (h *hints) add(offsets map[TopicPartition]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.offsets == nil {
		h.offsets = make(map[TopicPartition]int64)
	}
	maps.Copy(h.offsets, offsets)
}

func (h *hints) take() map[TopicPartition]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	offsets := h.offsets
	h.offsets = nil
	return offsets
}

// commit commits what was gathered, until ctx is done. A hint that is lost in a
// rebalance is replaced by the next one, so errors are of no consequence.
func (h *hints) commit(ctx context.Context, client *kgo.Client, group string, log *zap.Logger) {
	tick := time.NewTicker(hintEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := commitHints(ctx, client, group, h.take()); err != nil && !errors.Is(err, context.Canceled) {
			log.Debug("offset hints not committed", zap.Error(err))
		}
	}
}

// commitHints commits in the name of the client's membership. The client's own
// CommitOffsets does not do: it keeps book of what it has fetched, and this one
// fetches nothing, for which it would log a warning each time.
func commitHints(ctx context.Context, client *kgo.Client, group string, offsets map[TopicPartition]int64) error {
	member, generation := client.GroupMetadata()
	if len(offsets) == 0 || member == "" {
		return nil
	}
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.MemberID, request.Generation = group, member, generation
	request.Topics = hintTopics(offsets)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return err
}

func hintTopics(offsets map[TopicPartition]int64) []kmsg.OffsetCommitRequestTopic {
	topics := make(map[string]*kmsg.OffsetCommitRequestTopic)
	for at, offset := range offsets {
		if offset <= 0 {
			continue
		}
		t := topics[at.Topic]
		if t == nil {
			t = new(kmsg.NewOffsetCommitRequestTopic())
			t.Topic, t.TopicID = at.Topic, at.TopicID
			topics[at.Topic] = t
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = at.Partition, offset
		t.Partitions = append(t.Partitions, p)
	}
	list := make([]kmsg.OffsetCommitRequestTopic, 0, len(topics))
	for _, t := range topics {
		list = append(list, *t)
	}
	return list
}
