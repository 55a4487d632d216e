package orchestrator

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// Finding is an inconsistency of the database, said so that an operator
// understands it.
type Finding struct {
	What     string `json:"what"`               // kind, for grouping
	Instance string `json:"instance,omitempty"` // id
	Message  string `json:"message"`            // what is wrong and what to do
}

// Checked says how much Check has looked at.
type Checked struct {
	Instances    int   `json:"instances"`
	Correlations int   `json:"correlations"`
	Unpublished  int64 `json:"unpublishedOutboxRows"`
	Findings     int   `json:"findings"`
}

// scanPage is how many rows Check reads at once: its memory does not depend on
// how much there is.
const scanPage = 500

// Check looks for inconsistencies between instances, their pages, subscriptions,
// timers and outbox, and hands each to found. The system may be running: what
// looks odd is looked at again before it is told.
func (o *Orchestrator) Check(ctx context.Context, found func(Finding)) (c Checked, err error) {
	report := func(f Finding) { c.Findings++; found(f) }
	if err := o.checkInstances(ctx, &c, report); err != nil {
		return c, err
	}
	if err := o.checkCorrelations(ctx, &c, report); err != nil {
		return c, err
	}
	return c, o.checkOrphans(ctx, &c, report)
}

func (o *Orchestrator) checkInstances(ctx context.Context, c *Checked, report func(Finding)) error {
	var home int32 = -1
	var id [16]byte
	for {
		page, err := o.store.Scan(ctx, home, id, scanPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			c.Instances++
			if err := o.checkInstance(ctx, &page[i], report); err != nil {
				return err
			}
		}
		home, id = page[len(page)-1].Home, page[len(page)-1].ID
	}
}

func (o *Orchestrator) checkInstance(ctx context.Context, row *store.ScannedInstance, report func(Finding)) error {
	id := uuid.UUID(row.ID).String()
	inst, err := decodeInstance(o.catalogue.get(), row.Home, &row.StoredInstance)
	if err != nil {
		report(Finding{"unreadable", id, err.Error() + "; restore the row from a backup, or delete it to give the instance up"})
		return nil //nolint:nilerr // a finding, not a failure
	}
	s := inst.state
	if s.IncidentCount() != int(row.Incidents) || s.Parked != row.Parked {
		report(Finding{"filters", id, "the columns incidents and parked don't say what the state says: lists leave the instance out; any further input mends it"})
	}
	if due, any := s.NextDue(); any && (row.NextDue == 0 || row.NextDue > ceilMillis(due)) {
		report(Finding{"timer", id, fmt.Sprintf("something is due at %s, but next_due is later or empty: it will fire late or never; set next_due to it", due)})
	}
	if row.Kept > 0 && !s.Parked {
		report(Finding{"parked-inputs", id, fmt.Sprintf("%d inputs are kept for it, but it is not parked: they will never be decided", row.Kept)})
	}
	return o.checkSubscriptions(ctx, s, report)
}

// checkSubscriptions sees that messages find the instance.
func (o *Orchestrator) checkSubscriptions(ctx context.Context, s *engine.State, report func(Finding)) error {
	open := s.OpenSubscriptions()
	if len(open) == 0 {
		return nil
	}
	keys := make([]store.CorrelationKey, len(open))
	for i, sub := range open {
		keys[i] = store.CorrelationKey{Name: sub.Name, Key: sub.CorrelationKey}
	}
	rows, err := o.store.LoadCorrelations(ctx, keys)
	if err != nil {
		return err
	}
	for i, sub := range open {
		row, there := rows[keys[i]]
		if there && decodeCorrelation(row).has(s.ID, sub.Element, sub.Node) {
			continue
		}
		if o.gone(ctx, s) {
			return nil
		}
		report(Finding{"subscription", uuid.UUID(s.ID).String(), fmt.Sprintf(
			"element instance %d waits for message %q with key %q, but no message will find it: cancel the instance, or give it the message by resolving it",
			sub.Element, sub.Name, sub.CorrelationKey)})
	}
	return nil
}

// gone tells whether the instance has moved on since it was read.
func (o *Orchestrator) gone(ctx context.Context, s *engine.State) bool {
	versions, err := o.store.LoadVersions(ctx, s.Home, [][16]byte{s.ID})
	return err == nil && versions[s.ID] != int64(s.Sequence)
}

func (c *correlation) has(id engine.InstanceID, element engine.Key, node int) bool {
	for i := range c.subscriptions {
		if c.subscriptions[i].sameAs(id, element, node) {
			return true
		}
	}
	return false
}

func (o *Orchestrator) checkCorrelations(ctx context.Context, c *Checked, report func(Finding)) error {
	var after store.CorrelationKey
	for {
		page, err := o.store.ScanCorrelations(ctx, after, scanPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, row := range page {
			c.Correlations++
			if err := o.checkCorrelation(ctx, row, report); err != nil {
				return err
			}
			after = store.CorrelationKey{Name: row.Name, Key: row.Key}
		}
	}
}

// checkCorrelation sees that whoever waits for a message is there.
func (o *Orchestrator) checkCorrelation(ctx context.Context, row store.CorrelationRow, report func(Finding)) error {
	cor := decodeCorrelation(row)
	if cor.unreadable != nil {
		report(Finding{"unreadable", "", fmt.Sprintf("messages %q with key %q: %v; delete the row and send the messages again", row.Name, row.Key, cor.unreadable)})
		return nil //nolint:nilerr // a finding, not a failure
	}
	for _, s := range cor.subscriptions {
		rows, err := o.store.LoadInstances(ctx, s.home, [][16]byte{s.instance})
		if err != nil {
			return err
		}
		if rows[s.instance] != nil {
			continue
		}
		again, err := o.store.LoadCorrelations(ctx, []store.CorrelationKey{cor.key})
		if err != nil {
			return err
		}
		if again[cor.key].Version == row.Version {
			report(Finding{"subscription", uuid.UUID(s.instance).String(), fmt.Sprintf(
				"message %q with key %q has a subscription of an instance that does not run: the next message removes it", row.Name, row.Key)})
		}
	}
	return nil
}

func (o *Orchestrator) checkOrphans(ctx context.Context, c *Checked, report func(Finding)) error {
	n, err := o.store.CountOrphans(ctx)
	if err != nil {
		return err
	}
	c.Unpublished = n.Behind
	if n.Parts > 0 {
		report(Finding{"orphans", "", fmt.Sprintf("%d pages belong to instances that are not there: they only take room and may be deleted", n.Parts)})
	}
	if n.ParkedInputs > 0 {
		report(Finding{"orphans", "", fmt.Sprintf("%d parked inputs belong to instances that are not there: they only take room and may be deleted", n.ParkedInputs)})
	}
	if n.Overtaken > 0 {
		report(Finding{"outbox", "", fmt.Sprintf("%d homes are published further than they are written: the database was set back; the next relay notices and starts anew", n.Overtaken)})
	}
	return nil
}
