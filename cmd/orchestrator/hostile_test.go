package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// place is where a record was written.
type place struct {
	topic, partition, offset string
}

// origin is the place that a dead letter names.
func origin(r *kgo.Record) place {
	h := headersOf(r)
	return place{h["x-dlq-original-topic"], h["x-dlq-original-partition"], h["x-dlq-original-offset"]}
}

func headersOf(r *kgo.Record) map[string]string {
	all := make(map[string]string)
	for _, h := range r.Headers {
		all[h.Key] = string(h.Value)
	}
	return all
}

// deadLetters reads so many dead letters of the input topics, by their origin.
func (s *site) deadLetters(t *testing.T, n int) map[place]*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeTopics(s.names.DeadLetter(s.names.Messages()), s.names.DeadLetter(s.names.Results()), s.names.DeadLetter(s.names.Control())))
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	letters := make(map[place]*kgo.Record)
	for len(letters) < n && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { letters[origin(r)] = r })
	}
	require.Len(t, letters, n)
	return letters
}

// untouched checks that a dead letter is the record with headers added.
func (h *hostile) untouched(t *testing.T, letter *kgo.Record) {
	t.Helper()
	require.NotNil(t, letter, "%s: no dead letter", h.name)
	require.True(t, bytes.Equal(h.record.Key, letter.Key), h.name)
	if h.class == tooLargeForBoth {
		require.Empty(t, letter.Value, h.name)
	} else {
		require.True(t, bytes.Equal(h.record.Value, letter.Value), h.name)
	}
	own := 0
	for _, header := range h.record.Headers {
		if !strings.HasPrefix(header.Key, "x-dlq-") {
			require.Equal(t, header.Key, letter.Headers[own].Key, h.name)
			require.True(t, bytes.Equal(header.Value, letter.Headers[own].Value), h.name)
			own++
		}
	}
	added := headersOf(letter)
	require.NotEmpty(t, added["x-dlq-error-message"], h.name)
	require.NotEmpty(t, added["x-dlq-engine"], h.name)
	at, err := time.Parse(time.RFC3339Nano, added["x-dlq-original-timestamp"])
	require.NoError(t, err, h.name)
	require.Equal(t, h.record.Timestamp.UnixMilli(), at.UnixMilli(), h.name)
	if h.class != "" {
		require.Equal(t, h.class, added["x-dlq-error-class"], "%s: %s", h.name, added["x-dlq-error-message"])
	}
}

// A few hundred bad records among good ones: the good instances complete, each
// bad record is a dead letter or counted, and nothing stands still.
func TestHostileInputs(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newSite(t)
	e := s.startEngine(t)
	e.deploy(t, "two-tasks.bpmn")
	e.deploy(t, "hostile.bpmn")
	s.startWorker(t, done, "first", "second")
	b := s.openBook(t)
	a := &attack{site: s, random: rand.New(rand.NewPCG(seed, 0))}
	a.held, a.failing = s.taskOf(t, "held", "hold", "held"), s.taskOf(t, "held", "hold", "failing")
	a.ended = s.taskOf(t, "first", "ordered", "order-0000")
	b.await(t, 1)

	a.messages()
	a.results()
	a.controls()
	known := len(a.sent)
	a.generated(300)
	t.Logf("%d records with a known fault, %d generated", known, len(a.sent)-known)
	ready := e.watchReadiness(t)
	orders := keys(0, 200)
	a.send(t, orders[1:])
	b.await(t, len(orders))
	s.publish(t, "asked", "answer-me")
	s.publish(t, "answered", "answer-me")
	b.await(t, len(orders)+1)
	s.answer(t, a.held)
	b.await(t, len(orders)+2)

	inputs := []string{s.names.Messages(), s.names.Results(), s.names.Control()}
	eventually(t, "everything is consumed", func() bool {
		return metric(t, e.address(t), "barnabas_consumed_records_total") == float64(s.records(t, inputs...))
	})
	counted := a.counters(t, e)
	sum := 0.0
	for _, n := range counted {
		sum += n
	}
	require.Equal(t, float64(s.records(t, inputs...)), sum, "every record ends in one way: %v", counted)
	require.Empty(t, ready(), "the engine stays ready")
	a.check(t, e, counted)
	require.Zero(t, s.consistent(t).Findings)
	e.toldHistory(t, a.failing, `"a\u0000b"`)
	e.hasIncidents(t, 5)
	for _, bad := range []string{"please report this", "home stopped", "waiting for what is away", "can't be read"} {
		require.NotContains(t, e.output.String(), bad)
	}
}

