package sim

import (
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// cluster is Kafka: topics of partitions of records, each with its offset.
type cluster struct {
	partitions map[topicPartition][]wire.Record
	counts     map[string]int32 // partitions of topics that have more than one
}

const taskPrefix = "barnabas.task."

func newCluster(homes int32, names wire.Names) *cluster {
	return &cluster{
		partitions: make(map[topicPartition][]wire.Record),
		// Messages have more partitions than there are homes, so homes have several.
		counts: map[string]int32{names.Results(): homes, names.Control(): homes, names.Messages(): homes + 1, names.Status(): 2},
	}
}

// where is the partition of an outgoing record.
func (c *cluster) where(r *wire.Record) topicPartition {
	p := r.Partition
	if p == wire.ByKey {
		p = partitionOf(r.Key, max(c.counts[r.Topic], 1))
	}
	return topicPartition{r.Topic, p}
}

func partitionOf(key []byte, n int32) int32 {
	h := fnv.New32a()
	_, _ = h.Write(key) // never fails
	return int32(h.Sum32() % uint32(n))
}

// append stores a record and gives it back with its place.
func (c *cluster) append(at topicPartition, r wire.Record) wire.Record {
	r.Partition, r.Offset, r.Time = at.partition, int64(len(c.partitions[at])), time.Now()
	c.partitions[at] = append(c.partitions[at], r)
	return r
}

// inputs are the partitions that belong to a home.
func (c *cluster) inputs(home, homes int32, names wire.Names) (list []kafka.TopicPartition) {
	for _, topic := range []string{names.Control(), names.Messages(), names.Results()} {
		for p := home; p < c.counts[topic]; p += homes {
			list = append(list, kafka.TopicPartition{Topic: topic, TopicID: [16]byte{1}, Partition: p})
		}
	}
	return list
}

// producer is the Kafka client of a process: what it was given waits, in order
// per partition, for the scheduler to append it.
type producer struct {
	p      *process
	queues map[topicPartition][]unit
	failed map[*kafka.Line]bool // lines of which a record has failed
}

func newProducer(p *process) *producer {
	return &producer{p: p, queues: make(map[topicPartition][]unit), failed: make(map[*kafka.Line]bool)}
}

// unit is the records of one Produce call for one partition.
type unit struct {
	of      *production
	records []wire.Record
}

// production is a Produce call under way.
type production struct {
	line *kafka.Line
	left int
	err  error
	done func(error)
}

var (
	errNotTaken = errors.New("simulated: Kafka did not take the records")
	errTimedOut = errors.New("simulated: Kafka took the records and did not answer in time")
)

// Produce takes the records over. That is a seam: the caller may be held up here.
func (pr *producer) Produce(line *kafka.Line, records []wire.Record, done func(error)) {
	c := &call{name: "produce", home: -1, local: true, effect: func() error {
		pr.take(line, records, done)
		return nil
	}}
	if err := pr.p.do(pr.p.ctx, c); err != nil {
		go done(err) // the process is dead or ends
	}
}

// take queues records by partition, unless one of their line has failed.
func (pr *producer) take(line *kafka.Line, records []wire.Record, done func(error)) {
	if pr.failed[line] {
		done(kafka.ErrAfterFailure)
		return
	}
	by := make(map[topicPartition][]wire.Record)
	var order []topicPartition
	for i := range records {
		at := pr.p.w.kafka.where(&records[i])
		if by[at] == nil {
			order = append(order, at)
		}
		by[at] = append(by[at], records[i])
	}
	of := &production{line: line, left: len(order), done: done}
	for _, at := range order {
		pr.queues[at] = append(pr.queues[at], unit{of, by[at]})
	}
}

// pending are the partitions something waits for, in order.
func (pr *producer) pending() []topicPartition {
	if len(pr.queues) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Keys(pr.queues), func(a, b topicPartition) int {
		if a.topic != b.topic {
			return strings.Compare(a.topic, b.topic)
		}
		return int(a.partition - b.partition)
	})
}

// flush lets Kafka take what waits first for a partition, or fail in one of the
// ways it has.
func (w *World) flush(pr *producer, at topicPartition) {
	u := pr.queues[at][0]
	fate := succeeds
	if w.chance(w.cfg.Faults.Kafka, 25) {
		fate = fate1(w.random.IntN(2))
	}
	w.log(event{what: "append to " + at.topic, who: pr.p.id, home: at.partition, n: int64(len(u.records)), fate: fate, records: u.records})
	if fate != succeeds {
		if fate == answerLost {
			w.appended(pr.p, at, u.records)
		}
		w.failAll(pr, at, fate)
		return
	}
	w.appended(pr.p, at, u.records)
	pr.drop(at)
	pr.landed(u.of, nil)
}

func fate1(n int) fate { return [...]fate{failsBefore, answerLost}[n] }

// failAll fails everything buffered for a partition: its sequence would have a gap.
func (w *World) failAll(pr *producer, at topicPartition, fate fate) {
	units := pr.queues[at]
	delete(pr.queues, at)
	err := errNotTaken
	if fate == answerLost {
		err = errTimedOut
	}
	for _, u := range units {
		pr.landed(u.of, err)
	}
}

func (pr *producer) drop(at topicPartition) {
	if pr.queues[at] = pr.queues[at][1:]; len(pr.queues[at]) == 0 {
		delete(pr.queues, at)
	}
}

// landed notes Kafka's answer to a part of a production.
func (pr *producer) landed(of *production, err error) {
	if err != nil && of.line != nil {
		pr.failed[of.line] = true
	}
	of.left--
	if of.err == nil {
		of.err = err
	}
	if of.left == 0 && !pr.p.dead {
		of.done(of.err)
	}
}

// appended puts records into the log, whoever wrote them, and lets everybody see.
func (w *World) appended(by *process, at topicPartition, records []wire.Record) {
	for _, r := range records {
		r = w.kafka.append(at, r)
		if by != nil {
			w.check.published(&r)
		}
		if strings.HasPrefix(r.Topic, taskPrefix) {
			w.workers.receive(r)
		}
	}
}
