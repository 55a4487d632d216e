package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// checkInstances looks at every running instance, with its pages, kept inputs,
// history and subscriptions.
func (r *fsck) checkInstances(ctx context.Context) error {
	after := store.Place{Home: -1}
	for {
		seen := 0
		look := subscriptionLook{fsck: r}
		err := r.Store.ScanInstances(ctx, after, fsckPage, func(row *store.ScannedInstance) error {
			seen++
			r.checked.Instances++
			after = store.Place{Home: row.Home, ID: row.ID}
			return r.checkInstance(ctx, row, &look)
		})
		if err != nil {
			return err
		}
		if err := look.flush(ctx); err != nil {
			return err
		}
		r.progress()
		if seen < fsckPage {
			return nil
		}
	}
}

// checkInstance compares a row with the state in it. All of it is of one snapshot.
func (r *fsck) checkInstance(ctx context.Context, row *store.ScannedInstance, look *subscriptionLook) error {
	s, err := r.decode(ctx, row)
	if err != nil {
		advice := "restore its rows in instance and instance_part from a backup, or delete them to give the instance up"
		if errors.Is(err, errNoModel) {
			advice = "restore the row in the table definition from a backup, or delete the instance's rows to give it up"
		}
		return r.report(ctx, Finding{
			What: "unreadable", Key: key(row), Message: err.Error() + ": its inputs become dead letters, its timers don't fire", Advice: advice,
		}, nil)
	}
	for _, check := range []func(context.Context, *store.ScannedInstance, *engine.State) error{r.checkVersion, r.checkColumns, r.checkDue, r.checkKept, r.checkHistory} {
		if err := check(ctx, row, s); err != nil {
			return err
		}
	}
	return look.at(ctx, row, s)
}

func key(row *store.ScannedInstance) string { return uuid.UUID(row.ID).String() }

var errNoModel = errors.New("is not there or can't be used")

// decode reads the state. What was deployed since the run began is looked up.
func (r *fsck) decode(ctx context.Context, row *store.ScannedInstance) (*engine.State, error) {
	defs := r.catalogue.get()
	if defs.byID[row.Definition] == nil && row.Definition > defs.seen.Definition && r.signs.Catalogue == 1 {
		if _, err := r.catalogue.refresh(ctx); err != nil {
			return nil, err
		}
		defs = r.catalogue.get()
	}
	def := defs.byID[row.Definition]
	if def == nil {
		return nil, fmt.Errorf("its model, definition %d, %w", row.Definition, errNoModel)
	}
	parts := make([]engine.Part, len(row.Parts))
	for i, p := range row.Parts {
		parts[i] = engine.Part{No: p.No, Data: p.Data}
	}
	return engine.DecodeState(def.process, row.ID, row.Home, row.State, parts)
}

func (r *fsck) checkVersion(ctx context.Context, row *store.ScannedInstance, s *engine.State) error {
	switch {
	case s.Ended():
		return r.report(ctx, Finding{
			What: "ended", Key: key(row), Message: fmt.Sprintf("it has ended (%s), but its row is still there", s.EndState()),
			Advice: "delete its rows in instance and instance_part",
		}, nil)
	case int64(s.Sequence) != row.Version || s.Definition != row.Definition:
		return r.report(ctx, Finding{
			What: "version", Key: key(row),
			Message: fmt.Sprintf("its row is of version %d and definition %d, the state in it of version %d and definition %d: they are not of one step",
				row.Version, row.Definition, s.Sequence, s.Definition),
			Advice: "restore the whole row from a backup; workers that answered the version that is lost are told late",
		}, nil)
	}
	return nil
}

// checkColumns compares what lists are filtered by.
func (r *fsck) checkColumns(ctx context.Context, row *store.ScannedInstance, s *engine.State) error {
	is := store.InstanceColumns{Incidents: int32(s.IncidentCount()), Parked: s.Parked, BusinessKey: s.BusinessKey}
	has := store.InstanceColumns{Incidents: row.Incidents, Parked: row.Parked, BusinessKey: row.BusinessKey}
	if is == has {
		return nil
	}
	return r.report(ctx, Finding{
		What: "columns", Key: key(row),
		Message: fmt.Sprintf("the columns say %d incidents, parked %t, business key %q; the state says %d, %t, %q: lists leave it out or show it wrongly",
			has.Incidents, has.Parked, has.BusinessKey, is.Incidents, is.Parked, is.BusinessKey),
		Advice: "let --repair set the columns",
		Repair: "set the columns to what the state says",
	}, func(ctx context.Context) (bool, error) {
		return r.Store.RepairColumns(ctx, place(row), row.Version, is)
	})
}

