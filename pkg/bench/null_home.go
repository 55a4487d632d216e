package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// nullHome decides everything of one home.
type nullHome struct {
	n        *nullPipeline
	inbox    *inbox
	db       *statements
	fence    nullFenceAt
	records  *nullRecords
	ids      idSource
	hot      map[[16]byte]*nullInstance
	squeezed []byte
	place    kgo.TopicPartitioner
	outbox   *outbox
	batch    *nullBatch
	results  []*kgo.Record
	starts   []*kgo.Record
}

// run takes what is there, decides it, commits and publishes, for ever.
func (h *nullHome) run(ctx context.Context) error {
	for h.inbox.take(ctx, h.n.cfg.Batch, &h.results, &h.starts) {
		out := h.outbox.next()
		if err := h.decide(out.pack); err != nil {
			return err
		}
		slot := int(h.n.slot.Load())
		if err := h.batch.commit(h.db, &h.fence, slot, h.squeeze(out.pack.buf)); err != nil {
			return err
		}
		h.publish(out)
	}
	return nil
}

// squeeze compresses an outbox row. Records of a batch are much alike: a
// fifteenth is left, and Postgres has a third less to do.
func (h *nullHome) squeeze(packed []byte) []byte {
	h.squeezed = s2.Encode(h.squeezed[:cap(h.squeezed)], packed)
	return h.squeezed
}

func (h *nullHome) decide(p *pack) error {
	now := time.Now()
	h.records.at(now)
	h.batch.reset()
	h.batch.consumed(h.results)
	h.batch.consumed(h.starts)
	for _, r := range h.results {
		if err := h.result(p, r); err != nil {
			return err
		}
	}
	for _, r := range h.starts {
		if err := h.start(p, r, now); err != nil {
			return err
		}
	}
	return nil
}

func (h *nullHome) start(p *pack, r *kgo.Record, now time.Time) error {
	key, messageID, err := startOf(r)
	if err != nil {
		return err
	}
	h.batch.messages.add(messageID[:])
	i := newNullInstance(h.ids.next(now), key, r.Value)
	i.partition = int32(h.place.Partition(&kgo.Record{Key: i.text[:]}, h.n.cfg.Homes))
	h.hot[i.id] = i
	h.batch.insert(i)
	h.records.task(p, i)
	h.records.event(p, i, false)
	return nil
}

func (h *nullHome) result(p *pack, r *kgo.Record) error {
	c, err := resultOf(r)
	if err != nil {
		return err
	}
	i := h.hot[c.Instance]
	if i == nil || int64(c.Task) != i.version {
		return fmt.Errorf("result for task %d of instance %x: %w", c.Task, c.Instance, errNullInput)
	}
	i.version++
	if done := i.version > int64(h.n.cfg.Tasks); done {
		delete(h.hot, i.id)
		h.batch.delete(i)
		h.records.event(p, i, true)
		return nil
	}
	h.batch.update(i)
	h.records.task(p, i)
	h.records.event(p, i, false)
	return nil
}

// publish hands a committed batch to the producer.
func (h *nullHome) publish(b *outboxBatch) {
	b.begin(h.fence.outboxSeq)
	for i := range b.pack.records {
		h.n.producer.Produce(context.Background(), &b.pack.records[i], b.promise)
	}
	h.n.sender.produced()
}
