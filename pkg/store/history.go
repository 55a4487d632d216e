package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// HistoryStep is one decided input as its status record told it.
type HistoryStep struct {
	Instance    [16]byte
	Sequence    int64
	At          time.Time
	Events      json.RawMessage
	ProcessID   string
	Version     int32
	BusinessKey string
	Tenant      string
	State       string // active, parked, or how it ended
	Incidents   int32
}

func (h *HistoryStep) ended() bool { return h.State != "active" && h.State != "parked" }

// AddHistory adds steps; those known already change nothing, and an instance
// keeps what its highest sequence said.
func (s *Store) AddHistory(ctx context.Context, steps []HistoryStep) error {
	if len(steps) == 0 {
		return nil
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `CREATE TEMP TABLE step (LIKE history_step) ON COMMIT DROP`); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"step"}, []string{"instance", "sequence", "at", "events"},
			pgx.CopyFromSlice(len(steps), func(i int) ([]any, error) {
				h := &steps[i]
				return []any{h.Instance, h.Sequence, h.At, h.Events}, nil
			})); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO history_step SELECT * FROM step ON CONFLICT DO NOTHING`); err != nil {
			return err
		}
		return addHistoryInstances(ctx, tx, latest(steps))
	})
	if err != nil {
		return fmt.Errorf("write %d steps of history: %w", len(steps), err)
	}
	return nil
}

// summary is what a batch of steps says of one instance.
type summary struct {
	last    HistoryStep
	started time.Time // of the earliest step in the batch
}

func latest(steps []HistoryStep) []summary {
	at := make(map[[16]byte]int, len(steps))
	var list []summary
	for _, h := range steps {
		i, known := at[h.Instance]
		if !known {
			i = len(list)
			at[h.Instance] = i
			list = append(list, summary{last: h, started: h.At})
		}
		if h.Sequence > list[i].last.Sequence {
			list[i].last = h
		}
		if h.At.Before(list[i].started) {
			list[i].started = h.At
		}
	}
	return list
}

func addHistoryInstances(ctx context.Context, tx pgx.Tx, list []summary) error {
	b := &pgx.Batch{}
	for i := range list {
		h := &list[i].last
		var ended *time.Time
		if h.ended() {
			ended = &h.At
		}
		b.Queue(`
			INSERT INTO history_instance AS i (id, process_id, version, business_key, tenant, state, sequence, incidents, started_at, ended_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (id) DO UPDATE SET started_at = least(i.started_at, excluded.started_at),
				state = CASE WHEN excluded.sequence > i.sequence THEN excluded.state ELSE i.state END,
				incidents = CASE WHEN excluded.sequence > i.sequence THEN excluded.incidents ELSE i.incidents END,
				ended_at = CASE WHEN excluded.sequence > i.sequence THEN excluded.ended_at ELSE i.ended_at END,
				sequence = greatest(i.sequence, excluded.sequence)`,
			h.Instance, h.ProcessID, h.Version, h.BusinessKey, h.Tenant, h.State, h.Sequence, h.Incidents, list[i].started, ended)
	}
	return tx.SendBatch(ctx, b).Close()
}

// HistoryInstance is what history knows of an instance.
type HistoryInstance struct {
	ID          [16]byte
	ProcessID   string
	Version     int32
	BusinessKey string
	Tenant      string
	State       string
	Sequence    int64
	Incidents   int32
	StartedAt   time.Time
	EndedAt     *time.Time
}

// HistoryEntry is one step of an instance.
type HistoryEntry struct {
	Sequence int64
	At       time.Time
	Events   json.RawMessage
}

// History reads an instance and its steps in order, at most limit; ok is false
// when history does not know it (yet).
func (s *Store) History(ctx context.Context, id [16]byte, limit int) (i HistoryInstance, steps []HistoryEntry, ok bool, err error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT id, process_id, version, business_key, tenant, state, sequence, incidents, started_at, ended_at
		FROM history_instance WHERE id = $1`, id)
	if err == nil {
		i, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[HistoryInstance])
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return i, nil, false, nil
	}
	if err == nil {
		rows, err = s.Pool.Query(ctx, `SELECT sequence, at, events FROM history_step WHERE instance = $1 ORDER BY sequence LIMIT $2`, id, limit)
	}
	if err == nil {
		steps, err = pgx.CollectRows(rows, pgx.RowToStructByPos[HistoryEntry])
	}
	if err != nil {
		return i, nil, false, fmt.Errorf("read history of %x: %w", id, err)
	}
	return i, steps, true, nil
}
