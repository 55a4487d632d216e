package worker

import (
	"sync"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// job is a command on its way through the worker.
type job struct {
	record    *wire.Record
	partition *partition
	answered  bool // guarded by partition.mu
}

// partition knows the commands taken from a partition whose results, or those of
// commands before them, are not in Kafka yet.
type partition struct {
	number int32
	limit  int // of inFlight: beyond it the partition pauses
	source *commands

	mu        sync.Mutex
	jobs      []*job // in order of offset
	first     int    // index in jobs of the oldest not answered
	begun     int64  // highest offset begun, -1 at first
	paused    bool
	next      int64 // offset to go on from, once next > committed
	committed int64
	released  bool
	closed    bool          // drained
	drained   chan struct{} // closed when released and all up to begun is answered
}

func newPartition(number int32, limit int, source *commands) *partition {
	return &partition{number: number, limit: limit, source: source, begun: -1, drained: make(chan struct{})}
}

// take adds commands in order of offset.
func (p *partition) take(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first > len(p.jobs)/2 && len(p.jobs) == cap(p.jobs) {
		n := copy(p.jobs, p.jobs[p.first:])
		clear(p.jobs[n:])
		p.jobs, p.first = p.jobs[:n], 0
	}
	p.jobs = append(p.jobs, j)
}

// inFlight is the number of jobs from the oldest not answered.
func (p *partition) inFlight() int { return len(p.jobs) - p.first }

// full says whether the partition should be paused.
func (p *partition) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.isFull()
}

func (p *partition) isFull() bool { return !p.paused && !p.released && p.inFlight() >= p.limit }

// pause stops fetching from a full partition until it is half empty.
func (p *partition) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isFull() {
		p.paused = true
		p.source.pause(p.number)
	}
}

// begin says whether a command may still be worked on. Of a released partition
// those are that come before one already begun: left undone, they would make the
// next owner repeat it.
func (p *partition) begin(j *job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released && j.record.Offset > p.begun {
		return false
	}
	p.begun = max(p.begun, j.record.Offset)
	return true
}

// end takes note that work on a command is over; without an answer the command
// and those after it will be delivered again. It says whether a full partition
// has room now.
func (p *partition) end(j *job, answered bool) (room bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.inFlight()
	j.answered = answered
	for p.first < len(p.jobs) && p.jobs[p.first].answered {
		p.next = p.jobs[p.first].record.Offset + 1
		p.jobs[p.first] = nil
		p.first++
	}
	if p.paused && p.inFlight() <= p.limit/2 {
		p.paused = false
		p.source.resume(p.number)
	}
	p.closeIfDrained()
	return before >= p.limit && p.inFlight() < p.limit
}

// release lets nothing new begin.
func (p *partition) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return
	}
	p.released = true
	if p.paused { // a pause would outlive the assignment
		p.paused = false
		p.source.resume(p.number)
	}
	p.closeIfDrained()
}

func (p *partition) closeIfDrained() {
	if !p.released || p.inFlight() > 0 && p.jobs[p.first].record.Offset <= p.begun {
		return
	}
	if !p.closed {
		p.closed = true
		close(p.drained)
	}
}

// undone is the number of commands that keep a released partition from being drained.
func (p *partition) undone() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs[p.first:] {
		if !j.answered && j.record.Offset <= p.begun {
			n++
		}
	}
	return n
}

// uncommitted is the offset to commit, if there is one.
func (p *partition) uncommitted() (next int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next, p.next > p.committed
}

func (p *partition) setCommitted(next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = next
}
