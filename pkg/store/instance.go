package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// StoredPart is a page of a large instance.
type StoredPart struct {
	No   uint32
	Data []byte
}

// StoredInstance is a running instance as its rows have it.
type StoredInstance struct {
	ID         [16]byte
	Version    int64
	Definition int64
	NextDue    int64 // the column: a lower bound
	State      []byte
	Parts      []StoredPart
}

// LoadInstances reads the running instances among ids; those that are not there
// have ended or never were.
func (s *Store) LoadInstances(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]*StoredInstance, error) {
	found := make(map[[16]byte]*StoredInstance, len(ids))
	b := &pgx.Batch{}
	b.Queue(`SELECT id, version, definition, coalesce(next_due, 0), state FROM instance WHERE home = $1 AND id = ANY($2)`, home, ids)
	b.Queue(`SELECT id, no, data FROM instance_part WHERE home = $1 AND id = ANY($2) ORDER BY id, no`, home, ids)
	err := s.readTogether(ctx, b, func(res pgx.BatchResults) error {
		if err := scanInstances(res, found); err != nil {
			return err
		}
		return scanParts(res, found)
	})
	if err != nil {
		return nil, fmt.Errorf("load %d instances of home %d: %w", len(ids), home, err)
	}
	return found, nil
}

// readTogether runs the queries of b on one snapshot: an instance and its pages
// must be of one version.
func (s *Store) readTogether(ctx context.Context, b *pgx.Batch, read func(pgx.BatchResults) error) error {
	tx, err := s.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // read-only: nothing to lose
	res := tx.SendBatch(ctx, b)
	return errors.Join(read(res), res.Close())
}

func scanInstances(res pgx.BatchResults, found map[[16]byte]*StoredInstance) error {
	rows, err := res.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		i := &StoredInstance{}
		if err := rows.Scan(&i.ID, &i.Version, &i.Definition, &i.NextDue, &i.State); err != nil {
			return err
		}
		found[i.ID] = i
	}
	return rows.Err()
}

func scanParts(res pgx.BatchResults, found map[[16]byte]*StoredInstance) error {
	rows, err := res.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id [16]byte
		var p StoredPart
		if err := rows.Scan(&id, &p.No, &p.Data); err != nil {
			return err
		}
		if i := found[id]; i != nil {
			i.Parts = append(i.Parts, p)
		}
	}
	return rows.Err()
}

// LoadVersions reads the versions of the running instances among ids.
func (s *Store) LoadVersions(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]int64, error) {
	rows, err := s.Pool.Query(ctx, `SELECT id, version FROM instance WHERE home = $1 AND id = ANY($2)`, home, ids)
	if err != nil {
		return nil, fmt.Errorf("load versions of home %d: %w", home, err)
	}
	found := make(map[[16]byte]int64, len(ids))
	var id [16]byte
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		found[id] = version
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load versions of home %d: %w", home, err)
	}
	return found, nil
}

// DueInstances lists instances of a home whose next_due has passed, earliest
// first, at most limit of them, and when the next one after now is due (zero
// time: none).
func (s *Store) DueInstances(ctx context.Context, home int32, now time.Time, limit int) (due [][16]byte, next time.Time, err error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT id, next_due FROM instance WHERE home = $1 AND next_due IS NOT NULL AND NOT parked
		ORDER BY next_due LIMIT $2`, home, limit+1)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for timers of home %d: %w", home, err)
	}
	var id [16]byte
	var at int64
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		switch {
		case at <= now.UnixMilli() && len(due) < limit:
			due = append(due, id)
		case next.IsZero():
			next = time.UnixMilli(at)
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for timers of home %d: %w", home, err)
	}
	return due, next, nil
}

// ParkedInputs reads the inputs kept for a parked instance, in the order they came.
func (s *Store) ParkedInputs(ctx context.Context, home int32, id [16]byte) ([][]byte, error) {
	rows, err := s.Pool.Query(ctx, `SELECT input FROM parked_input WHERE home = $1 AND id = $2 ORDER BY no`, home, id)
	if err != nil {
		return nil, fmt.Errorf("load parked inputs of %x: %w", id, err)
	}
	inputs, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, fmt.Errorf("load parked inputs of %x: %w", id, err)
	}
	return inputs, nil
}

// InstanceQuery filters FindInstances. Zero fields do not filter.
type InstanceQuery struct {
	ProcessID   string
	BusinessKey string
	Incident    bool     // only instances with incidents
	After       [16]byte // continue after this id
	Limit       int      // default 100
}

// FoundInstance is a row of a list of instances.
type FoundInstance struct {
	ID          [16]byte
	Home        int32
	Version     int64
	ProcessID   string
	ProcessVer  int32
	BusinessKey string
	Incidents   int32
	Parked      bool
	NextDue     *int64
}

// FindInstances lists running instances in the order of their ids, that is of
// their start.
func (s *Store) FindInstances(ctx context.Context, q InstanceQuery) ([]FoundInstance, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	rows, err := s.Pool.Query(ctx, `
		SELECT i.id, i.home, i.version, d.process_id, d.version, i.business_key, i.incidents, i.parked, i.next_due
		FROM instance i JOIN definition d ON d.id = i.definition
		WHERE i.id > $1 AND ($2 = '' OR d.process_id = $2) AND ($3 = '' OR i.business_key = $3) AND (NOT $4 OR i.incidents > 0)
		ORDER BY i.id LIMIT $5`, q.After, q.ProcessID, q.BusinessKey, q.Incident, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[FoundInstance])
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	return found, nil
}

// FindHome tells at which home an instance runs; ok is false when it has ended
// or never was.
func (s *Store) FindHome(ctx context.Context, id [16]byte) (home int32, ok bool, err error) {
	err = s.Pool.QueryRow(ctx, `SELECT i.home FROM instance i WHERE i.id = $1`, id).Scan(&home)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("find instance %x: %w", id, err)
	}
	return home, true, nil
}
