package dmn_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// FuzzParse compiles documents and evaluates every decision of those that are
// models: problems, values and errors are ordinary, work is bounded by steps.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.dmn")
	require.NoError(f, err)
	for _, file := range files {
		xml, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(xml, `{"a": 1}`)
	}
	f.Fuzz(func(t *testing.T, xml []byte, inputs string) {
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = dmn.Parse(xml, dmn.Config{}) }), float64(20_000+20*len(xml)))
		for _, tolerant := range []bool{false, true} {
			m, err := dmn.Parse(xml, dmn.Config{Tolerant: tolerant})
			if err != nil {
				requireProblems(t, err)
				continue
			}
			for _, d := range m.Decisions {
				evaluateTwice(t, m, d.ID, inputs)
			}
		}
	})
}

func requireProblems(t *testing.T, err error) {
	var problems *dmn.Problems
	require.ErrorAs(t, err, &problems)
	require.NotEmpty(t, problems.List)
	for _, p := range problems.List {
		require.NotEmpty(t, p.Message)
	}
}

func evaluateTwice(t *testing.T, m *dmn.Model, decision, inputs string) {
	scope := &expr.Context{}
	if v, err := expr.FromJSON([]byte(inputs)); err == nil {
		if c, is := v.AsContext(); is {
			scope = c
		}
	}
	env := func() *expr.Env {
		return &expr.Env{Scope: scope, Now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Seed: 7,
			Limits: expr.Limits{Steps: 5000, Depth: 50, Items: 1000, Bytes: 1 << 16}}
	}
	first, err := m.Evaluate(decision, env())
	again, _ := m.Evaluate(decision, env())
	require.Equal(t, first.Value.Text(), again.Value.Text(), "the same inputs give the same value")
	require.LessOrEqual(t, len(first.Decisions), dmn.MaxExplained)
	if err != nil {
		require.NotContains(t, err.Error(), "broke off", "a panic was caught")
	}
}
