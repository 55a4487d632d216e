// Package history projects the status topic into tables: what happened to every
// instance, running or ended. The engine never writes history; whoever reads it
// reads what lags a moment behind.
//
// Records may come twice or, after a relay has changed hands, late: a step is
// written once, and an instance shows its highest sequence.
//
// Start reading at Take.
package history

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Projection writes status records into the history tables.
type Projection struct {
	Store *store.Store
	// Skipped is told of records that are not status records; may be nil.
	Skipped func(record wire.Record, err error)
}

// status is the part of a status record that history keeps.
type status struct {
	InstanceID  string          `json:"instanceId"`
	ProcessID   string          `json:"processId"`
	Version     int32           `json:"version"`
	BusinessKey string          `json:"businessKey"`
	Tenant      string          `json:"tenant"`
	Sequence    int64           `json:"sequence"`
	State       string          `json:"state"`
	Incidents   int32           `json:"incidents"`
	Time        time.Time       `json:"time"`
	Events      json.RawMessage `json:"events"`
}

// Take writes a batch of status records, in one transaction.
func (p *Projection) Take(ctx context.Context, records []wire.Record) error {
	steps := make([]store.HistoryStep, 0, len(records))
	for _, r := range records {
		step, err := parse(r.Value)
		if err != nil {
			if p.Skipped != nil {
				p.Skipped(r, err)
			}
			continue
		}
		steps = append(steps, step)
	}
	return p.Store.AddHistory(ctx, steps)
}

func parse(value []byte) (store.HistoryStep, error) {
	var s status
	if err := json.Unmarshal(value, &s); err != nil {
		return store.HistoryStep{}, fmt.Errorf("not a status record: %w", err)
	}
	id, ok := wire.ParseUUID([]byte(s.InstanceID))
	if !ok || s.Sequence < 1 {
		return store.HistoryStep{}, fmt.Errorf("not a status record: instance %q, sequence %d", s.InstanceID, s.Sequence)
	}
	return store.HistoryStep{
		Instance: id, Sequence: s.Sequence, At: s.Time, Events: s.Events, ProcessID: s.ProcessID, Version: s.Version,
		BusinessKey: s.BusinessKey, Tenant: s.Tenant, State: s.State, Incidents: s.Incidents,
	}, nil
}
