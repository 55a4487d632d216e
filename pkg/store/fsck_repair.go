package store

import (
	"context"
	"fmt"
)

// Repairs change what was seen and nothing else: each statement names the
// version, the bytes or the absence that make it right, and reports false if
// that is not so any more. They may run beside engines. Columns beside a state
// follow from it, and engines write them with every step; a row's version stays,
// since what engines have in hand goes on to be what the row says.

func (s *Store) repair(ctx context.Context, what, sql string, args ...any) (bool, error) {
	tag, err := s.Pool.Exec(ctx, sql, args...)
	if err != nil {
		return false, fmt.Errorf("repair %s: %w", what, err)
	}
	return tag.RowsAffected() > 0, nil
}

// RepairDue moves an instance's next_due (unix ms) forward to due.
func (s *Store) RepairDue(ctx context.Context, at Place, seen, due int64) (bool, error) {
	return s.repair(ctx, "timer", `
UPDATE instance SET next_due = $4 WHERE home = $1 AND id = $2 AND version = $3 AND (next_due IS NULL OR next_due > $4)`, at.Home, at.ID, seen, due)
}

// InstanceColumns are what lists are filtered by.
type InstanceColumns struct {
	Incidents   int32
	Parked      bool
	BusinessKey string
}

// RepairColumns sets the columns that follow from an instance's state.
func (s *Store) RepairColumns(ctx context.Context, at Place, seen int64, c InstanceColumns) (bool, error) {
	return s.repair(ctx, "columns", `
UPDATE instance SET incidents = $4, parked = $5, business_key = $6 WHERE home = $1 AND id = $2 AND version = $3`,
		at.Home, at.ID, seen, c.Incidents, c.Parked, c.BusinessKey)
}

// RepairPages removes the pages of an instance that does not run.
func (s *Store) RepairPages(ctx context.Context, at Place) (bool, error) {
	return s.repair(ctx, "pages", `
DELETE FROM instance_part p WHERE home = $1 AND id = $2 AND NOT EXISTS (SELECT FROM instance i WHERE i.home = p.home AND i.id = p.id)`, at.Home, at.ID)
}

// RepairInputs removes the kept inputs of an instance that does not run.
func (s *Store) RepairInputs(ctx context.Context, at Place) (bool, error) {
	return s.repair(ctx, "kept inputs", `
DELETE FROM parked_input p WHERE home = $1 AND id = $2 AND NOT EXISTS (SELECT FROM instance i WHERE i.home = p.home AND i.id = p.id)`, at.Home, at.ID)
}

// RepairCorrelation replaces the contents of a row that still is as seen; nil
// contents remove it. nextExpiry in unix ms, 0: none.
func (s *Store) RepairCorrelation(ctx context.Context, seen *CorrelationRow, contents []byte, nextExpiry int64) (bool, error) {
	if contents == nil {
		return s.repair(ctx, "correlation", `DELETE FROM correlation WHERE name = $1 AND key = $2 AND version = $3 AND data = $4`,
			seen.Name, seen.Key, seen.Version, seen.Data)
	}
	return s.repair(ctx, "correlation", `
UPDATE correlation SET data = $5, next_expiry = nullif($6::bigint, 0) WHERE name = $1 AND key = $2 AND version = $3 AND data = $4`,
		seen.Name, seen.Key, seen.Version, seen.Data, contents, nextExpiry)
}

// RepairTimer removes a timer start event of a version that is not the latest.
func (s *Store) RepairTimer(ctx context.Context, t StaleTimer) (bool, error) {
	return s.repair(ctx, "start timer", `DELETE FROM start_timer t WHERE definition = $1 AND node = $2 AND `+staleTimer, t.Definition, t.Node)
}
