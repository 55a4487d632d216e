package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// CorrelationKey is the key of a correlation row.
type CorrelationKey struct{ Name, Key string }

// LoadCorrelations reads the rows that exist among keys.
func (s *Store) LoadCorrelations(ctx context.Context, keys []CorrelationKey) (map[CorrelationKey]CorrelationRow, error) {
	names, ks := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		names[i], ks[i] = k.Name, k.Key
	}
	rows, err := s.Pool.Query(ctx, `
		SELECT c.name, c.key, c.version, coalesce(c.next_expiry, 0), c.data
		FROM unnest($1::text[], $2::text[]) v(name, key) JOIN correlation c ON c.name = v.name AND c.key = v.key`, names, ks)
	if err != nil {
		return nil, fmt.Errorf("load %d correlations: %w", len(keys), err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CorrelationRow])
	if err != nil {
		return nil, fmt.Errorf("load %d correlations: %w", len(keys), err)
	}
	found := make(map[CorrelationKey]CorrelationRow, len(list))
	for _, r := range list {
		found[CorrelationKey{r.Name, r.Key}] = r
	}
	return found, nil
}

// ExpiringCorrelations lists rows swept by a home that hold a message whose time
// is over, at most limit, and when the next one is due (zero time: none).
func (s *Store) ExpiringCorrelations(ctx context.Context, home int32, now time.Time, limit int) (due []CorrelationKey, next time.Time, err error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT name, key, next_expiry FROM correlation WHERE home = $1 AND next_expiry IS NOT NULL
		ORDER BY next_expiry LIMIT $2`, home, limit+1)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for expired messages of home %d: %w", home, err)
	}
	var k CorrelationKey
	var at int64
	_, err = pgx.ForEachRow(rows, []any{&k.Name, &k.Key, &at}, func() error {
		switch {
		case at <= now.UnixMilli() && len(due) < limit:
			due = append(due, k)
		case next.IsZero():
			next = time.UnixMilli(at)
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for expired messages of home %d: %w", home, err)
	}
	return due, next, nil
}

// SeenMessages tells which of the message ids are known.
func (s *Store) SeenMessages(ctx context.Context, ids [][16]byte) (map[[16]byte]bool, error) {
	rows, err := s.Pool.Query(ctx, `SELECT id FROM dedupe WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("look for seen messages: %w", err)
	}
	seen := make(map[[16]byte]bool)
	var id [16]byte
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		seen[id] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for seen messages: %w", err)
	}
	return seen, nil
}

// ForgetMessages removes ids older than retention, at most limit, and says how
// many it removed.
func (s *Store) ForgetMessages(ctx context.Context, retention time.Duration, limit int) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `
		DELETE FROM dedupe WHERE ctid = ANY(ARRAY(
			SELECT ctid FROM dedupe WHERE at < now() - $1::interval LIMIT $2))`, retention, limit)
	if err != nil {
		return 0, fmt.Errorf("forget old message ids: %w", err)
	}
	return tag.RowsAffected(), nil
}