func place(row *store.ScannedInstance) store.Place { return store.Place{Home: row.Home, ID: row.ID} }

// checkDue sees that the engine looks in time: next_due is a lower bound.
func (r *fsck) checkDue(ctx context.Context, row *store.ScannedInstance, s *engine.State) error {
	at, any := s.NextDue()
	if !any || row.NextDue != 0 && row.NextDue <= ceilMillis(at) {
		return nil
	}
	has := "is empty"
	if row.NextDue != 0 {
		has = "is " + time.UnixMilli(row.NextDue).UTC().Format(time.RFC3339Nano)
	}
	return r.report(ctx, Finding{
		What: "timer", Key: key(row),
		Message: fmt.Sprintf("something is due at %s, but next_due %s: it will be late, or never happen", at.UTC().Format(time.RFC3339Nano), has),
		Advice:  "let --repair set next_due; what is due then happens within 10 s",
		Repair:  "set next_due to what the state says",
	}, func(ctx context.Context) (bool, error) {
		return r.Store.RepairDue(ctx, place(row), row.Version, ceilMillis(at))
	})
}

func (r *fsck) checkKept(ctx context.Context, row *store.ScannedInstance, s *engine.State) error {
	if row.Kept == 0 || s.Parked {
		return nil
	}
	return r.report(ctx, Finding{
		What: "kept-inputs", Key: key(row),
		Message: fmt.Sprintf("%d inputs are kept for it in parked_input, but it is not parked: nobody will decide them", row.Kept),
		Advice:  "ask whoever sent them to send them again, then delete the rows",
	}, nil)
}

// checkHistory: history follows what happens and can't be ahead of it.
func (r *fsck) checkHistory(ctx context.Context, row *store.ScannedInstance, _ *engine.State) error {
	if row.HistorySequence <= row.Version && !row.HistoryEnded {
		return nil
	}
	told := fmt.Sprintf("knows step %d of it", row.HistorySequence)
	if row.HistoryEnded {
		told += ", its end,"
	}
	return r.report(ctx, Finding{
		What: "history", Key: key(row),
		Message: fmt.Sprintf("history %s but it is at step %d: the database, or this row, was set back to the past, and steps are told twice", told, row.Version),
		Advice:  "see Backup and restore in docs/operations.md; what workers did for the steps that are lost, they do again",
	}, nil)
}

// checkOrphans looks for rows of instances that do not run.
func (r *fsck) checkOrphans(ctx context.Context) error {
	return r.Store.ScanOrphans(ctx, func(o *store.Orphan) error {
		f := Finding{What: "orphan", Key: uuid.UUID(o.ID).String()}
		if o.Pages > 0 {
			f.Message = fmt.Sprintf("%d pages in instance_part belong to it, but it does not run: they only take room", o.Pages)
			f.Advice, f.Repair = "let --repair delete them", "delete the pages"
			return r.report(ctx, f, func(ctx context.Context) (bool, error) { return r.Store.RepairPages(ctx, o.Place) })
		}
		f.Message = fmt.Sprintf("%d inputs are kept for it in parked_input, but it does not run: nobody will decide them", len(o.Inputs))
		if n := messagesAmong(o.Inputs); n > 0 {
			f.Advice = fmt.Sprintf("%d of them are messages that somebody else might want: send those again, then delete the rows", n)
			return r.report(ctx, f, nil)
		}
		f.Advice, f.Repair = "let --repair delete them", "delete the inputs: they are for this instance alone"
		return r.report(ctx, f, func(ctx context.Context) (bool, error) { return r.Store.RepairInputs(ctx, o.Place) })
	})
}

// messagesAmong counts the inputs that are messages, or can't be read.
func messagesAmong(inputs [][]byte) (n int) {
	for _, input := range inputs {
		err := wire.Unpack(input, func(rec wire.Record) error {
			c, err := wire.DecodeControl(&rec)
			if err == nil && c.Kind == wire.Deliver {
				n++
			}
			return err
		})
		if err != nil {
			n++
		}
	}
	return n
}
