package sim

import (
	"bytes"
	"errors"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// errConstraint is a refusal that is no answer about the batch: a defect.
var errConstraint = errors.New("a constraint is violated")

// commit makes a batch true if every guard of its statements holds, in their
// order; else nothing happens.
func (d *Database) commit(f store.Fence, rows *store.Rows) (store.Fence, error) {
	if err := d.refuse(f, rows); err != nil {
		return f, err
	}
	d.write(f, rows)
	f.CommitSeq++
	if len(rows.Outbox) > 0 {
		f.OutboxSeq++
	}
	f.Slot = d.active
	return f, nil
}

func (d *Database) refuse(f store.Fence, rows *store.Rows) error {
	h := d.homes[f.Home]
	if h == nil || !d.guard.NoFence && (h.epoch != f.Epoch || h.commitSeq != f.CommitSeq) {
		return store.ErrFenced
	}
	if d.generation != f.Generation {
		return store.ErrCatalogue
	}
	for _, o := range rows.Offsets {
		if at := d.offsets[topicPartition{o.Topic, o.Partition}]; at == nil || at.next != o.First && !d.guard.NoFence {
			return store.ErrFenced
		}
	}
	for i, id := range rows.Messages {
		if _, seen := d.messages[id]; seen || slices.Contains(rows.Messages[:i], id) {
			return store.ErrDuplicateMessage
		}
	}
	if err := d.refuseInstances(f.Home, rows); err != nil {
		return err
	}
	if err := d.refuseCorrelations(rows); err != nil {
		return err
	}
	for _, t := range rows.StartTimers {
		if d.startTimer(&t) < 0 {
			return store.ErrStartTimerChanged
		}
	}
	if len(rows.Outbox) > 0 && d.outboxHas(f.Slot, f.Home, f.OutboxSeq+1) {
		return errConstraint
	}
	return nil
}

func (d *Database) refuseInstances(home int32, rows *store.Rows) error {
	for i := range rows.Inserts {
		if d.instances[instanceKey{home, rows.Inserts[i].ID}] != nil {
			return errConstraint
		}
	}
	for _, changed := range [][]store.SeenInstance{rows.Updates, rows.Deletes} {
		for i := range changed {
			if row := d.instances[instanceKey{home, changed[i].ID}]; row == nil || row.Version != changed[i].Seen {
				return store.ErrInstanceChanged
			}
		}
	}
	return nil
}

func (d *Database) refuseCorrelations(rows *store.Rows) error {
	for _, changed := range [][]store.CorrelationRow{rows.Correlations, rows.Dropped} {
		for i := range changed {
			version := int64(0)
			if row := d.correlations[store.CorrelationKey{Name: changed[i].Name, Key: changed[i].Key}]; row != nil {
				version = row.Version
			}
			if version != changed[i].Version {
				return store.ErrCorrelationChanged
			}
		}
	}
	return nil
}

func (d *Database) startTimer(t *store.SeenStartTimer) int {
	return slices.IndexFunc(d.startTimers, func(row startTimerRow) bool {
		return row.Definition == t.Definition && row.Node == t.Node && row.Due == t.Seen
	})
}

func (d *Database) write(f store.Fence, rows *store.Rows) {
	h := d.homes[f.Home]
	h.commitSeq++
	for _, o := range rows.Offsets {
		d.offsets[topicPartition{o.Topic, o.Partition}].next = o.Next
	}
	for _, id := range rows.Messages {
		d.messages[id] = d.now()
	}
	d.writeInstances(f.Home, rows)
	for _, c := range rows.Correlations {
		c.Version = f.CorrelationVersion()
		d.correlations[store.CorrelationKey{Name: c.Name, Key: c.Key}] = &correlationRow{c, f.Home}
	}
	for _, c := range rows.Dropped {
		delete(d.correlations, store.CorrelationKey{Name: c.Name, Key: c.Key})
	}
	for i := range rows.StartTimers {
		d.writeStartTimer(&rows.StartTimers[i])
	}
	if len(rows.Outbox) > 0 {
		h.outboxSeq++
		d.outbox[f.Slot][f.Home] = append(d.outbox[f.Slot][f.Home], store.OutboxRow{Seq: f.OutboxSeq + 1, At: d.now(), Data: rows.Outbox})
	}
}

func (d *Database) writeInstances(home int32, rows *store.Rows) {
	for _, row := range rows.Inserts {
		d.instances[instanceKey{home, row.ID}] = &instanceRow{row}
	}
	for _, row := range rows.Updates {
		old := d.instances[instanceKey{home, row.ID}]
		row.Definition, row.BusinessKey = old.Definition, old.BusinessKey
		old.InstanceRow = row.InstanceRow
	}
	for _, row := range rows.Deletes {
		delete(d.instances, instanceKey{home, row.ID})
	}
	for _, p := range rows.PutParts {
		k := instanceKey{home, p.ID}
		if d.parts[k] == nil {
			d.parts[k] = make(map[uint32][]byte)
		}
		d.parts[k][p.No] = p.Data
	}
	for _, p := range rows.DropParts {
		delete(d.parts[instanceKey{home, p.ID}], p.No)
	}
	for _, id := range rows.DropPaged {
		delete(d.parts, instanceKey{home, id})
	}
	for _, p := range rows.Parked {
		k := instanceKey{home, p.ID}
		d.parked[k] = append(d.parked[k], bytes.Clone(p.Input))
	}
	for _, id := range rows.Unparked {
		delete(d.parked, instanceKey{home, id})
	}
}

func (d *Database) writeStartTimer(t *store.SeenStartTimer) {
	i := d.startTimer(t)
	if t.Due == 0 {
		d.startTimers = slices.Delete(d.startTimers, i, i+1)
		return
	}
	d.startTimers[i].StartTimerRow = t.StartTimerRow
}
