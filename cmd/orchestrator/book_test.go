package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// book is what a reader of the status topic knows: it drops what it has seen
// before and objects to gaps, as docs/protocol.md tells readers to.
type book struct {
	mu        sync.Mutex
	instances map[string]*told
	faults    []string
	repeated  int // records seen before
	// longest is the longest time between two ends since resetPause.
	longest, lastEnd struct {
		gap time.Duration
		at  time.Time
	}
}

// told is what was told of an instance.
type told struct {
	BusinessKey string
	Sequence    int
	State       string
	ends        int
	endedAt     time.Time
	texts       []string // by sequence
}

// open reads the status topic from its beginning until the test ends. The topic
// must be there.
func (s *site) openBook(t *testing.T) *book {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics(s.names.Status()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond), kgo.RetryBackoffFn(soon))
	require.NoError(t, err)
	b := &book{instances: make(map[string]*told)}
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(b.note)
		}
	})
	t.Cleanup(func() {
		cancel()
		reading.Wait()
		client.Close()
	})
	return b
}

func (b *book) note(r *kgo.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s told
	if err := json.Unmarshal(r.Value, &s); err != nil {
		b.faults = append(b.faults, fmt.Sprintf("%s is no status: %v", r.Value, err))
		return
	}
	id := string(r.Key)
	known := b.instances[id]
	if known == nil {
		known = &told{BusinessKey: s.BusinessKey}
		b.instances[id] = known
	}
	switch {
	case s.Sequence <= known.Sequence:
		b.repeated++
		if known.texts[s.Sequence-1] != string(r.Value) {
			b.faults = append(b.faults, fmt.Sprintf("%s sequence %d told twice, differently: %s and %s", id, s.Sequence, known.texts[s.Sequence-1], r.Value))
		}
		return
	case s.Sequence != known.Sequence+1:
		b.faults = append(b.faults, fmt.Sprintf("%s: sequence %d after %d", id, s.Sequence, known.Sequence))
	}
	if known.ends > 0 {
		b.faults = append(b.faults, fmt.Sprintf("%s: sequence %d after its end", id, s.Sequence))
	}
	known.Sequence, known.State, known.texts = s.Sequence, s.State, append(known.texts, string(r.Value))
	if s.State != "active" && s.State != "parked" {
		known.ends++
		known.endedAt = time.Now()
		b.end(known.endedAt)
	}
}

func (b *book) end(now time.Time) {
	if !b.lastEnd.at.IsZero() {
		b.longest.gap = max(b.longest.gap, now.Sub(b.lastEnd.at))
	}
	b.lastEnd.at = now
}

// from begins to measure pauses between ends anew.
func (b *book) from(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.longest.gap, b.lastEnd.at = 0, now
}

// pause is the longest time between two ends since from.
func (b *book) pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.longest.gap
}

// count is how many instances are in a state.
func (b *book) count(state string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range b.instances {
		if i.State == state {
			n++
		}
	}
	return n
}

// await waits until so many instances are completed.
func (b *book) await(t *testing.T, completed int) {
	t.Helper()
	eventually(t, strconv.Itoa(completed)+" instances completed", func() bool { return b.count("completed") >= completed })
}

// settled checks that exactly the business keys have run, each in one instance,
// which completed in so many steps told in order.
func (b *book) settled(t *testing.T, steps int, keys []string) {
	t.Helper()
	b.await(t, len(keys))
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, strings.Join(b.faults, "\n"))
	var ran []string
	for id, i := range b.instances {
		ran = append(ran, i.BusinessKey)
		require.Equal(t, "completed", i.State, id)
		require.Equal(t, steps, i.Sequence, id)
		require.Equal(t, 1, i.ends, id)
	}
	slices.Sort(ran)
	slices.Sort(keys)
	require.Equal(t, keys, ran)
}
