package relay

import (
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	records, bytes, rows   prometheus.Counter
	republished            prometheus.Counter
	deadLetters            *prometheus.CounterVec
	leases                 *prometheus.CounterVec
	lagRows, lagSeconds    *prometheus.GaugeVec
	gaps                   prometheus.Gauge
	truncations            prometheus.Counter
	tableBytes             *prometheus.GaugeVec
	databaseErrors, failed prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "barnabas", Subsystem: "relay", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "barnabas", Subsystem: "relay", Name: name, Help: help}, labels)
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "barnabas", Subsystem: "relay", Name: name, Help: help}, labels)
	}
	m := &metrics{
		records:        counter("records_total", "Records acknowledged by Kafka."),
		bytes:          counter("bytes_total", "Bytes of outbox rows whose records are all acknowledged."),
		rows:           counter("rows_total", "Outbox rows whose records are all acknowledged."),
		republished:    counter("republished_rows_total", "Outbox rows handed to Kafka again after an error."),
		deadLetters:    counters("dead_letters_total", "Records that Kafka refused for good.", "topic"),
		leases:         counters("lease_changes_total", "Leases taken, lost and released.", "change"),
		lagRows:        gauges("lag_rows", "Outbox rows that are committed and not published.", "home"),
		lagSeconds:     gauges("lag_seconds", "Age of the oldest outbox row that is not published.", "home"),
		gaps:           prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "barnabas", Subsystem: "relay", Name: "gaps", Help: "Homes that wait for an outbox row that is missing though later ones exist."}),
		truncations:    counter("truncations_total", "Outbox tables truncated."),
		tableBytes:     gauges("outbox_bytes", "Size of each outbox table.", "slot"),
		databaseErrors: counter("database_errors_total", "Failed database operations."),
		failed:         counter("produce_failures_total", "Times a home had to go back because Kafka did not take a record."),
	}
	if registerer != nil {
		registerer.MustRegister(m.records, m.bytes, m.rows, m.republished, m.deadLetters, m.leases, m.lagRows, m.lagSeconds, m.gaps,
			m.truncations, m.tableBytes, m.databaseErrors, m.failed)
	}
	return m
}

func (m *metrics) published(records, bytes int64) {
	m.rows.Inc()
	m.records.Add(float64(records))
	m.bytes.Add(float64(bytes))
}
