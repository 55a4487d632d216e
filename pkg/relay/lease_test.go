package relay_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// kill stops a relay the way a crash does: nothing is stored, nothing is released.
func (r *running) kill(cfg relay.Config) {
	cfg.Store.(*store.Store).Close()
	r.stop()
}

func TestSuccessorTakesOverAfterAKill(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const ttl = 600 * time.Millisecond
	doomed := relay.Config{Store: w.openStore(), LeaseTTL: ttl}
	a := w.start("a", doomed)
	p := w.writer(3)
	p.write(50, nil)
	w.waitPublished(p)
	b := w.start("b", relay.Config{LeaseTTL: ttl})
	w.eventually("b has begun", func() bool { return b.Ready() == nil })
	require.Equal(t, []int32{3}, a.Held())
	p.write(50, nil)
	a.kill(doomed)
	killed := time.Now()
	p.write(50, nil)
	w.eventually("b holds the home", func() bool { return slices.Equal(b.Held(), []int32{3}) })
	took := time.Since(killed)
	require.Less(t, took, ttl+400*time.Millisecond)
	t.Logf("taken over after %s", took)
	w.waitPublished(p)
	w.requirePublished(p)
}

func TestReleasedLeaseIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.start("a", relay.Config{Homes: homes(3), LeaseTTL: time.Hour})
	p := w.writer(3)
	p.write(100, a)
	w.eventually("a holds the home", func() bool { return len(a.Held()) == 1 })
	b := w.start("b", relay.Config{Homes: homes(3), LeaseTTL: time.Hour})
	a.stop()
	p.write(100, b)
	w.waitPublished(p)
	require.Zero(t, w.requirePublished(p), "a was given time to finish")
}

func TestHomesFollowWhatTheEngineOwns(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var mu sync.Mutex
	owned := []int32{1, 2}
	r := w.start("a", relay.Config{Homes: func() []int32 {
		mu.Lock()
		defer mu.Unlock()
		return owned
	}})
	w.eventually("1 and 2 are held", func() bool { return slices.Equal(r.Held(), []int32{1, 2}) })
	mu.Lock()
	owned = []int32{2, 3}
	mu.Unlock()
	w.eventually("2 and 3 are held", func() bool { return slices.Equal(r.Held(), []int32{2, 3}) })
	require.Equal(t, int64(1), w.number(`SELECT term FROM relay_shard WHERE home = 2`), "2 was kept throughout")
}

func TestARelayWithoutDatabaseStopsPublishing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	doomed := relay.Config{Store: w.openStore(), Homes: homes(3), LeaseTTL: 300 * time.Millisecond}
	r := w.start("a", doomed)
	w.eventually("home 3 is held", func() bool { return len(r.Held()) == 1 })
	doomed.Store.(*store.Store).Close()
	w.eventually("the lease is not trusted any more", func() bool { return len(r.Held()) == 0 })
	require.Error(t, r.Ready())
	p := w.writer(3)
	p.write(1, r)
	require.Zero(t, w.ends(w.topic))
}

// Relays that come and go hand homes over without ever publishing one together: Kafka gets every row exactly once, and the rows of a home
// come from one relay after the other, each with a term of its own.
func TestRelaysNeverPublishAHomeTogether(t *testing.T) {
	t.Parallel()
	w := setup(t)
	writers := []*writer{w.writer(0), w.writer(1), w.writer(2), w.writer(3)}
	var mu sync.Mutex
	by := make(map[string][]string) // home → relays in the order of its rows
	start := func(name string) *running {
		producer := &spy{Producer: w.producer()}
		producer.before = func(records []wire.Record) error {
			home, _, _ := strings.Cut(string(records[0].Value), "/")
			mu.Lock()
			defer mu.Unlock()
			by[home] = append(by[home], name)
			return nil
		}
		return w.start(name, relay.Config{Producer: producer})
	}
	write := func(n int) {
		for range n {
			for _, p := range writers {
				p.write(1, nil)
			}
		}
	}
	a := start("a")
	write(50)
	b := start("b")
	w.eventually("b has its share", func() bool {
		write(1)
		return len(a.Held()) == 2 && len(b.Held()) == 2
	})
	c := start("c")
	a.stop()
	w.eventually("c has its share", func() bool {
		write(1)
		return len(b.Held()) == 2 && len(c.Held()) == 2
	})
	b.stop()
	write(50)
	w.waitPublished(writers...)
	require.Zero(t, w.requirePublished(writers...))
	for home, relays := range by {
		handovers := int64(len(slices.Compact(relays)) - 1)
		require.Positive(t, handovers)
		require.LessOrEqual(t, handovers, w.number(`SELECT term - 1 FROM relay_shard WHERE home = $1::int`, home), fmt.Sprint(slices.Compact(relays)))
	}
}

// Somebody else has taken the lease though it had not expired by our clock: nothing of ours is stored any more.
func TestAnotherTermStopsTheRelay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.start("a", relay.Config{Homes: homes(3)})
	w.eventually("home 3 is held", func() bool { return len(r.Held()) == 1 })
	w.exec(`UPDATE relay_shard SET holder = 'z', term = term + 1, expires_at = now() + interval '1 hour' WHERE home = 3`)
	p := w.writer(3)
	p.write(20, r)
	w.eventually("the home is let go", func() bool { return len(r.Held()) == 0 })
	require.Zero(t, w.publishedSeq(3))
	require.Equal(t, 1.0, r.value(w, "lease_changes_total")-1, "taken once, lost once")

	w.exec(`UPDATE relay_shard SET expires_at = now() - interval '1 second' WHERE home = 3`)
	w.waitPublished(p)
	w.requirePublished(p)
}

// A replica that lagged takes over: the database has gone back, and what it says counts.
func TestADatabaseThatHasGoneBackIsBelieved(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.start("a", relay.Config{Homes: homes(3)})
	p := w.writer(3)
	p.write(20, r)
	w.waitPublished(p)
	w.exec(`ALTER TABLE relay_shard DISABLE TRIGGER relay_shard_monotonic`)
	w.exec(`UPDATE relay_shard SET published_seq = 15 WHERE home = 3`)
	w.exec(`ALTER TABLE relay_shard ENABLE TRIGGER relay_shard_monotonic`)
	w.waitPublished(p)
	require.Equal(t, 15, w.requirePublished(p), "rows 16 to 20 have three records each")
}
