package relay_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// limit sets the largest batch a topic takes.
func (w *world) limit(topic, bytes string) {
	w.t.Helper()
	answers, err := w.admin().AlterTopicConfigs(w.t.Context(),
		[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &bytes}}, topic)
	require.NoError(w.t, err)
	for _, a := range answers {
		require.NoError(w.t, a.Err)
	}
}

// noise does not compress.
func noise(n int) []byte {
	var b bytes.Buffer
	x := uint32(1)
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b.WriteByte(byte(x))
	}
	return b.Bytes()
}

// poison commits a row whose middle record is too large for its topic, between two good ones.
func (p *writer) poison(r *running, size int) {
	before, after := p.pack(1), p.pack(1)
	var pack wire.Pack
	add := func(r wire.Record) error { pack.Add(r); return nil }
	require.NoError(p.w.t, wire.Unpack(before, add))
	pack.Add(wire.Record{Topic: p.w.topic, Partition: 2, Key: []byte("poison"), Value: noise(size),
		Headers: []wire.Header{{Key: "correlationId", Value: []byte("c-1")}}})
	require.NoError(p.w.t, wire.Unpack(after, add))
	seq, data := p.commit(pack.Bytes())
	r.Offer(p.fence.Home, seq, data)
}

func TestRecordThatKafkaRefusesBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name             string
		size             int
		topicLimit       string // of the broker, else the producer's own limit refuses
		deadLetterLimit  string
		withoutItsValue  bool
		errorMessageHead string
	}{
		{"by the broker", 100 << 10, "50000", "", false, "send record 0 to commands"},
		{"by the producer", 1900 << 10, "", "", true, "the value of 1945600 bytes is left out"},
		{"for both topics", 100 << 10, "50000", "50000", true, "the value of 102400 bytes is left out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			if c.topicLimit != "" {
				w.limit(w.topic, c.topicLimit)
			}
			if c.deadLetterLimit != "" {
				w.limit(w.topic+".dlq", c.deadLetterLimit)
			}
			r := w.start("a", relay.Config{Homes: homes(1, 2)})
			w.eventually("homes are held", func() bool { return len(r.Held()) == 2 })
			sick, healthy := w.writer(1), w.writer(2)
			for range 30 {
				sick.write(2, r)
				healthy.write(2, r)
			}
			sick.poison(r, c.size)
			for range 30 {
				sick.write(2, r)
				healthy.write(2, r)
			}
			w.waitPublished(sick, healthy)
			w.requireComplete(sick, healthy)

			letters := w.records(w.topic + ".dlq")
			require.Len(t, letters, 1, "the records around it are innocent")
			letter := letters[0]
			require.Equal(t, "poison", string(letter.Key))
			require.Equal(t, "c-1", header(letter, "correlationId"))
			require.Equal(t, w.topic, header(letter, wire.HeaderDLQTopic))
			require.Equal(t, "2", header(letter, wire.HeaderDLQPartition))
			require.Equal(t, "refused-by-kafka", header(letter, wire.HeaderDLQClass))
			require.True(t, strings.HasPrefix(header(letter, wire.HeaderDLQMessage), c.errorMessageHead), header(letter, wire.HeaderDLQMessage))
			require.Equal(t, "a", header(letter, wire.HeaderDLQEngine))
			if c.withoutItsValue {
				require.Nil(t, letter.Value)
			} else {
				require.Equal(t, noise(c.size), letter.Value)
			}
			require.Equal(t, 1.0, r.value(w, "dead_letters_total"))
		})
	}
}

// requireComplete checks that every record of the writers is there, in whatever order: a refusal by the broker may let records overtake
// those it dragged along.
func (w *world) requireComplete(writers ...*writer) {
	w.t.Helper()
	seen := make(map[string]map[int]bool)
	for _, r := range w.records(w.topic) {
		if seen[string(r.Key)] == nil {
			seen[string(r.Key)] = make(map[int]bool)
		}
		seen[string(r.Key)][numberOf(w.t, string(r.Value))] = true
	}
	for _, p := range writers {
		for key, n := range p.keys {
			require.Len(w.t, seen[p.key(key)], n, "home %d key %d", p.fence.Home, key)
		}
	}
}

// While there is no topic for the dead letter either, the home waits rather than losing the record.
func TestWithoutDeadLetterTopicTheHomeWaits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.limit(w.topic, "50000")
	answers, err := w.admin().DeleteTopics(t.Context(), w.topic+".dlq")
	require.NoError(t, err)
	require.NoError(t, answers.Error())
	r := w.start("a", relay.Config{Homes: homes(1)})
	p := w.writer(1)
	p.poison(r, 100<<10)
	w.eventually("the refusal is noticed", func() bool { return r.value(w, "produce_failures_total") > 0 })
	require.Zero(t, w.publishedSeq(1))
	_, err = w.admin().CreateTopic(t.Context(), 1, 1, nil, w.topic+".dlq")
	require.NoError(t, err)
	w.waitPublished(p)
	require.Len(t, w.records(w.topic+".dlq"), 1)
	w.requireComplete(p)
}
