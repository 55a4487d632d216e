package wire

import (
	"strconv"
	"strings"
	"time"
)

// DeadLetter is a consumed record that can't be processed, and why.
type DeadLetter struct {
	Topic        string // the dead-letter topic
	Record       Record
	Class        string // for grouping: one of the Poison constants, or the sender's own
	Message      string // cut to 4 KiB
	FirstFailure time.Time
	Engine       string // id of the engine that gave up
}

// AddDeadLetter adds a record of a dead-letter topic: the original key, value
// and headers untouched, then x-dlq-* headers. Those that the record brought
// from an earlier life as a dead letter are replaced, except the time of its
// first failure.
func (p *Pack) AddDeadLetter(d *DeadLetter) {
	r := &d.Record
	start := p.begin(d.Topic, ByKey)
	p.bytes(r.Key)
	earlier := ""
	for i := range r.Headers {
		name, value := r.Headers[i].Key, r.Headers[i].Value
		if name == HeaderDLQFirstFailure {
			earlier = string(value)
		}
		if !strings.HasPrefix(name, dlqPrefix) {
			p.anyHeader(name, value)
		}
	}
	p.text(codeDLQTopic, r.Topic)
	p.number(codeDLQPartition, int64(r.Partition))
	p.number(codeDLQOffset, r.Offset)
	if !r.Time.IsZero() {
		p.time(codeDLQTimestamp, &p.due, r.Time)
	}
	p.text(codeDLQClass, d.Class)
	p.text(codeDLQMessage, cut(d.Message, maxErrorMessage))
	if earlier != "" {
		p.text(codeDLQFirstFailure, earlier)
	} else {
		p.time(codeDLQFirstFailure, &p.now, d.FirstFailure)
	}
	p.text(codeDLQEngine, d.Engine)
	p.value(r.Value)
	p.end(start)
}

// Original is what a dead letter was before: the record with the place it was
// consumed from, and why it was put aside. ok is false for other records.
func Original(letter Record) (original Record, reason string, ok bool) {
	text := func(name string) string {
		value, _ := letter.Header(name)
		return string(value)
	}
	partition, err1 := strconv.ParseInt(text(HeaderDLQPartition), 10, 32)
	offset, err2 := strconv.ParseInt(text(HeaderDLQOffset), 10, 64)
	topic := text(HeaderDLQTopic)
	if topic == "" || err1 != nil || err2 != nil {
		return letter, "", false
	}
	original = letter
	original.Topic, original.Partition, original.Offset = topic, int32(partition), offset
	original.Time, _ = time.Parse(time.RFC3339Nano, text(HeaderDLQTimestamp)) // not every dead letter has one
	return original, text(HeaderDLQMessage), true
}
