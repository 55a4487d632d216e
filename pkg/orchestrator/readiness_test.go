package orchestrator

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// said are the lines of the log: what they say, of what.
func said(logs *observer.ObservedLogs) (lines []string) {
	for _, l := range logs.TakeAll() {
		lines = append(lines, l.Message+": "+l.ContextMap()["what"].(string))
	}
	return lines
}

// howMany dependencies are waited for: it adds the metric up.
func howMany(t *testing.T, registry *prometheus.Registry) (sum int) {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	require.Equal(t, "barnabas_waiting", families[0].GetName())
	require.Len(t, families[0].Metric, 2, "also what is there is told of")
	for _, m := range families[0].Metric {
		sum += int(m.Gauge.GetValue())
	}
	return sum
}

const (
	waits = "waiting for what is away; nothing is lost: "
	back  = "what was away is back: "
)

func TestReadinessSaysOnceInAWhileWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		r, registry := newReadiness(), prometheus.NewRegistry()
		r.report(zap.New(core), registry)
		require.Zero(t, howMany(t, registry))
		for range 10 * 61 { // ten homes, each tries once a second for a minute
			r.Set("database", errors.New("connection refused"))
			<-time.After(100 * time.Millisecond)
		}
		require.Equal(t, []string{waits + "database", waits + "database", waits + "database"}, said(logs), "at 0, 30 and 60 s")
		require.Equal(t, map[string]string{"database": "connection refused"}, r.Problems())
		require.Equal(t, 1, howMany(t, registry))
		r.Set("kafka", errors.New("no answer"))
		r.Set("database", nil)
		r.Set("database", nil)
		require.Equal(t, []string{waits + "kafka", back + "database"}, said(logs))
		require.Equal(t, map[string]string{"kafka": "no answer"}, r.Problems())
		require.Equal(t, 1, howMany(t, registry), "for kafka still")
	})
}

func TestReadinessIsNotLoudAboutWhatComesAndGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		r := newReadiness()
		r.report(zap.New(core), prometheus.NewRegistry())
		for range 60 { // the database can be read, but not written to
			r.Set("database", errors.New("disk full"))
			<-time.After(500 * time.Millisecond)
			r.Set("database", nil)
			<-time.After(500 * time.Millisecond)
		}
		require.Len(t, said(logs), 12, "six times in a minute that it is away, and that it is back")
	})
}
