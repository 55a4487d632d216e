package relay

import (
	"context"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// queue holds an unbroken run of offered rows.
type queue struct {
	rows  []store.OutboxRow
	bytes int64
}

func (q *queue) first() (seq int64, any bool) {
	if len(q.rows) == 0 {
		return 0, false
	}
	return q.rows[0].Seq, true
}

// add appends a row if it continues the run.
func (q *queue) add(row store.OutboxRow) {
	if n := len(q.rows); n > 0 && q.rows[n-1].Seq+1 != row.Seq {
		return
	}
	q.rows = append(q.rows, row)
	q.bytes += int64(len(row.Data))
}

// take removes row seq and those before it, and returns row seq if it is there.
func (q *queue) take(seq int64) (row store.OutboxRow, found bool) {
	for len(q.rows) > 0 && q.rows[0].Seq <= seq {
		row, found = q.rows[0], q.rows[0].Seq == seq
		q.bytes -= int64(len(row.Data))
		q.rows[0].Data = nil
		q.rows = q.rows[1:]
	}
	return row, found
}

// offer keeps the row for run, unless it is old, or does not follow what is kept, or memory is full: then run reads it from the table.
func (s *shard) offer(seq int64, data []byte) {
	s.mu.Lock()
	s.known = max(s.known, seq)
	if seq >= s.next && s.offered.bytes < 2*s.relay.cfg.BacklogBytes {
		s.offered.add(store.OutboxRow{Seq: seq, Data: data})
	}
	s.mu.Unlock()
	s.rouse()
}

// learn takes note of rows in the table. While the first of them can't be seen there is nothing to publish.
func (s *shard) learn(lag store.OutboxLag) {
	if lag.Age < 0 {
		return
	}
	s.mu.Lock()
	news := lag.Last > s.known
	s.known = max(s.known, lag.Last)
	s.mu.Unlock()
	if news {
		s.rouse()
	}
}

// position is the highest row that is handed to Kafka or known to exist.
func (s *shard) position() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.known, s.next-1)
}

func (s *shard) backlog() (rows, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlogLocked()
}

func (s *shard) backlogLocked() (rows, bytes int64) {
	return max(s.known, s.next-1) - s.flight.acked, s.offered.bytes + s.flight.bytes
}

// waitForRoom returns when the backlog is below the limits or the lease has ended.
func (s *shard) waitForRoom(ctx context.Context) error {
	for ctx.Err() == nil {
		room := s.shrinking()
		if room == nil {
			return nil
		}
		select {
		case <-room:
		case <-s.stopped:
			return nil
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// shrinking returns nil if the backlog is below the limits, else a channel that is closed when it has shrunk.
func (s *shard) shrinking() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, bytes := s.backlogLocked()
	if s.isStopped() || rows < s.relay.cfg.BacklogRows && bytes < s.relay.cfg.BacklogBytes {
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	return s.room
}

// shrunk wakes those in waitForRoom. The caller holds s.mu.
func (s *shard) shrunk() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}
