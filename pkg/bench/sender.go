package bench

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sender ends the producer's linger early when little happens. A fixed linger
// is wrong either way: zero makes one-record requests that eat the processor
// when it is busy, anything else is added to every hop when it is idle. So
// records go out at once unless some did within the last gap; then they linger.
type sender struct {
	client *kgo.Client
	gap    time.Duration
	last   atomic.Int64
}

func newSender(c *kgo.Client, gap time.Duration) *sender { return &sender{client: c, gap: gap} }

// produced is called after a group of records was handed to the client.
func (s *sender) produced() {
	now, last := time.Now().UnixNano(), s.last.Load()
	if now-last < int64(s.gap) || !s.last.CompareAndSwap(last, now) {
		return
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.client.Flush(done) // starts sending, then fails at once, as ctx is done
}
