package relay_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

func TestRunNamesEveryMistakeInTheConfig(t *testing.T) {
	t.Parallel()
	err := relay.New(relay.Config{LeaseTTL: time.Millisecond}).Run(t.Context())
	for _, mistake := range []string{"Store is missing", "Producer is missing", "Holder is missing", "LeaseTTL must be"} {
		require.ErrorContains(t, err, mistake)
	}
}

func TestOfferedRowsArePublishedOnceInOrder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.start("a", relay.Config{Homes: homes(3)})
	p := w.writer(3)
	p.write(300, r)
	w.waitPublished(p)
	require.Zero(t, w.requirePublished(p))
	require.Equal(t, 900.0, r.value(w, "records_total"))
	require.Equal(t, 300.0, r.value(w, "rows_total"))
	rows, bytes := r.Backlog(3)
	require.Zero(t, rows)
	require.Zero(t, bytes)
}

// The row is in no table: if it is published, then from memory.
func TestOfferPublishesFromMemory(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.start("a", relay.Config{Homes: homes(3)})
	w.eventually("home 3 is held", func() bool { return slices.Equal(r.Held(), []int32{3}) })
	p := w.writer(3)
	r.Offer(3, 1, p.pack(1, 2))
	w.eventually("the row is published", func() bool { return w.publishedSeq(3) == 1 })
	w.requirePublished(p)
}

func TestRowsThatWereNotOfferedAreFound(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.writer(3)
	p.write(20, nil) // before the relay starts
	r := w.start("a", relay.Config{Homes: homes(3), ReadRows: 3, ReadBytes: 200})
	w.waitPublished(p)
	p.write(20, nil) // no offer: the watcher finds them
	w.waitPublished(p)
	p.write(5, nil)
	p.write(5, r) // offers begin after a hole
	w.waitPublished(p)
	require.Zero(t, w.requirePublished(p))
}

func TestStandaloneRelayPublishesAllHomes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.start("a", relay.Config{FlightBytes: 300})
	a, b := w.writer(1), w.writer(2)
	for range 50 {
		a.write(2, nil)
		b.write(3, nil)
	}
	w.waitPublished(a, b)
	require.Zero(t, w.requirePublished(a, b))
}

func TestAMissingRowIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.writer(3)
	rows := make([][]byte, 5)
	for i := range rows[1:] {
		rows[i+1] = p.pack(1)
	}
	insert := func(seq int) { w.exec(`INSERT INTO outbox_0 (home, seq, data) VALUES (3, $1, $2)`, seq, rows[seq]) }
	insert(1)
	insert(2)
	insert(4)
	r := w.start("a", relay.Config{})
	w.eventually("the gap is noticed", func() bool { return r.value(w, "gaps") == 1 })
	w.eventually("what is before is published", func() bool { return w.publishedSeq(3) == 2 })
	require.Equal(t, int64(2), w.ends(w.topic))

	insert(3)
	w.eventually("all is published", func() bool { return w.publishedSeq(3) == 4 })
	w.requirePublished(p)
	w.eventually("the gap is gone", func() bool { return r.value(w, "gaps") == 0 })
}

func TestUnreadableRowIsNotSkipped(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.writer(3)
	p.write(1, nil)
	seq, _ := p.commit([]byte("not a pack"))
	p.write(1, nil)
	w.start("a", relay.Config{})
	other := w.writer(4)
	other.write(50, nil)
	w.waitPublished(other)
	w.eventually("what is before is published", func() bool { return w.publishedSeq(3) == seq-1 })

	w.exec(`UPDATE outbox_0 SET data = $1 WHERE home = 3 AND seq = $2`, p.pack(9), seq)
	w.waitPublished(p)
	w.requirePublished(p, other)
}

// Kafka's client fails everything that is buffered for a partition when it fails one record.
func TestAfterAnErrorTheHomeGoesBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	seen, failing := 0, ""
	producer := &spy{Producer: w.producer()}
	producer.before = func(records []wire.Record) error {
		seen++
		name := string(records[0].Value)
		if failing == "" && seen%100 == 0 {
			failing = name
			return errors.New("broker is being moved")
		}
		if failing == name {
			failing = ""
		}
		if failing != "" {
			return errors.New("failed with another record")
		}
		return nil
	}
	r := w.start("a", relay.Config{Homes: homes(3), Producer: producer})
	p := w.writer(3)
	p.write(300, r)
	w.waitPublished(p)
	w.requirePublished(p)
	require.NotZero(t, r.value(w, "produce_failures_total"))
	require.NotZero(t, r.value(w, "republished_rows_total"))
	require.Equal(t, 300.0, r.value(w, "rows_total"), "each row counts once")
}

