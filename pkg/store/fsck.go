package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ScannedInstance is a stored instance with all that its row says.
type ScannedInstance struct {
	StoredInstance
	Home      int32
	Incidents int32
	Parked    bool
	Kept      int64 // parked inputs
}

// Scan reads all running instances in the order of (home, id), limit at a time,
// each page on one snapshot; after is the last of the page before.
func (s *Store) Scan(ctx context.Context, afterHome int32, after [16]byte, limit int) ([]ScannedInstance, error) {
	var page []ScannedInstance
	err := pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT i.home, i.id, i.version, i.definition, coalesce(i.next_due, 0), i.state, i.incidents, i.parked,
			       (SELECT count(*) FROM parked_input p WHERE p.home = i.home AND p.id = i.id)
			FROM instance i WHERE (i.home, i.id) > ($1, $2) ORDER BY i.home, i.id LIMIT $3`, afterHome, after, limit)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (i ScannedInstance, err error) {
			err = r.Scan(&i.Home, &i.ID, &i.Version, &i.Definition, &i.NextDue, &i.State, &i.Incidents, &i.Parked, &i.Kept)
			return i, err
		})
		if err != nil {
			return err
		}
		for n := range page {
			if err := scanPartsOf(ctx, tx, &page[n]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("scan instances: %w", err)
	}
	return page, nil
}

func scanPartsOf(ctx context.Context, tx pgx.Tx, i *ScannedInstance) error {
	rows, err := tx.Query(ctx, `SELECT no, data FROM instance_part WHERE home = $1 AND id = $2 ORDER BY no`, i.Home, i.ID)
	if err != nil {
		return err
	}
	i.Parts, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p StoredPart, err error) {
		err = r.Scan(&p.No, &p.Data)
		return p, err
	})
	return err
}

// ScanCorrelations reads all correlation rows in the order of (name, key).
func (s *Store) ScanCorrelations(ctx context.Context, after CorrelationKey, limit int) ([]CorrelationRow, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT name, key, version, coalesce(next_expiry, 0), data FROM correlation
		WHERE (name, key) > ($1, $2) ORDER BY name, key LIMIT $3`, after.Name, after.Key, limit)
	if err != nil {
		return nil, fmt.Errorf("scan correlations: %w", err)
	}
	page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CorrelationRow])
	if err != nil {
		return nil, fmt.Errorf("scan correlations: %w", err)
	}
	return page, nil
}

// Orphans counts rows that belong to nothing.
type Orphans struct {
	Parts        int64 // pages of instances that are not there
	ParkedInputs int64 // inputs kept for instances that are not there
	Overtaken    int64 // homes published further than written
	Behind       int64 // outbox rows committed but not published
}

// CountOrphans looks for them.
func (s *Store) CountOrphans(ctx context.Context) (o Orphans, err error) {
	err = s.Pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM instance_part p WHERE NOT EXISTS (SELECT FROM instance i WHERE i.home = p.home AND i.id = p.id)),
		       (SELECT count(*) FROM parked_input p WHERE NOT EXISTS (SELECT FROM instance i WHERE i.home = p.home AND i.id = p.id)),
		       (SELECT count(*) FROM relay_shard r JOIN home h USING (home) WHERE r.published_seq > h.outbox_seq),
		       (SELECT coalesce(sum(h.outbox_seq - coalesce(r.published_seq, 0)), 0)::bigint FROM home h LEFT JOIN relay_shard r USING (home))`).
		Scan(&o.Parts, &o.ParkedInputs, &o.Overtaken, &o.Behind)
	if err != nil {
		return o, fmt.Errorf("look for orphaned rows: %w", err)
	}
	return o, nil
}
