package worker

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meter counts tasks. Its metrics:
//
//	barnabas_worker_tasks_total{type,status}    counter: completed, failed, bpmn-error, poison (no task command)
//	barnabas_worker_task_seconds{type}          histogram: how long handlers take
type meter struct {
	tasks   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// newMeter registers the metrics; those of another Run in the same registry are shared.
func newMeter(r prometheus.Registerer) (*meter, error) {
	m := &meter{
		tasks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barnabas_worker_tasks_total",
			Help: "Task commands by what became of them.",
		}, []string{"type", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "barnabas_worker_task_seconds",
			Help:    "How long the handler took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"type"}),
	}
	if r == nil {
		return m, nil
	}
	var err error
	if m.tasks, err = register(r, m.tasks); err != nil {
		return nil, err
	}
	m.seconds, err = register(r, m.seconds)
	return m, err
}

func register[C prometheus.Collector](r prometheus.Registerer, c C) (C, error) {
	err := r.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if existing, ok := there.ExistingCollector.(C); ok {
			return existing, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("worker: register metrics: %w", err)
	}
	return c, nil
}

func (m *meter) count(taskType, status string) { m.tasks.WithLabelValues(taskType, status).Inc() }

func (m *meter) observe(taskType, status string, took time.Duration) {
	m.count(taskType, status)
	m.seconds.WithLabelValues(taskType).Observe(took.Seconds())
}
