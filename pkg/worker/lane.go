package worker

import "sync"

// lane does its jobs one after the other. It holds at most what its partitions
// have in flight.
type lane struct {
	mu     sync.Mutex
	queued []*job
	closed bool
	wake   sync.Cond
}

func newLane() *lane {
	l := &lane{}
	l.wake.L = &l.mu
	return l
}

func (l *lane) add(jobs []*job) {
	l.mu.Lock()
	l.queued = append(l.queued, jobs...)
	l.mu.Unlock()
	l.wake.Signal()
}

// take waits for jobs and gives all there are; none when the lane is closed.
// spare is a slice to use again.
func (l *lane) take(spare []*job) []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queued) == 0 && !l.closed {
		l.wake.Wait()
	}
	jobs := l.queued
	clear(spare)
	l.queued = spare[:0]
	return jobs
}

// close ends the lane after the jobs it has.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake.Signal()
}
