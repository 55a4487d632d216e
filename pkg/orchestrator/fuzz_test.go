package orchestrator

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// FuzzCorrelation reads stored correlation rows: what can be read is written so
// that it is read the same, in memory that its bytes pay for.
func FuzzCorrelation(f *testing.F) {
	c := correlation{}
	c.open(subscription{instance: [16]byte{1}, home: 3, element: 7, node: 2, processID: "order", stays: true})
	c.buffer(bufferedMessage{id: "m-1", businessKey: "b", expires: 1_800_000_000_000, variables: []byte(`{"a":1}`)})
	f.Add(c.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		row := store.CorrelationRow{Name: "n", Key: "k", Version: 1, Data: data}
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { decodeCorrelation(row) }), float64(20+len(data)))
		c := decodeCorrelation(row)
		if c.unreadable != nil {
			return
		}
		again := decodeCorrelation(*c.row())
		require.NoError(t, again.unreadable)
		require.Equal(t, c, again)
	})
}

// FuzzRecords hands records of any topic, key, headers and value to a home on a
// real database, which has an instance with an open task: $TASK in the headers
// is its correlation id, $INSTANCE its id. Each record ends in one way, nothing
// is taken for a defect, and the home goes on.
func FuzzRecords(f *testing.F) {
	home := newFixture(f, 1, func(c *Config) { c.Logger = zap.NewNop() })
	home.deploy(waiting)
	home.deploy(timed)
	home.produce(0, home.message("order", "o-1", "", `{"orderId":"o-1"}`))
	task := home.commands(1, "work")[0]
	records := home.topics
	taken := 1
	home.ends(taken)
	f.Fuzz(func(t *testing.T, topic byte, key []byte, headers string, value []byte) {
		headers = strings.NewReplacer("$TASK", header(task, wire.HeaderCorrelationID), "$INSTANCE", string(task.Key)).Replace(headers)
		r := wire.Record{Topic: []string{records.messages, records.results, records.control}[topic%3], Key: key, Value: value}
		for line := range strings.Lines(headers) {
			name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			r.Headers = append(r.Headers, wire.Header{Key: name, Value: []byte(text)})
		}
		home.t = t
		home.produce(0, r)
		taken++
		home.awaitCommitted(taken)
		task = home.relay.latest(task)
	})
}

// awaitCommitted waits for so many records; nothing may be away or broken.
func (f *fixture) awaitCommitted(records int) {
	f.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(200*time.Microsecond)
	defer tick.Stop()
	for {
		consumed, ended := f.counted()
		sum := 0
		for _, n := range ended {
			sum += n
		}
		if consumed == records && sum == records {
			break
		}
		require.Empty(f.t, f.Ready().Problems(), "a record is no outage")
		select {
		case <-tick.C:
		case <-deadline:
			require.FailNow(f.t, "the home stands still", "%d of %d records, ends %v", consumed, records, ended)
		}
	}
	require.Zero(f.t, f.gathered("barnabas_defects_total"), "the record was taken for a defect of ours")
}

// gathered is the value of a counter.
func (f *fixture) gathered(name string) float64 {
	families, err := f.reg.Gather()
	require.NoError(f.t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.Metric[0].GetCounter().GetValue()
		}
	}
	return 0
}

// latest is the youngest task command offered, or else the one before, and
// forgets what was offered.
func (r *recorder) latest(before wire.Record) wire.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.records {
		if strings.HasPrefix(rec.Topic, "barnabas.task.") {
			before = rec
		}
	}
	r.records = nil
	return before
}