// scripted answers rows as a test wants; what produce does not take goes to Kafka.
type scripted struct {
	relay.Producer
	produce func(value string, done func(error)) (taken bool)
	lines   []*kafka.Line
}

func (s *scripted) Produce(line *kafka.Line, records []wire.Record, done func(error)) {
	s.lines = append(s.lines, line)
	if !s.produce(string(records[0].Value), done) {
		s.Producer.Produce(line, records, done)
	}
}

// A row is still with the client when one before it fails: sent again at once, that one would queue up behind it.
func TestNothingIsSentAgainBeforeAllIsAnswered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	held, again := make(chan func(error), 1), make(chan string, 3)
	times := make(map[string]int) // produce is called by one goroutine
	producer := &scripted{Producer: w.producer(), produce: func(value string, done func(error)) bool {
		times[value]++
		switch {
		case times[value] > 1:
			again <- value
			return false
		case value == "3/0/2":
			go done(errors.New("broker is being moved"))
		case value == "3/0/3":
			held <- done
		default:
			return false
		}
		return true
	}}
	p := w.writer(3)
	for range 3 {
		p.commit(p.pack(0))
	}
	w.start("a", relay.Config{Homes: homes(3), Producer: producer})
	answer := <-held
	select {
	case value := <-again:
		require.FailNow(t, "row 3 is not answered", "but sent again is %s", value)
	case <-time.After(100 * time.Millisecond):
	}
	answer(errors.New("failed with another record"))
	require.Equal(t, "3/0/2", <-again)
	require.Equal(t, "3/0/3", <-again)
	w.waitPublished(p)
	require.Zero(t, w.requirePublished(p))
	lines := producer.lines
	require.Len(t, lines, 5)
	require.NotNil(t, lines[0])
	require.Same(t, lines[0], lines[1])
	require.Same(t, lines[0], lines[2], "what comes after a failure belongs to its line")
	require.NotSame(t, lines[2], lines[3], "a line that has failed takes nothing any more")
	require.Same(t, lines[3], lines[4])
}

// A row that fails while later ones succeed holds published_seq back.
func TestPublishedSeqDoesNotPassAFailedRow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	producer := &spy{Producer: w.producer()}
	healed := false
	producer.before = func(records []wire.Record) error {
		if !healed && string(records[0].Value) == "3/4/1" { // row 5
			return errors.New("not now")
		}
		return nil
	}
	r := w.start("a", relay.Config{Homes: homes(3), Producer: producer})
	p := w.writer(3)
	p.write(30, r)
	w.eventually("rows before it are published", func() bool { return w.publishedSeq(3) == 4 })
	failures := r.value(w, "produce_failures_total")
	w.eventually("it is tried again", func() bool { return r.value(w, "produce_failures_total") >= failures+5 })
	require.Equal(t, int64(4), w.publishedSeq(3))

	producer.mu.Lock()
	healed = true
	producer.mu.Unlock()
	w.waitPublished(p)
}

func TestWaitHoldsBackWhileKafkaDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	away := w.takeKafkaAway()
	r := w.start("a", relay.Config{Homes: homes(3), BacklogRows: 10, FlightBytes: 1000})
	w.eventually("home 3 is held", func() bool { return len(r.Held()) == 1 })
	p := w.writer(3)
	require.NoError(t, r.Wait(t.Context(), 3), "nothing waits yet")
	p.write(10, r)
	rows, bytes := r.Backlog(3)
	require.Equal(t, int64(10), rows)
	require.NotZero(t, bytes)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Wait(ended, 3), context.Canceled)
	require.NoError(t, r.Wait(t.Context(), 99), "not our home")

	waited := make(chan error)
	go func() { waited <- r.Wait(context.Background(), 3) }()
	select {
	case <-waited:
		require.FailNow(t, "Wait returned though 10 rows are not acknowledged")
	case <-time.After(50 * time.Millisecond):
	}
	away.Store(false)
	require.NoError(t, <-waited)
	w.waitPublished(p)
}

func TestKafkaAwayAndBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.start("a", relay.Config{Homes: homes(1, 2), BacklogBytes: 2000, FlightBytes: 1000})
	a, b := w.writer(1), w.writer(2)
	a.write(20, r)
	w.waitPublished(a)
	away := w.takeKafkaAway()
	a.write(200, r) // more than is kept in memory
	b.write(200, r)
	w.eventually("the lag shows", func() bool { return r.value(w, "lag_rows") > 300 && r.value(w, "lag_seconds") > 0.2 })
	away.Store(false)
	w.waitPublished(a, b)
	w.requirePublished(a, b)
	w.eventually("the lag is gone", func() bool { return r.value(w, "lag_rows") == 0 })
}
