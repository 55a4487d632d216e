package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Producer sends records: acknowledged by all in-sync replicas, without
// duplicates of its own making, in the order given for each partition, for as
// long as it takes. It is safe for concurrent use.
//
// A record that comes after a pause leaves at once. Under load records leave
// together, a flight every 2 ms or every 1,000 records. Measured with 20,000
// batches of three records a second: 400 requests a second instead of 4,000, and
// half the processor time here and in the broker.
type Producer struct {
	client *kgo.Client
	wake   chan struct{} // capacity 1: the sender should look again
	ended  chan struct{}
	noWait context.Context //nolint:containedctx // has ended, so that nothing waits with it

	mu      sync.Mutex
	room    sync.Cond // waits for fewer pending records
	pending []*batch
	records int // in pending
	closed  bool
}

const (
	flightEvery = 2 * time.Millisecond
	fullFlight  = 1000    // records that leave at once
	maxPending  = 100_000 // Produce blocks beyond
)

// maxBatchBytes is the largest record, and the largest batch before compression.
// Topics are declared with max.message.bytes of 2 MiB; a topic with less still
// takes all that compresses to what it allows.
const maxBatchBytes = 1792 << 10

// NewProducer connects lazily: an unreachable cluster shows in waiting records.
func NewProducer(config Config) (*Producer, error) {
	client, err := config.client("produce",
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(partitioner{kgo.StickyKeyPartitioner(nil)}),
		kgo.ProducerBatchMaxBytes(maxBatchBytes),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		// A flight is sent by hand, whole; this is for records of topics that had
		// to be looked up first.
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.MetadataMaxAge(time.Minute),
		kgo.UnknownTopicRetries(20), // about 5 s
		kgo.MaxBufferedRecords(200_000),
		kgo.MaxBufferedBytes(256<<20),
	)
	if err != nil {
		return nil, err
	}
	p := &Producer{client: client, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	var end context.CancelFunc
	p.noWait, end = context.WithCancel(context.Background())
	end()
	p.room.L = &p.mu
	go p.run()
	return p, nil
}

// Line is a sequence of calls of Produce whose records keep their order even when
// Kafka refuses one of them: what comes after it in the line, and has not been sent
// yet, fails with ErrAfterFailure. Whoever uses it begins again from the record that
// failed, with a new line, when all calls are answered. The zero value is ready.
//
// What remains: a record given to the client within the microseconds between its
// decision that a partition has failed and its telling us.
type Line struct{ failed atomic.Bool }

// Produce sends records in order. done is called once, when all of them are
// acknowledged (nil) or one of them failed (a *SendError, or ErrClosed); it must
// not block and must not call Produce. Produce blocks while 100,000 records wait
// to be sent. The records must not change until done is called. Without a line
// (nil) they have to do with no other call's.
func (p *Producer) Produce(line *Line, records []wire.Record, done func(error)) {
	if len(records) == 0 {
		done(nil)
		return
	}
	p.mu.Lock()
	for p.records > maxPending && !p.closed {
		p.room.Wait()
	}
	if p.closed {
		p.mu.Unlock()
		done(ErrClosed)
		return
	}
	p.pending = append(p.pending, &batch{line: line, records: records, done: done})
	p.records += len(records)
	p.mu.Unlock()
	p.signal()
}

// ProduceSync sends records and waits for them; if ctx ends first, they may
// still be sent.
func (p *Producer) ProduceSync(ctx context.Context, records ...wire.Record) error {
	answer := make(chan error, 1)
	p.Produce(nil, records, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close sends what is pending and waits for it until ctx is done; what is left
// then fails with ErrClosed.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.room.Broadcast()
	p.signal()
	err := p.drain(ctx)
	p.client.Close() // fails what is left
	<-p.ended
	return err
}

func (p *Producer) drain(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done(): // the sender waits for room in the client
	}
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("kafka: close producer: %w", err)
	}
	return nil
}

func (p *Producer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run sends until the producer is closed.
func (p *Producer) run() {
	defer close(p.ended)
	pause := time.NewTimer(0)
	defer pause.Stop()
	var last time.Time // departure
	for {
		batches, wait, over := p.next(last)
		switch {
		case over:
			return
		case len(batches) > 0:
			last = time.Now()
			p.send(batches)
		case wait > 0:
			pause.Reset(wait)
			p.sleep(pause.C)
		default:
			p.sleep(nil)
		}
	}
}

func (p *Producer) sleep(timeout <-chan time.Time) {
	select {
	case <-p.wake:
	case <-timeout:
	}
}

// next takes what should leave now; else it says how long to wait at most (0:
// for a signal).
func (p *Producer) next(last time.Time) (batches []*batch, wait time.Duration, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return nil, 0, p.closed
	}
	if wait = flightEvery - time.Since(last); wait > 0 && p.records < fullFlight && !p.closed {
		return nil, wait, false
	}
	batches, p.pending, p.records = p.pending, nil, 0
	p.room.Broadcast()
	return batches, 0, false
}

// send gives batches to the client. Records in flight have no deadline and can't
// be cancelled: giving one up would leave a gap in the sequence of its partition.
func (p *Producer) send(batches []*batch) {
	for _, b := range batches {
		p.sendBatch(b)
	}
	// Flush ends the linger of every partition; its waiting for the answers is
	// what the ended context leaves out.
	_ = p.client.Flush(p.noWait)
}

func (p *Producer) sendBatch(b *batch) {
	b.left.Store(int64(len(b.records)))
	out := make([]kgo.Record, len(b.records))
	for i := range b.records {
		r := &b.records[i]
		out[i] = kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: kafkaHeaders(r.Headers)}
		if b.line.broken() {
			b.landed(i, &out[i], ErrAfterFailure)
			continue
		}
		p.client.Produce(context.Background(), &out[i], func(r *kgo.Record, err error) { b.landed(i, r, err) })
	}
}

func (l *Line) broken() bool { return l != nil && l.failed.Load() }

// batch is what one call of Produce sends.
type batch struct {
	line    *Line
	records []wire.Record
	done    func(error)
	left    atomic.Int64 // records
	failed  atomic.Pointer[SendError]
}

// landed notes the answer to record i.
func (b *batch) landed(i int, r *kgo.Record, err error) {
	if err != nil {
		b.failed.CompareAndSwap(nil, &SendError{Index: i, Topic: r.Topic, Partition: r.Partition, Permanent: permanent(err), Err: translate(err)})
		if b.line != nil {
			b.line.failed.Store(true)
		}
	}
	if b.left.Add(-1) > 0 {
		return
	}
	if e := b.failed.Load(); e == nil {
		b.done(nil)
	} else if errors.Is(e, ErrClosed) {
		b.done(ErrClosed)
	} else {
		b.done(e)
	}
}
