package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	o, err := parseFlags([]string{"--duration", "30m", "--seed", "7"}, &said)
	require.NoError(t, err)
	require.Equal(t, 30*time.Minute, o.duration)
	require.EqualValues(t, 7, o.seed)

	for args, want := range map[string]string{
		"extra":         "no arguments",
		"--duration=0s": "must be positive",
		"--chains=0":    "--chains 0",
		"--rate=1001":   "--rate 1001",
		"--think=1us":   "whole milliseconds",
		"--nonsense":    "not defined",
	} {
		said.Reset()
		require.Equal(t, exitUsage, run(t.Context(), []string{args}, &said, &said), args)
		require.Contains(t, said.String(), want)
	}
}

func TestHelpSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--help"}, &said, &said))
	for _, want := range []string{"Java", "-seed", "-report folder", "mean time from fault to fault"} {
		require.Contains(t, said.String(), want)
	}
}

func TestThePlanIsPrintedWithoutARun(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--plan", "--seed", "7", "--duration", "5m"}, &first, &first))
	require.Zero(t, run(t.Context(), []string{"--plan", "--seed", "7", "--duration", "5m"}, &second, &second))
	require.Equal(t, first.String(), second.String())
	require.Greater(t, bytes.Count(first.Bytes(), []byte("\n")), 40)
}
