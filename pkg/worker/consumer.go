package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// consumer does the tasks of one type: poll hands commands to lanes by key, a
// lane calls the handler and sends the result, and when Kafka has the result the
// partition's offset may advance.
type consumer struct {
	config   Config
	taskType string
	handler  Handler
	results  *results
	source   *commands
	meter    *meter
	log      *zap.Logger

	lanes []*lane
	seed  maphash.Seed // not Kafka's hash: a partition's keys have that in common

	mu         sync.Mutex
	partitions map[int32]*partition
	committing sync.Mutex // held while offsets are gathered and committed

	inFlight atomic.Int64 // commands taken and not ended
	limit    atomic.Int64 // of inFlight; polling waits beyond it
	room     chan struct{}
}

const (
	pollLimit   = 1000
	commitEvery = time.Second
	pauseAfter  = 100 * time.Millisecond
)

func newConsumer(c Config, taskType string, r *results, m *meter) (*consumer, error) {
	topic, err := c.Names.Task(taskType)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	k := &consumer{
		config: c, taskType: taskType, handler: c.Tasks[taskType], results: r, meter: m,
		log:   c.Logger.With(zap.String("taskType", taskType)),
		lanes: make([]*lane, c.Concurrency), seed: maphash.MakeSeed(),
		partitions: map[int32]*partition{}, room: make(chan struct{}, 1),
	}
	for i := range k.lanes {
		k.lanes[i] = newLane()
	}
	ready := make(chan struct{}) // partitions may be assigned before source is set
	defer close(ready)
	k.source, err = newCommands(c, c.group(taskType), topic, gated{ready, k})
	return k, err
}

// gated makes the first rebalance wait until the consumer is complete.
type gated struct {
	ready <-chan struct{}
	*consumer
}

func (g gated) assigned(partitions []int32) {
	<-g.ready
	g.consumer.assigned(partitions)
}

// run works until ctx ends, then waits for what is running.
func (c *consumer) run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var background sync.WaitGroup
	for _, l := range c.lanes {
		background.Go(func() { c.serve(work, l) })
	}
	background.Go(func() { c.commitUntil(ctx) })
	c.poll(ctx)

	left := c.release(slices.Collect(maps.Keys(c.assignment())))
	stopWork()
	for _, l := range c.lanes {
		l.close()
	}
	if left == 0 {
		background.Wait()
	}
	c.source.close()
	if left > 0 {
		return fmt.Errorf("worker: %d %s tasks did not end within %s: they will be delivered again", left, c.taskType, c.config.DrainTimeout)
	}
	return nil
}

// poll hands out commands until ctx ends.
func (c *consumer) poll(ctx context.Context) {
	for c.waitForRoom(ctx) && c.waitForPartitions(ctx) {
		records, errs := c.source.poll(ctx, min(pollLimit, c.config.MaxInFlight/2))
		for _, err := range errs {
			c.log.Warn("poll", zap.Error(err))
		}
		c.dispatch(records)
		c.source.release()
	}
}

// waitForRoom keeps what can't be worked on soon in the client's buffer. False:
// ctx has ended.
func (c *consumer) waitForRoom(ctx context.Context) bool {
	for limit := c.limit.Load(); limit > 0 && c.inFlight.Load() >= limit; limit = c.limit.Load() {
		select {
		case <-c.room:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// waitForPartitions pauses partitions that stay full, so that the others go on.
// It gives them some time first: a pause throws away what the client has
// buffered, and resuming waits for the fetch under way.
func (c *consumer) waitForPartitions(ctx context.Context) bool {
	var patience <-chan time.Time
	for {
		full := c.full()
		if len(full) == 0 {
			return ctx.Err() == nil
		}
		if patience == nil {
			patience = time.After(pauseAfter)
		}
		select {
		case <-c.room:
		case <-ctx.Done():
			return false
		case <-patience:
			for _, p := range full {
				p.pause()
			}
		}
	}
}

func (c *consumer) full() (full []*partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.partitions {
		if p.full() {
			full = append(full, p)
		}
	}
	return full
}

func (c *consumer) dispatch(records []wire.Record) {
	partitions := c.assignment()
	batches := make([][]*job, len(c.lanes))
	for i := range records {
		r := &records[i]
		p := partitions[r.Partition]
		if p == nil {
			continue
		}
		j := &job{record: r, partition: p}
		p.take(j)
		c.inFlight.Add(1)
		n := maphash.Bytes(c.seed, r.Key) % uint64(len(c.lanes))
		batches[n] = append(batches[n], j)
	}
	for n, jobs := range batches {
		if len(jobs) > 0 {
			c.lanes[n].add(jobs)
		}
	}
}

// serve is the goroutine of a lane.
func (c *consumer) serve(ctx context.Context, l *lane) {
	var jobs []*job
	for {
		jobs = l.take(jobs)
		if len(jobs) == 0 {
			return
		}
		for _, j := range jobs {
			if j.partition.begin(j) {
				c.do(ctx, j)
			} else {
				c.left()
			}
		}
	}
}

// do works on a command up to the sending of its result.
func (c *consumer) do(ctx context.Context, j *job) {
	task, err := decodeTask(j.record)
	if err != nil {
		c.meter.count(c.taskType, "poison")
		c.log.Error("skip record that nobody can be told about", zap.Int32("partition", j.record.Partition),
			zap.Int64("offset", j.record.Offset), zap.Error(err))
		c.end(j, true)
		return
	}
	task.results = c.results
	began := time.Now()
	variables, err := c.call(ctx, task)
	if err != nil && ctx.Err() != nil { // stopped by us: no fault of the task
		c.end(j, false)
		return
	}
	record, status := result(task, variables, err)
	c.meter.observe(c.taskType, status.String(), time.Since(began))
	if err != nil {
		c.log.Debug("task not completed", zap.String("correlationId", task.CorrelationID), zap.Error(err))
	}
	c.results.send(record, func(err error) { c.stored(j, task, err) })
}

// stored is called when a result is in Kafka, or can't get there.
func (c *consumer) stored(j *job, t Task, err error) {
	if errors.Is(err, errTooLarge) {
		excuse := failed(t, GiveUp(fmt.Errorf("send result of task %s: %w", t.ElementID, err)))
		c.results.send(excuse, func(err error) { c.end(j, err == nil) })
		return
	}
	c.end(j, err == nil)
}

func (c *consumer) end(j *job, answered bool) {
	if j.partition.end(j, answered) {
		c.signalRoom()
	}
	c.left()
}

// left takes note that a command is no longer in flight.
func (c *consumer) left() {
	if c.inFlight.Add(-1) == c.limit.Load()-1 {
		c.signalRoom()
	}
}

// signalRoom makes polling look again whether it may go on.
func (c *consumer) signalRoom() {
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// commitUntil commits now and then; the last commit is release's.
func (c *consumer) commitUntil(ctx context.Context) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.commit(ctx, c.assignment)
		}
	}
}

// commit stores how far the partitions are. An offset that isn't stored costs
// repeated work only, so errors are just logged.
func (c *consumer) commit(ctx context.Context, partitions func() map[int32]*partition) {
	c.committing.Lock()
	defer c.committing.Unlock()
	next := map[int32]int64{}
	ps := partitions()
	for number, p := range ps {
		if offset, ok := p.uncommitted(); ok {
			next[number] = offset
		}
	}
	if len(next) == 0 {
		return
	}
	if err := c.source.commit(ctx, next); err != nil {
		if ctx.Err() == nil {
			c.log.Warn("commit", zap.Error(err))
		}
		return
	}
	for number, offset := range next {
		ps[number].setCommitted(offset)
	}
}
