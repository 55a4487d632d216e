package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Place is a place in the order of all instances: after (Home, ID).
type Place struct {
	Home int32
	ID   [16]byte
}

// ScannedInstance is a stored instance with all that rows say of it.
type ScannedInstance struct {
	StoredInstance
	Home            int32
	BusinessKey     string
	Incidents       int32
	Parked          bool
	Kept            int64 // parked inputs
	HistorySequence int64 // of the last step that history has; 0: none
	HistoryEnded    bool  // history has its end
}

// The pages of an instance come in its row: one statement, one snapshot, and one
// instance in memory however many there are.
const (
	scanPlaces = `SELECT * FROM instance WHERE (home, id) > ($1, $2) ORDER BY home, id LIMIT $3`
	scanIDs    = `SELECT * FROM instance WHERE home = $1 AND id = ANY($2)`

	selectScanned = `
SELECT i.home, i.id, i.version, i.definition, coalesce(i.next_due, 0), i.business_key, i.incidents, i.parked, i.state,
       (SELECT count(*) FROM parked_input k WHERE k.home = i.home AND k.id = i.id),
       p.numbers, p.pages, coalesce(h.sequence, 0), h.ended_at IS NOT NULL
FROM (%s) i
LEFT JOIN LATERAL (SELECT array_agg(no ORDER BY no) numbers, array_agg(data ORDER BY no) pages
                   FROM instance_part p WHERE p.home = i.home AND p.id = i.id) p ON true
LEFT JOIN history_instance h ON h.id = i.id
ORDER BY i.home, i.id`
)

// ScanInstances hands the running instances after a place to each, in the order
// of places, at most limit of them.
func (s *Store) ScanInstances(ctx context.Context, after Place, limit int, each func(*ScannedInstance) error) error {
	rows, err := s.Pool.Query(ctx, fmt.Sprintf(selectScanned, scanPlaces), after.Home, after.ID, limit)
	return eachInstance(rows, err, each)
}

// ScanTheseInstances hands those that run among ids to each, in the order of ids.
func (s *Store) ScanTheseInstances(ctx context.Context, home int32, ids [][16]byte, each func(*ScannedInstance) error) error {
	rows, err := s.Pool.Query(ctx, fmt.Sprintf(selectScanned, scanIDs), home, ids)
	return eachInstance(rows, err, each)
}

func eachInstance(rows pgx.Rows, err error, each func(*ScannedInstance) error) error {
	if err != nil {
		return fmt.Errorf("scan instances: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i ScannedInstance
		var numbers []int32
		var pages [][]byte
		err := rows.Scan(&i.Home, &i.ID, &i.Version, &i.Definition, &i.NextDue, &i.BusinessKey, &i.Incidents, &i.Parked, &i.State,
			&i.Kept, &numbers, &pages, &i.HistorySequence, &i.HistoryEnded)
		if err != nil {
			return fmt.Errorf("scan instances: %w", err)
		}
		for n, no := range numbers {
			i.Parts = append(i.Parts, StoredPart{No: uint32(no), Data: pages[n]})
		}
		if err := each(&i); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("scan instances: %w", err)
	}
	return nil
}

// ScannedCorrelation is a correlation row with the home that sweeps it.
type ScannedCorrelation struct {
	CorrelationRow
	Home int32
}

const selectCorrelations = `SELECT c.name, c.key, c.version, coalesce(c.next_expiry, 0), c.data, c.home FROM `

// ScanCorrelations hands correlation rows after a key to each, in the order of
// (name, key), at most limit of them.
func (s *Store) ScanCorrelations(ctx context.Context, after CorrelationKey, limit int, each func(*ScannedCorrelation) error) error {
	rows, err := s.Pool.Query(ctx, selectCorrelations+`correlation c WHERE (c.name, c.key) > ($1, $2) ORDER BY c.name, c.key LIMIT $3`, after.Name, after.Key, limit)
	return eachCorrelation(rows, err, each)
}

// ScanTheseCorrelations hands those that exist among keys to each.
func (s *Store) ScanTheseCorrelations(ctx context.Context, keys []CorrelationKey, each func(*ScannedCorrelation) error) error {
	names, ks := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		names[i], ks[i] = k.Name, k.Key
	}
	rows, err := s.Pool.Query(ctx, selectCorrelations+`unnest($1::text[], $2::text[]) v(name, key) JOIN correlation c ON c.name = v.name AND c.key = v.key`, names, ks)
	return eachCorrelation(rows, err, each)
}

func eachCorrelation(rows pgx.Rows, err error, each func(*ScannedCorrelation) error) error {
	if err != nil {
		return fmt.Errorf("scan correlations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c ScannedCorrelation
		if err := rows.Scan(&c.Name, &c.Key, &c.Version, &c.NextExpiry, &c.Data, &c.Home); err != nil {
			return fmt.Errorf("scan correlations: %w", err)
		}
		if err := each(&c); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("scan correlations: %w", err)
	}
	return nil
}

// Orphan is what belongs to an instance that does not run.
type Orphan struct {
	Place
	Pages  int64    // in instance_part
	Inputs [][]byte // in parked_input, in their order, as they were kept
}

// ScanOrphans hands pages and kept inputs of instances that do not run to each,
// an instance at a time, pages and inputs apart.
func (s *Store) ScanOrphans(ctx context.Context, each func(*Orphan) error) error {
	for _, query := range []string{`
SELECT p.home, p.id, count(*), NULL::bytea[] FROM instance_part p
WHERE NOT EXISTS (SELECT FROM instance i WHERE i.home = p.home AND i.id = p.id) GROUP BY p.home, p.id ORDER BY p.home, p.id`, `
SELECT p.home, p.id, 0, array_agg(p.input ORDER BY p.no) FROM parked_input p
WHERE NOT EXISTS (SELECT FROM instance i WHERE i.home = p.home AND i.id = p.id) GROUP BY p.home, p.id ORDER BY p.home, p.id`} {
		rows, err := s.Pool.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("look for orphaned rows: %w", err)
		}
		var o Orphan
		if _, err = pgx.ForEachRow(rows, []any{&o.Home, &o.ID, &o.Pages, &o.Inputs}, func() error { return each(&o) }); err != nil {
			return fmt.Errorf("look for orphaned rows: %w", err)
		}
	}
	return nil
}
