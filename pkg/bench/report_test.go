package bench

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReportComparesEngineWithNull(t *testing.T) {
	t.Parallel()
	r := &Report{Scenario: "one-task", Homes: 4}
	r.compare([]Measurement{
		{System: systemNull, Instances: 800, InstancesPerS: 800},
		{System: systemEngine, Instances: 200, InstancesPerS: 200, TasksPerS: 200, P50Ms: 3, DuplicateStatus: 1, CPU: map[string]float64{totalCPU: 0.05}},
	})
	require.Equal(t, systemEngine, r.System)
	require.InDelta(t, 0.25, r.Ratio, 1e-9)

	var out bytes.Buffer
	require.NoError(t, r.WriteJSON(&out))
	var fields map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &fields))
	for _, name := range []string{"instances_per_s", "tasks_per_s", "null_per_s", "ratio", "p50_ms", "p99_ms", "cpu_s_per_1000_tasks", "null"} {
		require.Contains(t, fields, name)
	}
	out.Reset()
	require.NoError(t, r.WriteTable(&out))
	require.Contains(t, out.String(), "the engine runs at 25 % of the null pipeline")
	require.Contains(t, out.String(), "every one of 200 instances completed exactly once; 1 status records came twice")
}

func TestReportOfTheNullPipelineAlone(t *testing.T) {
	t.Parallel()
	r := &Report{}
	r.compare([]Measurement{{System: systemNull, InstancesPerS: 800}})
	require.Equal(t, systemNull, r.System)
	require.InDelta(t, 800, r.NullPerS, 1e-9)
	require.Zero(t, r.Ratio)
	require.Nil(t, r.Null)
}

func TestProgressInAPipe(t *testing.T) {
	t.Parallel()
	b := newBook()
	for n := range 10 {
		b.sent(n, time.Now())
	}
	b.completed.Store(4)
	var out bytes.Buffer
	p := newProgress(&out, "engine", Plan{Instances: 16}, b)
	p.show(time.Second, 4, 2)
	require.Equal(t, "engine: 25 %  4 completed, 6 open, 2/s\n", out.String())

	out.Reset()
	p.terminal = true
	p.show(time.Second, 4, 2)
	require.Contains(t, out.String(), "[███████·······················]  25 %")
}
