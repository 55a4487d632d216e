package main

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// startMinimalWorker answers tasks as the least a worker may do: with the key and
// the correlation id, on whatever partition its client thinks the key belongs to.
func (s *site) startMinimalWorker(t *testing.T, types ...string) {
	t.Helper()
	var topics []string
	for _, taskType := range types {
		topic, err := s.names.Task(taskType)
		require.NoError(t, err)
		topics = append(topics, topic)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(func(command *kgo.Record) {
				h := headersOf(command)
				client.Produce(ctx, &kgo.Record{Topic: h["replyTo"], Key: command.Key, Headers: headers("correlationId", h["correlationId"])}, nil)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		working.Wait()
		client.Close()
	})
}

func TestResultsOnOtherPartitionsAreForwarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	engines := []*runningEngine{s.startEngine(t), s.startEngine(t)}
	engines[0].deploy(t, "two-tasks.bpmn")
	s.startMinimalWorker(t, "first", "second")
	b := s.openBook(t)
	orders := keys(0, 200)
	s.publish(t, "ordered", orders...)
	b.settled(t, stepsOfTwoTasks, orders)

	count := func(end string) (n float64) {
		for _, e := range engines {
			n += metric(t, e.address(t), `barnabas_input_records_total{end="`+end+`"}`)
		}
		return n
	}
	// A message and two results for each instance; what was forwarded is consumed once more.
	eventually(t, "all is counted", func() bool { return count(applied) == 600 })
	require.Equal(t, float64(s.records(t, s.names.Control())), count(forwarded))
	require.Greater(t, count(forwarded), 200.0, "of 8 homes, one in eight is hit by chance")
	require.Zero(t, s.consistent(t).Findings)
}
