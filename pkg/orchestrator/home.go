package orchestrator

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// home is a partition this engine owns: its goroutine decides every input of
// every instance there, a batch at a time.
type home struct {
	o         *Orchestrator
	id        int32
	inbox     *inbox
	fence     store.Fence
	committer store.Committer
	cache     *cache
	ended     *recentlyEnded
	lastID    uint64 // of newInstanceID

	timers, expiries, startTimers alarm

	rows        *store.Batch // scratch
	outboxBytes int          // per input, of the last batch and a little more
	queues      map[topicPartition]*partitionQueue
	left        []*work // taken, too much for the last batch
	done        chan struct{}
	cancel      context.CancelFunc
}

type topicPartition struct {
	topic     string
	partition int32
}

// maxBatch is how many inputs one transaction takes. Larger batches gain little
// and make everybody in them wait.
const maxBatch = 1000

// run decides batches until the home is released or belongs to somebody else.
func (h *home) run(ctx context.Context) {
	defer close(h.done)
	defer h.refuseCalls()
	defer h.committer.Close()
	for !h.inbox.isClosed() {
		works, err := h.collect(ctx)
		if err == nil && len(works) > 0 {
			err = h.process(ctx, works)
		}
		if err != nil {
			h.stopped(err)
			return
		}
	}
}

// process decides the works and makes them true, then tells the world. What is too
// much for one batch is left for the next.
func (h *home) process(ctx context.Context, works []*work) error {
	b := newBatch(h, works)
	if err := b.persist(ctx, b.decide(ctx)); err != nil {
		failCalls(works, err)
		return err
	}
	offsets := offsetsOf(b.works)
	if err := b.commit(ctx, offsets); err != nil {
		failCalls(works, err)
		return err
	}
	if out := b.outbox().Bytes(); out != nil {
		h.outboxBytes = len(out)/len(b.works) + len(out)/len(b.works)/8
		h.o.relay.Offer(h.id, h.fence.OutboxSeq, out)
	}
	b.committed(offsets)
	h.o.metrics.batchInputs.Observe(float64(len(b.works)))
	h.answer(b.works)
	h.left = b.left
	return nil
}

// collect waits for inputs: what was left, or records, calls, and what the clock makes
// due.
func (h *home) collect(ctx context.Context) ([]*work, error) {
	if err := h.o.relay.Wait(ctx, h.id); err != nil {
		return nil, err
	}
	if left := h.left; len(left) > 0 {
		h.left = nil
		return left, nil
	}
	for {
		works, err := h.dueWorks(ctx)
		if err != nil {
			return nil, err
		}
		t := h.inbox.take(maxBatch)
		h.o.resume(h.id, t.resume)
		works = h.decode(works, t)
		if len(works) > 0 || h.inbox.isClosed() {
			return works, nil
		}
		if err := h.sleep(ctx); err != nil {
			return nil, err
		}
	}
}

// dueWorks is due, patiently.
func (h *home) dueWorks(ctx context.Context) ([]*work, error) {
	retry := h.o.newBackoff()
	for {
		works, err := h.due(ctx)
		if err == nil {
			return works, nil
		}
		if err := h.o.waitOut(ctx, retry, "database", err); err != nil {
			return nil, err
		}
	}
}

func (h *home) sleep(ctx context.Context) error {
	timer := time.NewTimer(h.wait())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-h.inbox.wake:
	case <-timer.C:
	}
	return nil
}

// decode makes works of what was taken.
func (h *home) decode(works []*work, t taken) []*work {
	for _, tr := range t.records {
		for i := range tr.records {
			r := &tr.records[i]
			works = append(works, &work{in: h.o.decode(tr.from.source, r), record: r, from: tr.from})
		}
	}
	return append(works, t.calls...)
}

// offsetsOf says how far works move the offsets. The records of a partition lie
// together.
func offsetsOf(works []*work) (moves []offsetMove) {
	for _, w := range works {
		if w.record == nil {
			continue
		}
		last := len(moves) - 1
		if last < 0 || moves[last].queue != w.from {
			moves = append(moves, offsetMove{queue: w.from})
			last++
		}
		moves[last].next = w.record.Offset + 1
	}
	return moves
}

// put hands over fetched records; full says that fetching the partition should pause.
func (h *home) put(records []wire.Record) (q *partitionQueue, full bool) {
	q = h.queues[topicPartition{records[0].Topic, records[0].Partition}]
	return q, h.inbox.put(q, records)
}

// answer tells callers what became of their calls.
func (h *home) answer(works []*work) {
	for _, w := range works {
		if w.call != nil {
			w.answer.Disposition = w.end.String()
			w.call.done <- result{w.answer, w.failure}
		}
	}
}

func failCalls(works []*work, err error) {
	if errors.Is(err, store.ErrFenced) {
		err = ErrNotOwner
	}
	for _, w := range works {
		if w.call != nil {
			w.call.done <- result{err: err}
		}
	}
}

func (h *home) refuseCalls() { failCalls(append(h.inbox.close(), h.left...), ErrNotOwner) }

// stopped says why the home's goroutine ended before it was asked to.
func (h *home) stopped(err error) {
	switch {
	case errors.Is(err, store.ErrFenced):
		h.o.logger.Info("home was taken over by another engine", zap.Int32("home", h.id))
	case h.inbox.isClosed():
	case errors.Is(err, context.Canceled):
	default:
		h.o.logger.Error("home stopped", zap.Int32("home", h.id), zap.Error(err))
	}
}

// Owns tells whether a claimed home is still decided here.
func (o *Orchestrator) Owns(id int32) bool {
	h := o.home(id)
	if h == nil {
		return false
	}
	select {
	case <-h.done:
		return false
	default:
		return true
	}
}

// release ends the home: the batch under way is finished, or given up if the
// database does not answer within the time allowed.
func (h *home) release(within time.Duration) {
	failCalls(h.inbox.close(), ErrNotOwner)
	timer := time.AfterFunc(within, h.cancel)
	<-h.done
	timer.Stop()
	h.cancel()
}
