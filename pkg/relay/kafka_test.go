package relay_test

import (
	"errors"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// takeKafkaAway makes the cluster cut every connection until the flag is cleared.
func (w *world) takeKafkaAway() *atomic.Bool {
	away := new(atomic.Bool)
	away.Store(true)
	w.cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		if !away.Load() {
			return nil, nil, false
		}
		w.cluster.KeepControl()
		return nil, errors.New("away"), true
	})
	return away
}
