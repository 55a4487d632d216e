package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

const instance = "01a1fe11-207d-7000-824f-3a7191e24e27"

func record(sequence int, state string) wire.Record {
	at := time.Date(2026, 1, 1, 0, 0, sequence, 0, time.UTC).Format(time.RFC3339)
	return wire.Record{Topic: "barnabas.status", Value: fmt.Appendf(nil,
		`{"instanceId":%q,"processId":"p","version":2,"businessKey":"b","sequence":%d,"state":%q,"time":%q,"events":[{"type":"x","n":%d}],"incidents":0}`,
		instance, sequence, state, at, sequence)}
}

// Records come twice, late and out of order: history is what they say all the same.
func TestHistoryDoesNotDependOnTheOrderOfRecords(t *testing.T) {
	t.Parallel()
	url := devtest.Postgres(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	s, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	skipped := 0
	p := &Projection{Store: s, Skipped: func(wire.Record, error) { skipped++ }}

	require.NoError(t, p.Take(t.Context(), []wire.Record{record(2, "active"), record(3, "completed"), {Value: []byte("junk")}}))
	require.NoError(t, p.Take(t.Context(), []wire.Record{record(1, "active"), record(2, "active")}))
	require.Equal(t, 1, skipped)

	id, ok := wire.ParseUUID([]byte(instance))
	require.True(t, ok)
	i, steps, known, err := s.History(t.Context(), id, 100)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, "completed", i.State)
	require.Equal(t, int64(3), i.Sequence)
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC), i.StartedAt.UTC())
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC), i.EndedAt.UTC())
	require.Len(t, steps, 3)
	require.JSONEq(t, `[{"type":"x","n":2}]`, string(steps[1].Events))

	_, _, known, err = s.History(t.Context(), [16]byte{1}, 100)
	require.NoError(t, err)
	require.False(t, known)
}

// What workers say is JSON, but not always what jsonb takes.
func TestHistoryTakesAnyJSON(t *testing.T) {
	t.Parallel()
	url := devtest.Postgres(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	s, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	p := &Projection{Store: s}
	r := record(1, "active")
	const events = `[{"message":"a\u0000b\ud800","n":1e999999,"key":"` + "\u2028" + `"}]`
	r.Value = fmt.Appendf(nil, `{"instanceId":%q,"processId":"p","businessKey":%q,"sequence":1,"state":"active","time":"2026-01-01T00:00:00Z","events":%s}`,
		instance, strings.Repeat("k", 2048), events)
	require.NoError(t, p.Take(t.Context(), []wire.Record{r}))
	id, _ := wire.ParseUUID([]byte(instance))
	_, steps, known, err := s.History(t.Context(), id, 1)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, events, string(steps[0].Events))
}
