package orchestrator

import (
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// eventLog logs what may come in storms, each kind at most once a second, with
// the number left out since.
type eventLog struct {
	logger *zap.Logger
	mu     sync.Mutex
	kinds  map[string]*logKind
}

type logKind struct {
	last    time.Time
	omitted int
}

func newEventLog(l *zap.Logger) *eventLog {
	return &eventLog{logger: l, kinds: make(map[string]*logKind)}
}

// due tells whether a line of the kind may be written, and how many were left out.
func (l *eventLog) due(kind string) (omitted int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[kind]
	if k == nil {
		k = &logKind{}
		l.kinds[kind] = k
	}
	if time.Since(k.last) < time.Second {
		k.omitted++
		return 0, false
	}
	omitted, k.last, k.omitted = k.omitted, time.Now(), 0
	return omitted, true
}

func (l *eventLog) deadLetter(r *wire.Record, class, reason string) {
	if n, ok := l.due("dead letter " + class); ok {
		l.logger.Warn("record can't be processed and goes to the dead-letter topic", zap.String("topic", r.Topic),
			zap.Int32("partition", r.Partition), zap.Int64("offset", r.Offset),
			zap.String("class", class), zap.String("reason", reason), zap.Int("omitted", n))
	}
}

func (l *eventLog) unreadable(id [16]byte, err error) {
	if n, ok := l.due("unreadable"); ok {
		l.logger.Error("stored instance can't be read; its inputs go to the dead-letter topic",
			zap.Stringer("instance", uuid.UUID(id)), zap.Error(err), zap.Int("omitted", n))
	}
}

// Discarded is a result or message that was not applied.
type Discarded struct {
	At        time.Time
	End       string // duplicate, late, unknown or unmatched
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	Reason    string
}

// discards remembers the last inputs that were not applied, for people who ask
// where their answer went. Counting is the metrics' business.
type discards struct {
	mu   sync.Mutex
	ring [discardsKept]Discarded
	n    int
}

const discardsKept = 500

func (d *discards) add(x Discarded) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ring[d.n%discardsKept] = x
	d.n++
}

// list gives them, newest first.
func (d *discards) list() []Discarded {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Discarded, 0, min(d.n, discardsKept))
	for i := d.n - 1; i >= max(d.n-discardsKept, 0); i-- {
		list = append(list, d.ring[i%discardsKept])
	}
	return list
}

// Discarded lists the last inputs this engine did not apply, newest first, at
// most 500.
func (o *Orchestrator) Discarded() []Discarded { return o.discards.list() }

// discard notes what became of a committed record that was not applied.
func (o *Orchestrator) discard(w *work, now time.Time) {
	switch w.end {
	case duplicate, late, unknown, unmatched:
	default:
		return
	}
	if w.record == nil {
		return
	}
	x := Discarded{
		At: now, End: w.end.String(), Topic: w.record.Topic, Partition: w.record.Partition, Offset: w.record.Offset, Key: string(w.record.Key),
	}
	if w.failure != nil {
		x.Reason = w.failure.Error()
	}
	o.discards.add(x)
}

// defect logs a failure of our own.
func (o *Orchestrator) defect(w *work, inst *instance, err error) {
	o.metrics.defects.Inc()
	fields := []zap.Field{zap.Stringer("instance", uuid.UUID(inst.state.ID)), zap.String("process", inst.state.ProcessID), zap.Error(err)}
	if w.record != nil {
		fields = append(fields, zap.String("topic", w.record.Topic), zap.Int32("partition", w.record.Partition), zap.Int64("offset", w.record.Offset))
	}
	o.logger.Error("defect: the instance is parked, everything else goes on; please report this", fields...)
}
