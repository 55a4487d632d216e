package orchestrator

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// looper is a relay that answers every task command itself, at once: what is
// left is the cost of deciding and of the database.
type looper struct {
	o       *Orchestrator
	offsets []atomic.Int64
	done    atomic.Int64
	want    int64
	ended   chan struct{}
}

func (l *looper) Wait(context.Context, int32) error { return nil }

func (l *looper) Offer(home int32, _ int64, data []byte) {
	var replies []wire.Record
	_ = wire.Unpack(data, func(r wire.Record) error {
		if len(r.Topic) > 14 && r.Topic[:14] == "barnabas.task." {
			replies = append(replies, wire.Record{
				Topic: "barnabas.results", Partition: home, Offset: l.offsets[home].Add(1) - 1, Key: r.Key,
				Headers: r.Headers[:2:2], // correlationId, attempt
			})
		}
		return nil
	})
	if len(replies) == 0 {
		return
	}
	go func() {
		l.o.Take(home, replies)
		if l.done.Add(int64(len(replies))) == l.want {
			close(l.ended)
		}
	}()
}

// BenchmarkOneTask runs instances of one task through four homes, without Kafka.
func BenchmarkOneTask(b *testing.B) {
	url := devtest.Postgres(b)
	require.NoError(b, store.Migrate(b.Context(), url))
	s, err := store.Open(b.Context(), store.Config{URL: url})
	require.NoError(b, err)
	defer s.Close()
	l := &looper{offsets: make([]atomic.Int64, 4), want: int64(b.N), ended: make(chan struct{})}
	o, err := New(b.Context(), Config{Store: s, Relay: l, Metrics: prometheus.NewRegistry()})
	require.NoError(b, err)
	l.o = o
	o.UseConsumer(noConsumer{})
	_, err = o.Deploy(b.Context(), "one-task.bpmn", []byte(oneTask))
	require.NoError(b, err)
	f := &fixture{Orchestrator: o}
	for h := range int32(4) {
		_, err := o.Claim(b.Context(), h, 4, f.partitions(h))
		require.NoError(b, err)
	}
	starts := make([][]wire.Record, 4)
	for i := range b.N {
		r := record("barnabas.messages", fmt.Sprintf("order-%d", i), `{"orderId":"o-123456","amount":129.90,"customer":"c-42"}`,
			headers{wire.HeaderMessageName: "order", wire.HeaderMessageID: fmt.Sprintf("m-%d", i)})
		r.Partition, r.Offset = int32(i%4), int64(i/4)
		starts[i%4] = append(starts[i%4], r)
	}
	b.ResetTimer()
	for h, recs := range starts {
		o.Take(int32(h), recs)
	}
	<-l.ended
	o.releaseAll()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "instances/s")
}
