package relay

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// flight holds the rows between Produce and acknowledgement, in order. It is guarded by shard.mu.
type flight struct {
	rows   []*flyingRow
	bytes  int64
	acked  int64 // all rows up to this one are acknowledged
	failed bool  // a row was not taken: nothing goes on before goBack
	line   *kafka.Line
}

func flightFrom(acked int64) flight { return flight{acked: acked, line: new(kafka.Line)} }

// flyingRow is a row whose records are with Kafka. It is guarded by shard.mu.
type flyingRow struct {
	seq, bytes, records int64
	landed              bool  // Kafka has answered for all its records
	failure             error // the first bad answer
}

func (f *flight) add(row store.OutboxRow, records int) *flyingRow {
	r := &flyingRow{seq: row.Seq, bytes: int64(len(row.Data)), records: int64(records)}
	f.rows = append(f.rows, r)
	f.bytes += r.bytes
	return r
}

// advance moves acked over landed rows, up to the first that has failed or is still open, and returns the rows passed.
func (f *flight) advance() (passed []*flyingRow) {
	n := 0
	for n < len(f.rows) && f.rows[n].landed && f.rows[n].failure == nil {
		f.acked = f.rows[n].seq
		f.bytes -= f.rows[n].bytes
		n++
	}
	passed, f.rows = f.rows[:n], f.rows[n:]
	return passed
}

// settled tells whether every row in flight has landed.
func (f *flight) settled() bool {
	for _, r := range f.rows {
		if !r.landed {
			return false
		}
	}
	return true
}

// cause is why a row was not taken, rather than why those behind it were not.
func (f *flight) cause() (err error) {
	for _, r := range f.rows {
		if r.failure != nil && (err == nil || errors.Is(err, kafka.ErrAfterFailure)) {
			err = r.failure
		}
	}
	return err
}

// lastRefused is the highest row of which Kafka refused a record for good, 0 if none.
func (f *flight) lastRefused(refused func(error) bool) (seq int64) {
	for _, r := range f.rows {
		if r.failure != nil && refused(r.failure) {
			seq = r.seq
		}
	}
	return seq
}

// publish hands a row to Kafka.
func (s *shard) publish(row store.OutboxRow) error {
	records, err := s.unpack(row)
	if err != nil {
		return err
	}
	s.mu.Lock()
	flying, line := s.flight.add(row, len(records)), s.flight.line
	s.next = row.Seq + 1
	s.mu.Unlock()
	s.relay.cfg.Producer.Produce(line, records, func(err error) { s.land(flying, err) })
	return nil
}

// unpack gives the records of a row. If they can't be read the home waits: to skip what was decided would be a loss.
func (s *shard) unpack(row store.OutboxRow) (records []wire.Record, err error) {
	records = make([]wire.Record, 0, s.typical)
	err = s.unpacker.Unpack(row.Data, func(r wire.Record) error {
		records = append(records, r)
		return nil
	})
	s.typical = len(records)
	if err != nil {
		return nil, fmt.Errorf("unpack outbox row %d: %w", row.Seq, err)
	}
	return records, nil
}

// land takes note of Kafka's answer to a row.
func (s *shard) land(row *flyingRow, err error) {
	s.mu.Lock()
	wasFull := s.fullLocked()
	row.landed, row.failure = true, err
	s.flight.failed = s.flight.failed || err != nil
	passed := s.flight.advance()
	if len(passed) > 0 {
		s.shrunk()
	}
	rouse := wasFull || s.flight.failed
	s.mu.Unlock()
	for _, p := range passed {
		s.relay.metrics.published(p.records, p.bytes)
	}
	if rouse {
		s.rouse()
	}
}

// full tells whether enough is in flight.
func (s *shard) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fullLocked()
}

func (s *shard) fullLocked() bool { return s.flight.bytes >= s.relay.cfg.FlightBytes }

func (s *shard) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flight.failed
}

// drained tells whether Kafka has answered all it was given.
func (s *shard) drained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flight.settled()
}

// answered tells whether nothing is handed over any more and Kafka has answered all it was given.
func (s *shard) answered() bool {
	select {
	case <-s.ended:
		return s.drained()
	default:
		return false
	}
}

// acked is the row up to which all is acknowledged.
func (s *shard) acked() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flight.acked
}

// goBack begins again after the last row acknowledged without gaps, once Kafka has answered everything: what was handed over after the
// record that failed must not overtake the second attempt.
func (s *shard) goBack() error {
	for !s.drained() {
		if err := s.idle(); err != nil || !s.trusted() {
			return err
		}
	}
	s.mu.Lock()
	cause, again, refused := s.flight.cause(), s.next-1, s.flight.lastRefused(s.relay.cfg.Refused)
	s.relay.metrics.republished.Add(float64(again - s.flight.acked))
	s.flight = flightFrom(s.flight.acked)
	s.next = s.flight.acked + 1
	s.page = nil
	s.known = max(s.known, again)
	s.careful = max(s.careful, refused)
	s.mu.Unlock()
	s.relay.metrics.failed.Inc()
	if refused == 0 {
		return cause
	}
	s.log.Info("Kafka refused a record: publishing record by record", zap.Int64("up_to_seq", refused))
	return nil
}
