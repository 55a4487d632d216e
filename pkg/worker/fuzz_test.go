package worker

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// FuzzTask takes any record for a task command: what is one can be answered, and
// the engine understands every answer, whatever a handler returned.
func FuzzTask(f *testing.F) {
	f.Fuzz(func(t *testing.T, key []byte, headers string, value []byte, message string) {
		r := &wire.Record{Topic: "barnabas.task.pay", Key: key, Value: value}
		for line := range strings.Lines(headers) {
			name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			r.Headers = append(r.Headers, wire.Header{Key: name, Value: []byte(text)})
		}
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = decodeTask(r) }), float64(100+len(headers)))
		task, err := decodeTask(r)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		task.results = &results{defaultTopic: "barnabas.results"}
		for _, outcome := range []struct {
			variables any
			err       error
		}{
			{json.RawMessage(value), nil}, {map[string]string{message: message}, nil}, {nil, errors.New(message)},
			{nil, GiveUp(errors.New(message))}, {nil, RetryAfter(time.Duration(len(message))*time.Millisecond, errors.New(message))},
			{nil, BPMNError(message, message, json.RawMessage(value))},
		} {
			answered, _ := result(task, outcome.variables, outcome.err)
			requireUnderstood(t, task, &answered)
		}
	})
}

// requireUnderstood decodes an answer as the engine does. A command that an
// engine wrote has its own attempt and text for headers.
func requireUnderstood(t *testing.T, task Task, answered *wire.Record) {
	require.GreaterOrEqual(t, answered.Partition, int32(0))
	got, err := wire.DecodeResult(answered, wire.Limits{})
	attempt := task.Header(wire.HeaderAttempt)
	if attempt != "" && attempt != strconv.Itoa(task.Attempt) || len(answered.Key) > 2<<10 || len(answered.Headers) > 8 {
		return
	}
	size := 0
	for _, h := range answered.Headers {
		require.True(t, h.Key != wire.HeaderErrorMessage || utf8.Valid(h.Value))
		size += len(h.Key) + len(h.Value)
	}
	if size > 32<<10 {
		return
	}
	require.NoError(t, err)
	require.Equal(t, task.CorrelationID, got.CorrelationID.String())
}
