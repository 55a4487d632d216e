package relay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// batchOf packs n records of 200 bytes, none like another: equal ones would compress to next to nothing.
func batchOf(n int) []byte {
	var pack wire.Pack
	values := noise(200 * n)
	for i := range n {
		pack.Add(wire.Record{Topic: "commands", Partition: wire.ByKey, Key: fmt.Appendf(nil, "instance-%d", i), Value: values[200*i : 200*(i+1)],
			Headers: []wire.Header{{Key: wire.HeaderCorrelationID, Value: []byte("0000000000000000")}}})
	}
	return pack.Bytes()
}

// BenchmarkOffered publishes rows of 100 records from memory, to an embedded broker in this process.
func BenchmarkOffered(b *testing.B) {
	w := setup(b)
	r := w.start("a", relay.Config{Homes: homes(1)})
	w.eventually("the home is held", func() bool { return len(r.Held()) == 1 })
	row := batchOf(100)
	b.ResetTimer()
	begun := time.Now()
	for n := range b.N {
		r.Offer(1, int64(n+1), row)
		require.NoError(b, r.Wait(b.Context(), 1))
	}
	w.eventually("all is published", func() bool { return w.publishedSeq(1) == int64(b.N) })
	took := time.Since(begun)
	require.Equal(b, int64(100*b.N), w.ends(w.topic), "what the broker has, once each")
	b.ReportMetric(float64(100*b.N)/took.Seconds(), "records/s")
}

// BenchmarkStandalone publishes rows of 100 records from the tables, which hold them before it begins.
func BenchmarkStandalone(b *testing.B) {
	w := setup(b)
	w.exec(`INSERT INTO relay_shard (home) VALUES (1)`)
	w.exec(`INSERT INTO outbox_0 (home, seq, data) SELECT 1, n, $1 FROM generate_series(1, $2::bigint) n`, batchOf(100), b.N)
	b.ResetTimer()
	begun := time.Now()
	w.start("a", relay.Config{RotateEvery: time.Hour})
	w.eventually("all is published", func() bool { return w.publishedSeq(1) == int64(b.N) })
	took := time.Since(begun)
	require.Equal(b, int64(100*b.N), w.ends(w.topic), "what the broker has, once each")
	b.ReportMetric(float64(100*b.N)/took.Seconds(), "records/s")
}

// BenchmarkLatency is the time from commit to acknowledgement of a row that nobody offers, while nothing else happens.
func BenchmarkLatency(b *testing.B) {
	w := setup(b)
	p := w.writer(1)
	r := w.start("a", relay.Config{})
	w.eventually("the home is held", func() bool { return len(r.Held()) == 1 })
	for n := range b.N {
		p.commit(p.pack(1))
		w.eventually("it is acknowledged", func() bool { return r.value(w, "rows_total") == float64(n+1) })
	}
}
