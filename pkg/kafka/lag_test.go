package kafka

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestLagIsWhatIsNotDecided(t *testing.T) {
	c, l := newCluster(t), newLedger()
	c.produce(c.messages, 7, 5)
	l.positions[TopicPartition{Topic: c.results, Partition: 1}] = 3
	c.produce(c.results, 1, 5)
	registry := prometheus.NewRegistry()
	e := c.start(&engine{name: "a", ledger: l}, func(config *HomesConfig) { config.Metrics = registry })
	lags := func(messages, results float64) func() bool {
		return func() bool {
			now := gauges(t, registry, "barnabas_consumer_lag_records")
			return now[c.messages+"/7"] == messages && now[c.results+"/1"] == results
		}
	}
	require.Eventually(t, lags(5, 2), waitLong, waitTick, "taken, but not decided")
	e.homes.CommitHint(map[TopicPartition]int64{{Topic: c.messages, Partition: 7}: 4})
	require.Eventually(t, lags(1, 2), waitLong, waitTick)
	e.stop()
	require.Empty(t, gauges(t, registry, "barnabas_consumer_lag_records"), "somebody else's now")
}

// gauges are the values of a metric by the values of its labels.
func gauges(t *testing.T, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name { // labels come sorted by name
				values[m.Label[1].GetValue()+"/"+m.Label[0].GetValue()] = m.Gauge.GetValue()
			}
		}
	}
	return values
}
