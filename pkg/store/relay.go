package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RelayLease is the right of one relay to publish the outbox of a home. Slices of leases are ordered by home.
type RelayLease struct {
	Home         int32
	Term         int64 // counts the holders of the home
	PublishedSeq int64 // all rows up to this one are published and acknowledged
}

// AddRelayShards makes the homes known to relays; those that are known already stay as they are.
func (s *Store) AddRelayShards(ctx context.Context, homes []int32) error {
	_, err := s.Pool.Exec(ctx, `INSERT INTO relay_shard (home) SELECT DISTINCT unnest($1::int[]) ON CONFLICT DO NOTHING`, homes)
	if err != nil {
		return fmt.Errorf("add relay shards: %w", err)
	}
	return nil
}

// RelayHomes lists all homes that have or had an owner, in order, and makes them known to relays.
func (s *Store) RelayHomes(ctx context.Context) ([]int32, error) {
	_, err := s.Pool.Exec(ctx, `INSERT INTO relay_shard (home)
SELECT h.home FROM home h WHERE NOT EXISTS (SELECT FROM relay_shard r WHERE r.home = h.home) ON CONFLICT DO NOTHING`)
	if err != nil {
		return nil, fmt.Errorf("add relay shards: %w", err)
	}
	rows, err := s.Pool.Query(ctx, `SELECT home FROM relay_shard ORDER BY home`)
	if err != nil {
		return nil, fmt.Errorf("list relay shards: %w", err)
	}
	homes, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("list relay shards: %w", err)
	}
	return homes, nil
}

// TakeRelayLeases takes up to limit of the homes whose lease nobody holds, by the database's clock, until ttl from now.
func (s *Store) TakeRelayLeases(ctx context.Context, holder string, ttl time.Duration, homes []int32, limit int) ([]RelayLease, error) {
	rows, err := s.Pool.Query(ctx, `
WITH free AS (SELECT home FROM relay_shard WHERE home = ANY($1::int[]) AND expires_at < now() ORDER BY home LIMIT $4 FOR UPDATE SKIP LOCKED)
UPDATE relay_shard r SET holder = $2, term = term + 1, expires_at = now() + $3::bigint * interval '1 microsecond'
FROM free WHERE r.home = free.home
RETURNING r.home, r.term, r.published_seq`, homes, holder, ttl.Microseconds(), limit)
	if err != nil {
		return nil, fmt.Errorf("take relay leases: %w", err)
	}
	leases, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RelayLease])
	if err != nil {
		return nil, fmt.Errorf("take relay leases: %w", err)
	}
	return leases, nil
}

// RenewRelayLeases makes the leases last until ttl from now and returns those that still are the caller's.
func (s *Store) RenewRelayLeases(ctx context.Context, ttl time.Duration, leases []RelayLease) ([]RelayLease, error) {
	homes, terms, _ := leaseColumns(leases)
	rows, err := s.Pool.Query(ctx, `
UPDATE relay_shard r SET expires_at = now() + $3::bigint * interval '1 microsecond'
FROM unnest($1::int[], $2::bigint[]) mine(home, term) WHERE r.home = mine.home AND r.term = mine.term AND r.expires_at > '-infinity'
RETURNING r.home, r.term, r.published_seq`, homes, terms, ttl.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("renew relay leases: %w", err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RelayLease])
	if err != nil {
		return nil, fmt.Errorf("renew relay leases: %w", err)
	}
	return kept, nil
}

// SavePublished stores seqs[i] as the PublishedSeq of leases[i], if the lease still is the caller's and PublishedSeq is stored as it says,
// and returns the homes for which that was so. Another stored value means that the database has gone back in time (a replica that lagged
// took over): then rows may have been numbered again, and what is stored counts.
func (s *Store) SavePublished(ctx context.Context, leases []RelayLease, seqs []int64) ([]int32, error) {
	homes, terms, before := leaseColumns(leases)
	rows, err := s.Pool.Query(ctx, `
UPDATE relay_shard r SET published_seq = mine.seq
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[]) mine(home, term, before, seq)
WHERE r.home = mine.home AND r.term = mine.term AND r.published_seq = mine.before
RETURNING r.home`, homes, terms, before, seqs)
	if err != nil {
		return nil, fmt.Errorf("save what is published of %d homes: %w", len(leases), err)
	}
	saved, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("save what is published of %d homes: %w", len(leases), err)
	}
	return saved, nil
}

// ReleaseRelayLeases gives the leases up, so that another relay can take them at once, and stores their PublishedSeq.
func (s *Store) ReleaseRelayLeases(ctx context.Context, leases []RelayLease) error {
	homes, terms, seqs := leaseColumns(leases)
	_, err := s.Pool.Exec(ctx, `
UPDATE relay_shard r SET expires_at = '-infinity', published_seq = greatest(r.published_seq, mine.seq)
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) mine(home, term, seq) WHERE r.home = mine.home AND r.term = mine.term`, homes, terms, seqs)
	if err != nil {
		return fmt.Errorf("release %d relay leases: %w", len(leases), err)
	}
	return nil
}

// leaseColumns turns leases into arrays. Callers give leases by home, so that all statements lock the rows in one order.
func leaseColumns(leases []RelayLease) (homes []int32, terms, seqs []int64) {
	for _, l := range leases {
		homes, terms, seqs = append(homes, l.Home), append(terms, l.Term), append(seqs, l.PublishedSeq)
	}
	return homes, terms, seqs
}

// JoinRelays announces a relay that takes any home, until ttl from now, and counts those announced.
func (s *Store) JoinRelays(ctx context.Context, holder string, ttl time.Duration) (members int, err error) {
	_, err = s.Pool.Exec(ctx, `
WITH gone AS (DELETE FROM relay WHERE expires_at < now() - interval '1 minute' AND holder <> $1)
INSERT INTO relay (holder, expires_at) VALUES ($1, now() + $2::bigint * interval '1 microsecond')
ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at`, holder, ttl.Microseconds())
	if err != nil {
		return 0, fmt.Errorf("announce relay %s: %w", holder, err)
	}
	if err := s.Pool.QueryRow(ctx, `SELECT count(*) FROM relay WHERE expires_at > now()`).Scan(&members); err != nil {
		return 0, fmt.Errorf("count relays: %w", err)
	}
	return members, nil
}

// LeaveRelays takes the announcement back.
func (s *Store) LeaveRelays(ctx context.Context, holder string) error {
	if _, err := s.Pool.Exec(ctx, `DELETE FROM relay WHERE holder = $1`, holder); err != nil {
		return fmt.Errorf("withdraw relay %s: %w", holder, err)
	}
	return nil
}
