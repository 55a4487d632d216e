package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

var sentAt = time.Unix(1_700_000_000, 0)

func statusOf(instance byte, sequence uint32, completed bool) statusRecord {
	return statusRecord{n: 0, instance: [16]byte{instance}, sequence: sequence, completed: completed}
}

func TestBookCountsEachInstanceOnce(t *testing.T) {
	t.Parallel()
	b := newBook()
	b.sent(0, sentAt)
	b.sentAll()
	require.NoError(t, b.note(statusOf(1, 1, false), sentAt))
	require.Equal(t, 1, b.open())
	require.NoError(t, b.note(statusOf(1, 2, true), sentAt.Add(7*time.Millisecond)))
	require.NoError(t, b.note(statusOf(1, 2, true), sentAt.Add(9*time.Millisecond)), "delivery is at least once")
	require.NoError(t, b.wait(context.Background(), time.Minute))
	require.EqualValues(t, 1, b.completed.Load())
	require.EqualValues(t, 1, b.duplicates.Load())
	require.Equal(t, []float64{7, 7}, b.quantiles(0.5, 1))
}

func TestBookRefusesWhatMustNotHappen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last statusRecord
		says string
	}{
		"a gap":                       {statusOf(1, 3, true), "sequence 3 after 1"},
		"two instances of one start":  {statusOf(2, 1, false), "made two instances"},
		"an instance never started":   {statusRecord{n: pageSize + 1}, "never started"},
		"something after the end":     {statusOf(1, 3, false), "after it completed"},
		"a second, later completion ": {statusOf(1, 3, true), "after it completed"},
	} {
		b := newBook()
		b.sent(0, sentAt)
		require.NoError(t, b.note(statusOf(1, 1, false), sentAt))
		if c.says == "after it completed" {
			require.NoError(t, b.note(statusOf(1, 2, true), sentAt))
		}
		require.ErrorContains(t, b.note(c.last, sentAt), c.says, name)
	}
}

func TestBookGivesUpWhenNothingCompletes(t *testing.T) {
	t.Parallel()
	b := newBook()
	b.sent(0, sentAt)
	require.ErrorContains(t, b.wait(context.Background(), 5*time.Millisecond), "1 instances did not complete, none within 5ms")
}

func TestBookEndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	b := newBook()
	b.fail(errors.New("first"))
	b.fail(errors.New("second"))
	require.EqualError(t, b.wait(context.Background(), time.Minute), "first")
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	b := newBook()
	require.Equal(t, []float64{0}, b.quantiles(0.5), "nothing completed")
	for us := 100_000; us > 0; us -= 1000 {
		b.latencies = append(b.latencies, uint32(us))
	}
	require.Equal(t, []float64{1, 50, 99, 100}, b.quantiles(0, 0.5, 0.99, 1))
}

// statusRecordOf is a record of the status topic as the protocol has it.
func statusRecordOf(t *testing.T, s *wire.Status) *kgo.Record {
	var p wire.Pack
	s.Topic = "status"
	p.AddStatus(s)
	r := &kgo.Record{}
	require.NoError(t, wire.Unpack(p.Bytes(), func(packed wire.Record) error {
		r.Key, r.Value = packed.Key, packed.Value
		for _, h := range packed.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		return nil
	}))
	return r
}

func TestLoadReadsStatusRecordsOfTheProtocol(t *testing.T) {
	t.Parallel()
	l := &load{run: "b01020304", book: newBook()}
	r := statusRecordOf(t, &wire.Status{Instance: [16]byte{1, 15: 2}, BusinessKey: "b01020304-000000012", Sequence: 4, State: wire.InstanceCompleted})
	s, mine, err := l.read(r)
	require.NoError(t, err)
	require.True(t, mine)
	require.Equal(t, statusRecord{n: 12, instance: [16]byte{1, 15: 2}, sequence: 4, completed: true}, s)

	_, mine, err = l.read(statusRecordOf(t, &wire.Status{BusinessKey: "b99999999-000000012", Sequence: 4}))
	require.NoError(t, err)
	require.False(t, mine, "another run's")

	r.Key = []byte("another instance")
	_, _, err = l.read(r)
	require.ErrorContains(t, err, "does not begin with the record key")
}
