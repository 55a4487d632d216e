package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// hintEvery is how often positions are committed to Kafka.
const hintEvery = time.Second

// hints gathers positions to commit.
type hints struct {
	mu      sync.Mutex
	offsets map[string]map[int32]kgo.EpochOffset
}

func (h *hints) add(offsets map[TopicPartition]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.offsets == nil {
		h.offsets = make(map[string]map[int32]kgo.EpochOffset)
	}
	for p, offset := range offsets {
		if offset <= 0 {
			continue
		}
		if h.offsets[p.Topic] == nil {
			h.offsets[p.Topic] = make(map[int32]kgo.EpochOffset)
		}
		h.offsets[p.Topic][p.Partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
}

func (h *hints) take() map[string]map[int32]kgo.EpochOffset {
	h.mu.Lock()
	defer h.mu.Unlock()
	offsets := h.offsets
	h.offsets = nil
	return offsets
}

// commit commits what was gathered, until ctx is done. A hint that is lost in a
// rebalance is replaced by the next one, so errors are of no consequence.
func (h *hints) commit(ctx context.Context, group *kgo.Client, log *zap.Logger) {
	tick := time.NewTicker(hintEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		offsets := h.take()
		if len(offsets) == 0 {
			continue
		}
		group.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
			if err != nil && !errors.Is(err, context.Canceled) {
				log.Debug("offset hints not committed", zap.Error(err))
			}
		})
	}
}
