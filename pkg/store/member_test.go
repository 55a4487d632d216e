package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// presences are two engines of a group whose silence lasts an hour, so that only
// quiet, below, makes anybody silent.
func presences(t *testing.T) (a, b store.Presence) {
	t.Helper()
	s := outboxStore(t)
	a = store.Presence{Store: s, Group: "g", Engine: "a", Silence: 10 * time.Minute}
	b = a
	b.Engine = "b"
	return a, b
}

func beat(t *testing.T, p store.Presence, member string) []string {
	t.Helper()
	silent, err := p.Beat(t.Context(), member)
	require.NoError(t, err)
	return silent
}

// was moves what is remembered of an engine into the past.
func was(t *testing.T, p store.Presence, since, seen time.Duration) {
	t.Helper()
	_, err := p.Store.Pool.Exec(t.Context(), `UPDATE member SET since = now() - $3::bigint * interval '1 microsecond',
		seen_at = now() - $4::bigint * interval '1 microsecond' WHERE consumer_group = $1 AND engine = $2`, p.Group, p.Engine, since.Microseconds(), seen.Microseconds())
	require.NoError(t, err)
}

func TestSilentMembersAreFound(t *testing.T) {
	t.Parallel()
	a, b := presences(t)
	beat(t, a, "member-a")
	beat(t, b, "member-b")
	was(t, a, time.Hour, time.Second)
	require.Empty(t, beat(t, a, "member-a"), "b was just heard of")
	was(t, b, time.Hour, 11*time.Minute)
	require.Equal(t, []string{"member-b"}, beat(t, a, "member-a"))

	require.NoError(t, a.Forget(t.Context(), "member-b"))
	require.Empty(t, beat(t, a, "member-a"))
	other := store.Presence{Store: a.Store, Group: "other", Engine: "c", Silence: a.Silence}
	beat(t, other, "member-c")
	was(t, other, time.Hour, 11*time.Minute)
	require.Empty(t, beat(t, a, "member-a"), "another group is not ours")
}

func TestNobodyIsSilentToWhoWasNotHeardItself(t *testing.T) {
	t.Parallel()
	a, b := presences(t)
	beat(t, b, "member-b")
	was(t, b, time.Hour, 11*time.Minute)
	require.Empty(t, beat(t, a, "member-a"), "a has just begun")
	was(t, a, 9*time.Minute, time.Second)
	require.Empty(t, beat(t, a, "member-a"), "not long enough")
	was(t, a, time.Hour, 6*time.Minute)
	require.Empty(t, beat(t, a, "member-a"), "a itself was away for a while")
	require.Empty(t, beat(t, a, "member-a"), "and counts from its return")
	was(t, a, 11*time.Minute, 4*time.Minute)
	require.Equal(t, []string{"member-b"}, beat(t, a, "member-a"))
}

func TestForgottenOnlyWhileSilent(t *testing.T) {
	t.Parallel()
	a, b := presences(t)
	beat(t, a, "")
	beat(t, b, "member-b")
	was(t, b, time.Hour, 11*time.Minute)
	beat(t, b, "member-b")
	require.NoError(t, a.Forget(t.Context(), "member-b"))
	was(t, b, time.Hour, 11*time.Minute)
	was(t, a, time.Hour, time.Second)
	require.Equal(t, []string{"member-b"}, beat(t, a, ""), "it had been heard of again, so it was not forgotten")
	was(t, b, 3*time.Hour, 2*time.Hour)
	beat(t, a, "")
	require.Empty(t, beat(t, a, ""), "after an hour it is forgotten in any case")
}

// A beat costs no flush of the database's log: the table is not logged.
func TestPresenceIsNotLogged(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	var persistence string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT relpersistence::text FROM pg_class WHERE relname = 'member'`).Scan(&persistence))
	require.Equal(t, "u", persistence)
}
