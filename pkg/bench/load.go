package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// load is the outside world of an engine: it sends start messages, works on
// tasks and watches the status topic.
type load struct {
	env      Environment
	scenario Scenario
	plan     Plan
	run      string                     // begins the business keys of this run
	ends     map[string]map[int32]int64 // where the topics ended before this run
	book     *book
	stall    time.Duration // how long nothing may complete

	watched map[int32]*atomic.Int64 // the next status record to read, by partition
	client  *kgo.Client             // produces start messages
	sender  *sender
	ids     idSource
	begun   time.Time
}

// Plan says how much load there is.
type Plan struct {
	Instances int           // how many to start; 0: as many as Duration allows
	Duration  time.Duration // how long to start instances; 0: no limit
	Rate      int           // instances started per second; 0: as fast as they complete
	Window    int           // instances started and not completed, at most
}

func newLoad(env Environment, s Scenario, ends map[string]map[int32]int64) *load {
	l := &load{env: env, scenario: s, ends: ends, run: newRun(), book: newBook(), watched: map[int32]*atomic.Int64{}}
	for partition := range ends[env.Topics.Status] {
		l.watched[partition] = new(atomic.Int64)
	}
	return l
}

// drive sends the whole load and waits until every instance has completed and
// every status record was read.
func (l *load) drive(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	readers := make(chan struct{}, 2) // that are ready; one that fails never is
	ready := func() { readers <- struct{}{} }
	g.Go(func() error { return l.work(ctx, ready) })
	g.Go(func() error { return l.watch(ctx, ready) })
	g.Go(func() error {
		for range cap(readers) {
			select {
			case <-readers:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return l.start(ctx)
	})
	g.Go(func() error {
		if err := l.book.wait(ctx, l.stall); err != nil {
			return err
		}
		defer cancel()
		return l.settle(ctx)
	})
	err := g.Wait()
	if err == nil {
		err = l.book.failure() // one that the last records brought
	}
	return err
}

// settle reads what the status topic holds now that all has completed: there
// must be no second completion behind the first.
func (l *load) settle(ctx context.Context) error {
	ends, err := endOffsets(ctx, l.env.Brokers, []string{l.env.Topics.Status})
	if err != nil {
		return err
	}
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for partition, end := range ends[l.env.Topics.Status] {
		for l.watched[partition].Load() < end {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-every.C:
			}
		}
	}
	return nil
}

// start sends start messages by the plan.
func (l *load) start(ctx context.Context) (err error) {
	l.client, err = newClient(l.env.Brokers, kgo.ProducerLinger(linger), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer l.client.Close()
	l.sender, l.ids, l.begun = newSender(l.client, linger), newIDSource(), time.Now()
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for n := 0; ; {
		due, last := l.due(n)
		l.produce(ctx, n, due)
		n += due
		if last {
			break
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := l.client.Flush(ctx); err != nil {
		return fmt.Errorf("send start messages: %w", err)
	}
	l.book.sentAll()
	return nil
}

// due is how many instances to start now, n being started, and whether these are the last.
func (l *load) due(n int) (count int, last bool) {
	elapsed := time.Since(l.begun)
	over := l.plan.Duration > 0 && elapsed >= l.plan.Duration
	switch {
	case over:
		return 0, true
	case l.plan.Rate > 0:
		count = int(elapsed.Seconds()*float64(l.plan.Rate)) + 1 - n
	default:
		count = l.plan.Window - l.book.open()
		if count < l.plan.Window/20 {
			count = 0
		}
	}
	if l.plan.Instances > 0 && n+count >= l.plan.Instances {
		return l.plan.Instances - n, true
	}
	return max(count, 0), false
}

// produce sends the start messages n, n+1, … n+count-1.
func (l *load) produce(ctx context.Context, n, count int) {
	if count == 0 {
		return
	}
	now := time.Now()
	records, headers := make([]kgo.Record, count), make([]kgo.RecordHeader, 0, 3*count)
	text := make([]byte, 0, count*192)
	name := []byte(l.scenario.Message)
	for i := range records {
		at := len(text)
		text = append(append(text, l.run...), '-')
		text = appendPadded(text, n+i)
		key := text[at:len(text):len(text)]
		at = len(text)
		text = wire.AppendUUID(text, l.ids.next(now))
		id := text[at:len(text):len(text)]
		at = len(text)
		text = appendOrder(text, n+i)
		h := len(headers)
		headers = append(headers, kgo.RecordHeader{Key: wire.HeaderMessageName, Value: name},
			kgo.RecordHeader{Key: wire.HeaderCorrelationKey, Value: key}, kgo.RecordHeader{Key: wire.HeaderMessageID, Value: id})
		records[i] = kgo.Record{Topic: l.env.Topics.Messages, Key: key, Value: text[at:len(text):len(text)], Headers: headers[h:], Timestamp: now}
	}
	for i := range records {
		l.book.sent(n+i, time.Now())
		l.client.Produce(ctx, &records[i], l.promise)
	}
	l.sender.produced()
}

func (l *load) promise(_ *kgo.Record, err error) {
	if err != nil {
		l.book.fail(fmt.Errorf("send start message: %w", err))
	}
}

// keyDigits is how many digits end a business key.
const keyDigits = 9

func appendPadded(dst []byte, n int) []byte {
	text := strconv.AppendInt(nil, int64(n)+1_000_000_000, 10)
	return append(dst, text[1:]...)
}

// appendOrder appends the start variables of instance n.
func appendOrder(dst []byte, n int) []byte {
	dst = append(dst, `{"orderId":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, `,"customer":"Josef K.","amount":129.5,"express":false,"items":3}`...)
}

// newRun is a name for a run that no earlier run had.
func newRun() string {
	var b [5]byte
	binary.BigEndian.PutUint32(b[:], rand.Uint32())
	return fmt.Sprintf("b%x", b[:4])
}

// linger is how long clients of the load gather records when busy.
const linger = 2 * time.Millisecond

// work answers every task command with a result.
func (l *load) work(ctx context.Context, ready func()) error {
	c, err := l.worker()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Ping(ctx); err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	ready()
	s := newSender(c, linger)
	return fetch(ctx, c, func(_ int32, rs []*kgo.Record) {
		l.answer(c, rs)
		s.produced()
	})
}

func (l *load) worker() (*kgo.Client, error) {
	topic := l.env.Topics.TaskPrefix + l.scenario.TaskType
	offsets := map[int32]kgo.Offset{}
	for p, at := range l.ends[topic] {
		offsets[p] = kgo.NewOffset().At(at)
	}
	return newClient(l.env.Brokers,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.MaxBufferedRecords(200_000),
	)
}

var (
	taskResult   = []byte(`{"approved":true,"checkedBy":"bench","score":17}`)
	firstAttempt = []byte("1")
)

// answer sends the results of commands. Keys and correlation ids are those of
// the commands, not copied.
func (l *load) answer(c *kgo.Client, commands []*kgo.Record) {
	now := time.Now()
	records, headers := make([]kgo.Record, len(commands)), make([]kgo.RecordHeader, 0, 2*len(commands))
	for i, r := range commands {
		reply := replyOf(r)
		h := len(headers)
		headers = append(headers, kgo.RecordHeader{Key: wire.HeaderCorrelationID, Value: reply.correlationID}, kgo.RecordHeader{Key: wire.HeaderAttempt, Value: firstAttempt})
		records[i] = kgo.Record{Topic: l.env.Topics.Results, Partition: reply.partition, Key: r.Key, Value: taskResult, Headers: headers[h:], Timestamp: now}
		c.Produce(context.Background(), &records[i], l.promiseResult)
	}
}

func (l *load) promiseResult(_ *kgo.Record, err error) {
	if err != nil {
		l.book.fail(fmt.Errorf("send result: %w", err))
	}
}

type reply struct {
	correlationID []byte
	partition     int32
}

func replyOf(r *kgo.Record) (p reply) {
	for i := range r.Headers {
		switch h := &r.Headers[i]; h.Key {
		case wire.HeaderCorrelationID:
			p.correlationID = h.Value
		case wire.HeaderReplyPartition:
			n, _ := strconv.Atoi(string(h.Value)) // a wrong one fails the produce
			p.partition = int32(n)
		}
	}
	return p
}

// watch reads the status topic into the book.
func (l *load) watch(ctx context.Context, ready func()) error {
	offsets := map[int32]kgo.Offset{}
	for p, at := range l.ends[l.env.Topics.Status] {
		offsets[p] = kgo.NewOffset().At(at)
	}
	c, err := newClient(l.env.Brokers, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.env.Topics.Status: offsets}))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Ping(ctx); err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	ready()
	return fetch(ctx, c, func(partition int32, rs []*kgo.Record) {
		now := time.Now()
		for _, r := range rs {
			if err := l.note(r, now); err != nil {
				l.book.fail(err)
			}
		}
		l.watched[partition].Store(rs[len(rs)-1].Offset + 1)
	})
}
