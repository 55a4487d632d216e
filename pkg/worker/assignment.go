package worker

import (
	"context"
	"maps"
	"time"
)

// commitTimeout bounds the commit of partitions that are given away.
const commitTimeout = 5 * time.Second

// assignment is a copy of the partitions that are ours.
func (c *consumer) assignment() map[int32]*partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.partitions)
}

func (c *consumer) assigned(partitions []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, number := range partitions {
		c.partitions[number] = newPartition(number, c.config.MaxInFlight, c.source)
	}
	c.setLimit()
}

func (c *consumer) revoked(partitions []int32) { c.release(partitions) }

func (c *consumer) lost(partitions []int32) {
	for _, p := range c.remove(partitions) {
		p.release()
	}
}

// release gives partitions away: what was begun, and what comes before it in the
// partition, is done within DrainTimeout; how far they came is committed. It
// returns how many tasks were not done in time; the new owner does them again.
func (c *consumer) release(partitions []int32) (left int) {
	gone := c.remove(partitions)
	for _, p := range gone {
		p.release()
	}
	timeout := time.NewTimer(c.config.DrainTimeout)
	defer timeout.Stop()
	for _, p := range gone {
		select {
		case <-p.drained:
		case <-timeout.C:
			timeout.Reset(0) // for the other partitions as well
			left += p.undone()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	c.commit(ctx, func() map[int32]*partition { return gone })
	return left
}

// remove takes partitions out of the assignment, so that commitUntil can't
// commit them later than their release does.
func (c *consumer) remove(partitions []int32) map[int32]*partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := make(map[int32]*partition, len(partitions))
	for _, number := range partitions {
		if p := c.partitions[number]; p != nil {
			gone[number] = p
			delete(c.partitions, number)
		}
	}
	c.setLimit()
	return gone
}

// setLimit lets each partition have half of what would pause it.
func (c *consumer) setLimit() {
	c.limit.Store(int64(len(c.partitions) * (c.config.MaxInFlight / 2)))
	c.signalRoom()
}
