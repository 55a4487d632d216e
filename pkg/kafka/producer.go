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
// Records wait for nothing while the producer is idle. Under load, what arrives
// while requests are under way leaves together when one of them is answered, or
// after lingerMax: so the busier it is, the larger the requests.
type Producer struct {
	client *kgo.Client
	wake   chan struct{} // capacity 1: the sender should look again
	ended  chan struct{}

	mu      sync.Mutex
	room    sync.Cond // waits for fewer pending records
	pending []*batch
	records int       // in pending
	since   time.Time // when the first of pending arrived
	flights int       // sent, not acknowledged
	closed  bool
}

const (
	maxFlights = 2                    // beyond, records gather
	fullFlight = 1000                 // so many don't wait for a flight to land
	lingerMax  = 3 * time.Millisecond // nor do records that waited so long
	maxPending = 100_000              // Produce blocks beyond
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
		kgo.ProducerLinger(0),
		kgo.MetadataMaxAge(time.Minute),
		kgo.MaxBufferedRecords(200_000),
		kgo.MaxBufferedBytes(256<<20),
	)
	if err != nil {
		return nil, err
	}
	p := &Producer{client: client, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	p.room.L = &p.mu
	go p.run()
	return p, nil
}

// Produce sends records in order. done is called once, when all of them are
// acknowledged (nil) or one of them failed (a *SendError, or ErrClosed); it must
// not block and must not call Produce. Produce blocks while 100,000 records wait
// to be sent. The records must not change until done is called.
func (p *Producer) Produce(records []wire.Record, done func(error)) {
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
	if len(p.pending) == 0 {
		p.since = time.Now()
	}
	p.pending = append(p.pending, &batch{records: records, done: done})
	p.records += len(records)
	p.mu.Unlock()
	p.signal()
}

// ProduceSync sends records and waits for them; if ctx ends first, they may
// still be sent.
func (p *Producer) ProduceSync(ctx context.Context, records ...wire.Record) error {
	answer := make(chan error, 1)
	p.Produce(records, func(err error) { answer <- err })
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
	p.client.Close()
	<-p.ended
	return err
}

func (p *Producer) drain(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("kafka: close producer: %w", context.Cause(ctx))
	}
}

func (p *Producer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run sends until the producer is closed and everything has landed.
func (p *Producer) run() {
	defer close(p.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		batches, wait, over := p.next()
		if over {
			return
		}
		if len(batches) > 0 {
			p.send(batches)
			continue
		}
		if wait > 0 {
			timer.Reset(wait)
		}
		select {
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// next takes what should be sent now; else it says how long to wait at most
// (0: for a signal).
func (p *Producer) next() (batches []*batch, wait time.Duration, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return nil, 0, p.closed && p.flights == 0
	}
	if p.flights >= maxFlights && p.records < fullFlight && !p.closed {
		if wait = lingerMax - time.Since(p.since); wait > 0 {
			return nil, wait, false
		}
	}
	batches, p.pending, p.records = p.pending, nil, 0
	p.flights++
	p.room.Broadcast()
	return batches, 0, false
}

// send gives batches to the client as one flight. Records in flight have no
// deadline and can't be cancelled: giving one up would leave a gap in the
// sequence of its partition.
func (p *Producer) send(batches []*batch) {
	flight := &flight{producer: p}
	flight.left.Store(int64(len(batches)))
	for _, b := range batches {
		b.flight = flight
		b.left.Store(int64(len(b.records)))
		out := make([]kgo.Record, len(b.records))
		for i := range b.records {
			r := &b.records[i]
			out[i] = kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: kafkaHeaders(r.Headers)}
			p.client.Produce(context.Background(), &out[i], func(r *kgo.Record, err error) { b.landed(i, r, err) })
		}
	}
}

// flight is what left together.
type flight struct {
	producer *Producer
	left     atomic.Int64 // batches
}

func (f *flight) landed() {
	if f.left.Add(-1) > 0 {
		return
	}
	f.producer.mu.Lock()
	f.producer.flights--
	f.producer.mu.Unlock()
	f.producer.signal()
}

// batch is what one call of Produce sends.
type batch struct {
	records []wire.Record
	done    func(error)
	flight  *flight
	left    atomic.Int64 // records
	failed  atomic.Pointer[SendError]
}

// landed notes the answer to record i.
func (b *batch) landed(i int, r *kgo.Record, err error) {
	if err != nil {
		b.failed.CompareAndSwap(nil, &SendError{Index: i, Topic: r.Topic, Partition: r.Partition, Permanent: permanent(err), Err: translate(err)})
	}
	if b.left.Add(-1) > 0 {
		return
	}
	b.flight.landed()
	if e := b.failed.Load(); e == nil {
		b.done(nil)
	} else if errors.Is(e, ErrClosed) {
		b.done(ErrClosed)
	} else {
		b.done(e)
	}
}
