package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Definition is a deployed version of a process.
type Definition struct {
	ID         int64
	ProcessID  string
	Version    int32
	VersionTag string
	Resource   string
	XML        []byte
}

// NewDefinition is a process to deploy.
type NewDefinition struct {
	ProcessID   string
	VersionTag  string
	Resource    string
	XML         []byte
	StartTimers []NewStartTimer
}

// NewStartTimer is a timer start event of a process to deploy.
type NewStartTimer struct {
	Home        int32
	Node        int32
	Due         int64 // unix ms
	Repetitions int32
	Interval    string
}

// Deploy stores the processes of a model as new versions, in one transaction. A
// process whose model has not changed since its latest version keeps it. The
// timer start events of older versions end.
func (s *Store) Deploy(ctx context.Context, processes []NewDefinition) ([]Definition, error) {
	var deployed []Definition
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		// Taking the row first makes deployments one after the other.
		if _, err := tx.Exec(ctx, `UPDATE catalogue SET generation = generation + 1`); err != nil {
			return err
		}
		for i := range processes {
			d, err := deployOne(ctx, tx, &processes[i])
			if err != nil {
				return fmt.Errorf("process %s: %w", processes[i].ProcessID, err)
			}
			deployed = append(deployed, d)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	return deployed, nil
}

func deployOne(ctx context.Context, tx pgx.Tx, n *NewDefinition) (Definition, error) {
	sum := sha256.Sum256(n.XML)
	d := Definition{ProcessID: n.ProcessID, VersionTag: n.VersionTag, Resource: n.Resource, XML: n.XML}
	var latest []byte
	err := tx.QueryRow(ctx, `
		SELECT id, version, checksum FROM definition WHERE process_id = $1 ORDER BY version DESC LIMIT 1`,
		n.ProcessID).Scan(&d.ID, &d.Version, &latest)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return d, err
	}
	if string(latest) == string(sum[:]) {
		return d, nil
	}
	d.Version++
	err = tx.QueryRow(ctx, `
		INSERT INTO definition (process_id, version, version_tag, resource, checksum, xml)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		d.ProcessID, d.Version, d.VersionTag, d.Resource, sum[:], d.XML).Scan(&d.ID)
	if err != nil {
		return d, err
	}
	return d, replaceStartTimers(ctx, tx, d, n.StartTimers)
}

func replaceStartTimers(ctx context.Context, tx pgx.Tx, d Definition, timers []NewStartTimer) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM start_timer t USING definition d WHERE t.definition = d.id AND d.process_id = $1`, d.ProcessID)
	if err != nil {
		return err
	}
	for _, t := range timers {
		_, err := tx.Exec(ctx, `
			INSERT INTO start_timer (home, definition, node, due, repetitions, interval) VALUES ($1, $2, $3, $4, $5, $6)`,
			t.Home, d.ID, t.Node, t.Due, t.Repetitions, t.Interval)
		if err != nil {
			return err
		}
	}
	return nil
}

// Catalogue reads the definitions with an id above after, in order, and the
// generation they belong to, on one snapshot.
func (s *Store) Catalogue(ctx context.Context, after int64) (generation int64, defs []Definition, err error) {
	b := &pgx.Batch{}
	b.Queue(`SELECT generation FROM catalogue`)
	b.Queue(`SELECT id, process_id, version, version_tag, resource, xml FROM definition WHERE id > $1 ORDER BY id`, after)
	err = s.readTogether(ctx, b, func(res pgx.BatchResults) error {
		if err := res.QueryRow().Scan(&generation); err != nil {
			return err
		}
		rows, err := res.Query()
		if err != nil {
			return err
		}
		defs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Definition])
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("load definitions: %w", err)
	}
	return generation, defs, nil
}

// DueStartTimers lists the timer start events of a home due by now (unix ms),
// and when the next one is due (0: none).
func (s *Store) DueStartTimers(ctx context.Context, home int32, now int64, limit int) (due []StartTimerRow, next int64, err error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT definition, node, due, repetitions, interval FROM start_timer WHERE home = $1 ORDER BY due LIMIT $2`, home, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("look for start timers of home %d: %w", home, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StartTimerRow])
	if err != nil {
		return nil, 0, fmt.Errorf("look for start timers of home %d: %w", home, err)
	}
	for _, t := range all {
		if t.Due <= now && len(due) < limit {
			due = append(due, t)
		} else if next == 0 {
			next = t.Due
		}
	}
	return due, next, nil
}
