package orchestrator

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Readiness tells whether everything the engine depends on is there: to who asks,
// in a metric, and in the log, where it says what is waited for, says so again
// every 30 s, and that it is back.
type Readiness struct {
	logger *zap.Logger
	gauge  *prometheus.GaugeVec

	mu   sync.Mutex
	away map[string]*absence
	said map[string]time.Time // when the log last spoke of a dependency
}

// absence is a dependency that is away.
type absence struct {
	err    error
	since  time.Time
	logged bool
}

const (
	saidAgain = 30 * time.Second
	// A dependency that comes and goes is not told of more often.
	saidAtMost = 10 * time.Second
)

func newReadiness() *Readiness {
	r := &Readiness{
		logger: zap.NewNop(), away: make(map[string]*absence), said: make(map[string]time.Time),
		gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "barnabas", Name: "waiting", Help: "1 while the engine waits for a dependency that is away."}, []string{"for"}),
	}
	r.gauge.WithLabelValues("database").Set(0)
	r.gauge.WithLabelValues("kafka").Set(0)
	return r
}

// report begins to log and to measure.
func (r *Readiness) report(l *zap.Logger, registry prometheus.Registerer) {
	r.logger = l
	registry.MustRegister(r.gauge)
}

// Set notes the condition of a dependency; nil is well.
func (r *Readiness) Set(what string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.away[what]
	switch {
	case err != nil && a == nil:
		a = &absence{since: time.Now()}
		r.away[what] = a
		r.gauge.WithLabelValues(what).Set(1)
		r.say(what, a, err, saidAtMost)
	case err != nil:
		r.say(what, a, err, saidAgain)
	case a != nil:
		delete(r.away, what)
		r.gauge.WithLabelValues(what).Set(0)
		if a.logged {
			r.logger.Info("what was away is back", zap.String("what", what), zap.Duration("after", time.Since(a.since)))
		}
	}
}

// say logs what is waited for, unless it was spoken of a moment ago.
func (r *Readiness) say(what string, a *absence, err error, pause time.Duration) {
	a.err = err
	if time.Since(r.said[what]) < pause {
		return
	}
	r.said[what], a.logged = time.Now(), true
	r.logger.Warn("waiting for what is away; nothing is lost", zap.String("what", what), zap.Duration("for", time.Since(a.since)), zap.Error(err))
}

// Problems are the dependencies that are away, and why. None: ready.
func (r *Readiness) Problems() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make(map[string]string, len(r.away))
	for what, a := range r.away {
		list[what] = a.err.Error()
	}
	return list
}
