package orchestrator

import (
	"cmp"
	"context"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Finding is an inconsistency, said so that an operator understands it.
type Finding struct {
	What    string `json:"what"`               // kind, for grouping
	Key     string `json:"key"`                // what it is about: an instance's id, home 3, topic/partition
	Message string `json:"message"`            // what is wrong, and what follows from it
	Advice  string `json:"advice"`             // what to do
	Repair  string `json:"repair,omitempty"`   // what Fsck.Repair does about it; "": nothing can be done safely
	Done    bool   `json:"repaired,omitempty"` // and has done
}

// Checked says what Run has looked at.
type Checked struct {
	Instances    int   `json:"instances"`
	Correlations int   `json:"correlations"`
	Homes        int   `json:"homes"`
	Unpublished  int64 `json:"unpublished"` // outbox rows that no relay has published yet
	// Undecided are instances that wait for a message that may be on its way to
	// them: whether it is can be told only when everything has arrived.
	Undecided int `json:"undecided"`
	// HistoryBehind are status records that history has not taken yet; with a cluster.
	HistoryBehind int64 `json:"historyBehind"`
	Findings      int   `json:"findings"`
	Repaired      int   `json:"repaired"`
}

// Fsck looks for what can't be: in the rows of a database, between them, and
// between them and the topics. Store is required.
//
// The system may be running: rows that belong together are read on one snapshot,
// and what takes several looks is looked at again before it is told. Memory does
// not depend on how much there is. Nothing is locked, no snapshot is held for
// longer than a page.
type Fsck struct {
	Store *store.Store
	// Cluster has what Kafka says; nil: positions are not compared.
	Cluster Cluster
	// Names of the topics, and the consumer group of the engines (default barnabas):
	// for Cluster.
	Names wire.Names
	Group string
	// Repair mends what can be mended safely beside running engines.
	Repair bool
	// Pause before a suspicion is looked at again; default 1 s.
	Pause time.Duration
	// Settle is how long to wait, at the end, until messages on their way between
	// homes have arrived; default 30 s.
	Settle time.Duration
	// Retention is how long engines remember ids of messages; default 7 days.
	Retention time.Duration
	Found     func(Finding) // told of each finding; may be nil
	Progress  func(Checked) // told after each page; may be nil
}

// fsckPage is how many rows are read on one snapshot.
const fsckPage = 1000

// fsck is a run of Fsck.
type fsck struct {
	Fsck
	catalogue *catalogue
	checked   Checked
	homes     map[int32]store.HomeState
	signs     store.Signs
	unheard   []waiter // whose subscriptions were not found at the first look
}

// Run checks everything. An error means that it could not be checked.
func (f Fsck) Run(ctx context.Context) (Checked, error) {
	f.Pause, f.Settle = cmp.Or(f.Pause, time.Second), cmp.Or(f.Settle, 30*time.Second)
	f.Retention = cmp.Or(f.Retention, DefaultRetention)
	r := &fsck{Fsck: f, homes: make(map[int32]store.HomeState)}
	for _, check := range []func(context.Context) error{
		r.checkCatalogue, r.checkHomes, r.checkInstances, r.checkOrphans, r.checkCorrelations, r.checkTopics, r.checkUnheard,
	} {
		if err := check(ctx); err != nil {
			return r.checked, err
		}
	}
	return r.checked, nil
}

// report tells of a finding and mends it, if that is wanted and possible.
func (r *fsck) report(ctx context.Context, f Finding, mend func(context.Context) (bool, error)) error {
	if r.Repair && mend != nil {
		done, err := mend(ctx)
		if err != nil {
			return err
		}
		f.Done = done
	}
	r.checked.Findings++
	if f.Done {
		r.checked.Repaired++
	}
	if r.Found != nil {
		r.Found(f)
	}
	return nil
}

func (r *fsck) progress() {
	if r.Progress != nil {
		r.Progress(r.checked)
	}
}

// pause waits before a second look.
func (r *fsck) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// checkCatalogue sees that every deployed model can be used, and that there is
// one generation of them.
func (r *fsck) checkCatalogue(ctx context.Context) (err error) {
	if r.signs, err = r.Store.ReadSigns(ctx, int64(r.Retention/time.Second)); err != nil {
		return err
	}
	if err := r.reportSigns(ctx); err != nil {
		return err
	}
	var broken []Finding
	r.catalogue = &catalogue{
		store: r.Store, prepare: func(*definition) error { return nil }, refreshing: make(chan struct{}, 1),
		broken: func(resource string, err error) {
			broken = append(broken, Finding{
				What: "model", Key: resource, Message: err.Error() + ": its instances stand still in engines like this program",
				Advice: "use a version of the program that is as new as the engine that deployed it",
			})
		},
	}
	r.catalogue.current.Store(&definitions{})
	if r.signs.Catalogue != 1 { // nothing can be read without it, as was told
		return nil
	}
	if _, err := r.catalogue.refresh(ctx); err != nil {
		return err
	}
	for _, f := range broken {
		if err := r.report(ctx, f, nil); err != nil {
			return err
		}
	}
	return r.checkTimers(ctx)
}

// reportSigns tells what single facts tell.
func (r *fsck) reportSigns(ctx context.Context) error {
	for _, sign := range []struct {
		is bool
		Finding
	}{
		{r.signs.Catalogue != 1, Finding{What: "catalogue", Key: "catalogue",
			Message: "the table catalogue must have one row; without it no batch can be stored and no model deployed",
			Advice:  "stop all engines, restore the row from a backup, or insert one with a generation above any before"}},
		{r.signs.Active != 1, Finding{What: "outbox", Key: "outbox_active",
			Message: "the table outbox_active must have one row; without it no batch can be stored",
			Advice:  "stop all engines and insert the row: INSERT INTO outbox_active (slot) VALUES (0)"}},
		{r.signs.Engines && r.signs.Forgotten, Finding{What: "dedupe", Key: "dedupe",
			Message: "ids of messages are kept for longer than they should be, though engines run: the table grows",
			Advice:  "look for what the engines' logs say of old message ids"}},
		{r.signs.Future, Finding{What: "dedupe", Key: "dedupe",
			Message: "ids of messages were noted in the future, by a clock of the database that went wrong: they are remembered for longer than others",
			Advice:  "no harm; run NTP where the database runs"}},
	} {
		if sign.is {
			if err := r.report(ctx, sign.Finding, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