// toldHistory waits until the history of a task's instance contains a text.
func (e *runningEngine) toldHistory(t *testing.T, task wire.CorrelationID, text string) {
	t.Helper()
	var h api.History
	eventually(t, "history contains "+text, func() bool {
		err := e.client.call(t.Context(), "GET", "/v1/instances/"+task.String()[:36]+"/history", nil, &h)
		return err == nil && len(h.Steps) > 1 && strings.Contains(string(h.Steps[1].Events), text)
	})
}

// hasIncidents checks that keys that can't be were told as such.
func (e *runningEngine) hasIncidents(t *testing.T, n int) {
	t.Helper()
	var list struct{ Incidents []api.Incident }
	require.NoError(t, e.client.call(t.Context(), "GET", "/v1/incidents", nil, &list))
	require.Len(t, list.Incidents, n, list)
	for _, i := range list.Incidents {
		require.Equal(t, "message", i.Kind)
		require.Contains(t, i.Message, "correlation key of catch")
	}
}

// taskOf starts an instance and gives the correlation id of its first task.
func (s *site) taskOf(t *testing.T, taskType, message, key string) wire.CorrelationID {
	t.Helper()
	s.publish(t, message, key)
	return s.commandFor(t, taskType, key)
}

// watchReadiness asks all the time; the answer stops it and lists what was wrong.
func (e *runningEngine) watchReadiness(t *testing.T) func() []string {
	ctx, cancel := context.WithCancel(t.Context())
	faults := make(chan []string, 1)
	go func() {
		var list []string
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ; ctx.Err() == nil; <-tick.C {
			var ready map[string]any
			if err := e.client.call(ctx, "GET", "/readyz", nil, &ready); err != nil && ctx.Err() == nil {
				list = append(list, err.Error())
			}
		}
		faults <- list
	}()
	t.Cleanup(cancel)
	return func() []string {
		cancel()
		return <-faults
	}
}

// send mixes the hostile records with orders, at random.
func (a *attack) send(t *testing.T, orders []string) {
	t.Helper()
	var records []*kgo.Record
	for _, h := range a.sent {
		if h.record != nil {
			records = append(records, h.record)
		}
	}
	for _, key := range orders {
		records = append(records, a.site.message("ordered", key))
	}
	a.random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	require.NoError(t, a.site.kafka.ProduceSync(t.Context(), records...).FirstErr())
}

// counters are the engine's, by end.
func (a *attack) counters(t *testing.T, e *runningEngine) map[string]float64 {
	t.Helper()
	counted := make(map[string]float64)
	for _, end := range []string{applied, duplicate, late, unknown, buffered, unmatched, deadLetter, forwarded, "parked", refused} {
		counted[end] = metric(t, e.address(t), fmt.Sprintf("barnabas_input_records_total{end=%q}", end))
	}
	return counted
}

// discarded are the records that were not applied, and how they ended.
func (e *runningEngine) discarded(t *testing.T) map[place]string {
	t.Helper()
	var list struct{ Discarded []api.Discarded }
	require.NoError(t, e.client.call(t.Context(), "GET", "/v1/discarded", nil, &list))
	ends := make(map[place]string)
	for _, d := range list.Discarded {
		ends[place{d.Topic, fmt.Sprint(d.Partition), fmt.Sprint(d.Offset)}] = d.End
	}
	return ends
}

// check compares how records ended with how they should have.
func (a *attack) check(t *testing.T, e *runningEngine, counted map[string]float64) {
	t.Helper()
	least := make(map[string]float64)
	letters, discarded := a.site.deadLetters(t, int(counted[deadLetter])), e.discarded(t)
	for _, h := range a.sent {
		least[h.end]++
		if h.record == nil {
			continue
		}
		at := place{h.record.Topic, fmt.Sprint(h.record.Partition), fmt.Sprint(h.record.Offset)}
		if letter := letters[at]; h.end == deadLetter || h.end == "" && letter != nil {
			h.untouched(t, letter)
		} else {
			require.Nil(t, letter, "%s should not be a dead letter", h.name)
		}
		if end, is := discarded[at]; is && h.end != "" {
			require.Equal(t, h.end, end, h.name)
		} else {
			require.NotContains(t, []string{duplicate, late, unknown, unmatched}, h.end, h.name)
		}
	}
	delete(least, "")
	for end, n := range least {
		require.GreaterOrEqual(t, counted[end], n, "%s: %v", end, counted)
	}
}
