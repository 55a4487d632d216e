package orchestrator

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// abandonedAfter is how many seconds a record waits for a relay before that is
// told, where relays are at work: leases of those that died end sooner.
const abandonedAfter = 60

func (r *fsck) readHomes(ctx context.Context) error {
	homes, err := r.Store.HomeStates(ctx)
	for _, h := range homes {
		r.homes[h.Home] = h
	}
	return err
}

// checkHomes looks at every home and its outbox.
func (r *fsck) checkHomes(ctx context.Context) error {
	if err := r.readHomes(ctx); err != nil {
		return err
	}
	if err := r.lookAgainForMissing(ctx); err != nil {
		return err
	}
	for _, h := range r.homes {
		r.checked.Homes++
		r.checked.Unpublished += max(h.OutboxSeq-h.PublishedSeq, 0)
		if err := r.checkHome(ctx, h); err != nil {
			return err
		}
		if err := r.checkRecords(ctx, h); err != nil {
			return err
		}
	}
	return r.checkHomeless(ctx)
}

// lookAgainForMissing keeps the missing numbers that are missing at a second look
// too: a table that was just emptied looks as if its rows had never been.
func (r *fsck) lookAgainForMissing(ctx context.Context) error {
	missing := make(map[int32]int64)
	for _, h := range r.homes {
		if h.Missing != 0 {
			missing[h.Home] = h.Missing
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := r.pause(ctx, r.Pause); err != nil {
		return err
	}
	if err := r.readHomes(ctx); err != nil {
		return err
	}
	for id, h := range r.homes {
		if h.Missing != missing[id] {
			h.Missing = 0
			r.homes[id] = h
		}
	}
	return nil
}

func homeKey(home int32) string { return fmt.Sprintf("home %d", home) }

func (r *fsck) checkHome(ctx context.Context, h store.HomeState) error {
	for _, c := range []struct {
		is bool
		Finding
	}{
		{h.Epoch < 1 || h.OutboxSeq < 0 || h.OutboxSeq > h.CommitSeq, Finding{What: "home",
			Message: fmt.Sprintf("it is at epoch %d, batch %d and outbox row %d; every owner raises the epoch, and a batch writes one outbox row at most", h.Epoch, h.CommitSeq, h.OutboxSeq),
			Advice:  "the row was written by hand: restore it from a backup, or set commit_seq to outbox_seq at least, while no engine runs"}},
		{h.PublishedSeq > h.OutboxSeq, Finding{What: "outbox",
			Message: fmt.Sprintf("it is published up to row %d, but only %d are written: the database, or the row of the home, was set back to the past", h.PublishedSeq, h.OutboxSeq),
			Advice:  "set published_seq of the home in relay_shard to outbox_seq while neither engine nor relay runs: else what is written next is never published"}},
		{h.Missing > 0, Finding{What: "outbox",
			Message: fmt.Sprintf("row %d is missing; %d are written and %d published: nothing of the home is published any more, lest something is lost unnoticed", h.Missing, h.OutboxSeq, h.PublishedSeq),
			Advice: fmt.Sprintf("restore the row; or, if what it held may be lost, set published_seq of the home in relay_shard to %d while neither engine nor relay runs, "+
				"and mind that its tasks are sent again only when their deadlines pass", h.Missing)}},
		{h.Beyond > 0, Finding{What: "outbox",
			Message: fmt.Sprintf("there is a row %d, but only %d were ever given out: the row of the home was set back, and its batches will fail when they come to that number", h.Beyond, h.OutboxSeq),
			Advice:  fmt.Sprintf("set outbox_seq of the home to %d, and commit_seq to that at least, while no engine runs", h.Beyond)}},
		{r.signs.Engines && !h.Leased && h.Oldest > abandonedAfter, Finding{What: "outbox",
			Message: fmt.Sprintf("records wait for %s to be published and no relay is at it, though others are at work", time.Duration(h.Oldest)*time.Second),
			Advice:  "look whether the home has an owner (barnabas_homes_owned); start an engine or a relay"}},
	} {
		if c.is {
			c.Key = homeKey(h.Home)
			if err := r.report(ctx, c.Finding, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRecords sees that what is to be published can be read.
func (r *fsck) checkRecords(ctx context.Context, h store.HomeState) error {
	const page = 100
	for after := h.PublishedSeq; after < h.OutboxSeq; {
		seen := 0
		err := r.Store.ScanOutbox(ctx, h.Home, after, page, func(row store.OutboxRow, damaged error) error {
			seen++
			after = row.Seq
			if damaged == nil {
				damaged = wire.Unpack(row.Data, func(wire.Record) error { return nil })
			}
			if damaged == nil {
				return nil
			}
			return r.report(ctx, Finding{
				What: "outbox", Key: homeKey(h.Home),
				Message: fmt.Sprintf("row %d can't be read: %v; nothing of the home is published after it", row.Seq, damaged),
				Advice:  "restore the row from a backup; or, if what it held may be lost, set published_seq of the home in relay_shard to its number while neither engine nor relay runs",
			}, nil)
		})
		if err != nil || seen < page {
			return err
		}
	}
	return nil
}

func (r *fsck) checkHomeless(ctx context.Context) error {
	homes, err := r.Store.Homeless(ctx)
	if err != nil {
		return err
	}
	for _, home := range homes {
		if err := r.report(ctx, Finding{
			What: "home", Key: homeKey(home),
			Message: "instances or timers live there, but no engine has ever owned it: nothing is decided for them",
			Advice:  fmt.Sprintf("homes are the partitions of the result topic: it must have %d at least, see Scaling in docs/operations.md", home+1),
		}, nil); err != nil {
			return err
		}
	}
	return nil
}

// checkTimers looks for timer start events of versions that were replaced.
func (r *fsck) checkTimers(ctx context.Context) error {
	stale, err := r.Store.StaleTimers(ctx)
	if err != nil {
		return err
	}
	for _, t := range stale {
		f := Finding{
			What: "start-timer", Key: fmt.Sprintf("definition %d", t.Definition),
			Message: fmt.Sprintf("a timer starts %s version %d, which is not its latest: old versions must not start by themselves", t.ProcessID, t.Version),
			Advice:  "let --repair remove the timer", Repair: "remove the timer",
		}
		if t.ProcessID == "" {
			f.Message = "a timer starts a definition that is not there"
		}
		if err := r.report(ctx, f, func(ctx context.Context) (bool, error) { return r.Store.RepairTimer(ctx, t) }); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until messages that were on their way between homes when it began
// have arrived: published, and consumed. False: they have not within the time, or
// nobody is there to bring them.
func (r *fsck) settle(ctx context.Context) (bool, error) {
	give := time.Now().Add(r.Settle)
	for _, done := range []func() (bool, error){r.published(ctx), r.consumed(ctx)} {
		for {
			ok, err := done()
			if err != nil {
				return false, err
			}
			if ok {
				break
			}
			if !r.signs.Engines || time.Now().After(give) {
				return false, nil
			}
			if err := r.pause(ctx, r.Pause); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// published tells whether all that was in the outbox at the first call has been
// published.
func (r *fsck) published(ctx context.Context) func() (bool, error) {
	var want map[int32]store.HomeState
	return func() (bool, error) {
		if err := r.readHomes(ctx); err != nil {
			return false, err
		}
		if want == nil {
			want = maps.Clone(r.homes)
		}
		for id, h := range r.homes {
			if h.PublishedSeq < want[id].OutboxSeq {
				return false, nil
			}
		}
		return true, nil
	}
}
