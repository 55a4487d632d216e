package bench

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c := Config{}.withDefaults()
	require.Equal(t, "one-task", c.Scenario)
	require.Equal(t, 4, c.Homes)
	require.Equal(t, 15*time.Second, c.Duration)
	require.Equal(t, 40_000, c.Window)
	require.Zero(t, c.Rate)
	require.Zero(t, Config{Instances: 5}.withDefaults().Duration, "a number of instances is a limit of its own")
	require.Equal(t, 100, Config{Scenario: "latency"}.withDefaults().Rate)
	require.Equal(t, 10_000, Config{Scenario: "ten-tasks"}.withDefaults().Window)
}

func TestConfigListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := Run(context.Background(), Config{Scenario: "hundred", Homes: -1, Instances: -1, Duration: -1, Rate: -1, Window: -1, WithoutNull: true})
	for _, problem := range []string{
		`scenario "hundred" is unknown: choose one of [latency one-task ten-tasks]`,
		"no brokers", "no database", "-1 homes", "-1 instances", "duration -1ns", "rate -1", "nothing to measure",
	} {
		require.ErrorContains(t, err, problem)
	}
}
