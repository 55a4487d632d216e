package orchestrator

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what operations sees of the engine.
type metrics struct {
	consumed      prometheus.Counter
	ends          [len(dispositionNames)]prometheus.Counter
	unbuffered    prometheus.Counter
	expired       prometheus.Counter
	batchInputs   prometheus.Histogram
	commitSeconds prometheus.Histogram
	conflicts     prometheus.Counter
	defects       prometheus.Counter
	timersFired   prometheus.Counter
	timersLate    prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, o *Orchestrator) *metrics {
	m := &metrics{
		consumed:    counter("consumed_records_total", "Records consumed and committed. Equals the sum of input_records_total over all ends."),
		unbuffered:  counter("buffered_messages_delivered_total", "Buffered messages that a subscription took."),
		expired:     counter("buffered_messages_expired_total", "Buffered messages whose time to live was over."),
		conflicts:   counter("batch_conflicts_total", "Batches decided again in part, since somebody else had written a row."),
		defects:     counter("defects_total", "Failures of the engine itself: the instance was parked."),
		timersFired: counter("ticks_total", "Ticks in which something was due."),
		timersLate: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "barnabas", Name: "timers_late_seconds", Help: "How long after they were due timers fired.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 10)}),
		batchInputs: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "barnabas", Name: "batch_inputs", Help: "Inputs per batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 11)}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "barnabas", Name: "commit_seconds", Help: "Duration of a batch's transaction.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
	}
	ends := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "barnabas", Name: "input_records_total", Help: "Consumed records by how they ended."}, []string{"end"})
	for d, name := range dispositionNames {
		m.ends[d] = ends.WithLabelValues(name)
	}
	homes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "barnabas", Name: "homes_owned", Help: "Homes this engine owns."}, func() float64 { return float64(len(o.Homes())) })
	o.ready.report(o.logger, reg)
	reg.MustRegister(m.consumed, ends, m.unbuffered, m.expired, m.batchInputs, m.commitSeconds, m.conflicts, m.defects, m.timersFired, m.timersLate, homes)
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "barnabas", Name: name, Help: help})
}

// count notes how a work ended, once it is committed.
func (m *metrics) count(w *work) {
	if w.record != nil {
		m.consumed.Inc()
		m.ends[w.end].Inc()
	}
	if t, is := w.in.(*tick); is && w.end == applied {
		m.timersFired.Inc()
		m.timersLate.Observe(t.late.Seconds())
	}
	m.unbuffered.Add(float64(w.unbuffered))
	m.expired.Add(float64(w.expired))
}
