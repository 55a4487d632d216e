package orchestrator

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// waiter is an element instance that waits for a message.
type waiter struct {
	place store.Place
	sub   engine.Subscription
}

func (w *waiter) key() store.CorrelationKey {
	return store.CorrelationKey{Name: w.sub.Name, Key: w.sub.CorrelationKey}
}

// subscriptionLook looks up the correlation rows of many waiters together.
type subscriptionLook struct {
	*fsck
	waiters []waiter
}

func (l *subscriptionLook) at(ctx context.Context, row *store.ScannedInstance, s *engine.State) error {
	for _, sub := range s.OpenSubscriptions() {
		l.waiters = append(l.waiters, waiter{place(row), sub})
	}
	if len(l.waiters) < fsckPage {
		return nil
	}
	return l.flush(ctx)
}

// maxUnheard bounds those who are looked at again at the end.
const maxUnheard = 10_000

// flush remembers whose subscription is in no row. Messages on their way to an
// instance at another home have closed its subscription already, so nothing can be
// said yet.
func (l *subscriptionLook) flush(ctx context.Context) error {
	unheard, err := l.without(ctx, l.waiters)
	l.waiters = l.waiters[:0]
	room := maxUnheard - len(l.unheard)
	l.unheard = append(l.unheard, unheard[:min(len(unheard), room)]...)
	l.checked.Undecided += max(len(unheard)-room, 0)
	return err
}

// without gives those of the waiters whose subscription is in no row.
func (r *fsck) without(ctx context.Context, waiters []waiter) ([]waiter, error) {
	if len(waiters) == 0 {
		return nil, nil
	}
	heard := make(map[subscriptionKey]bool)
	keys := make([]store.CorrelationKey, len(waiters))
	for i := range waiters {
		keys[i] = waiters[i].key()
	}
	slices.SortFunc(keys, compareKeys)
	err := r.Store.ScanTheseCorrelations(ctx, slices.Compact(keys), func(row *store.ScannedCorrelation) error {
		c := decodeCorrelation(row.CorrelationRow)
		for _, s := range c.subscriptions {
			heard[subscriptionKey{c.key, s.instance, s.element, s.node}] = true
		}
		return nil
	})
	var unheard []waiter
	for _, w := range waiters {
		if !heard[subscriptionKey{w.key(), w.place.ID, w.sub.Element, w.sub.Node}] {
			unheard = append(unheard, w)
		}
	}
	return unheard, err
}

type subscriptionKey struct {
	row     store.CorrelationKey
	id      engine.InstanceID
	element engine.Key
	node    int
}

// checkUnheard looks again at those whose subscription was not found, once every
// message that was on its way has arrived.
func (r *fsck) checkUnheard(ctx context.Context) error {
	if len(r.unheard) == 0 {
		return nil
	}
	settled, err := r.settle(ctx)
	if err != nil {
		return err
	}
	advice := "if it is to go on, cancel it and start another; a message can't reach it any more"
	if r.Cluster == nil {
		advice = "check again with --brokers, since a message may be on its way to it; " + advice
	}
	for _, w := range r.unheard {
		still, err := r.stillUnheard(ctx, w)
		if err != nil {
			return err
		}
		if still && !settled {
			r.checked.Undecided++
			continue
		}
		if !still {
			continue
		}
		if err := r.report(ctx, Finding{
			What: "subscription", Key: uuid.UUID(w.place.ID).String(),
			Message: fmt.Sprintf("element instance %d waits for message %q with key %q, but no message will find it", w.sub.Element, w.sub.Name, w.sub.CorrelationKey),
			Advice:  advice,
		}, nil); err != nil {
			return err
		}
	}
	return nil
}

// stillUnheard: at one instant the instance waited and the row did not have it,
// since the instance was the same before and after the row was read.
func (r *fsck) stillUnheard(ctx context.Context, w waiter) (bool, error) {
	before, waits, err := r.waits(ctx, w)
	if err != nil || !waits {
		return false, err
	}
	unheard, err := r.without(ctx, []waiter{w})
	if err != nil || len(unheard) == 0 {
		return false, err
	}
	after, waits, err := r.waits(ctx, w)
	return waits && before == after, err
}

// waits tells whether an instance waits for a message, and its version; 0: it
// does not run.
func (r *fsck) waits(ctx context.Context, w waiter) (version int64, waits bool, err error) {
	err = r.Store.ScanTheseInstances(ctx, w.place.Home, [][16]byte{w.place.ID}, func(row *store.ScannedInstance) error {
		version = row.Version
		s, err := r.decode(ctx, row)
		if err != nil {
			waits = true // as was told; what it waits for nobody knows
			return nil   //nolint:nilerr // a finding of its own
		}
		waits = slices.ContainsFunc(s.OpenSubscriptions(), func(sub engine.Subscription) bool {
			sub.Interrupting = w.sub.Interrupting
			return sub == w.sub
		})
		return nil
	})
	return version, waits, err
}

// checkCorrelations looks at every row of subscriptions and buffered messages.
func (r *fsck) checkCorrelations(ctx context.Context) error {
	var after store.CorrelationKey
	for {
		seen := 0
		var claims []claim
		err := r.Store.ScanCorrelations(ctx, after, fsckPage, func(row *store.ScannedCorrelation) error {
			seen++
			r.checked.Correlations++
			after = store.CorrelationKey{Name: row.Name, Key: row.Key}
			c := decodeCorrelation(row.CorrelationRow)
			for _, s := range c.subscriptions {
				claims = append(claims, claim{c.key, c.version, s})
			}
			return r.checkCorrelation(ctx, row, c)
		})
		if err != nil {
			return err
		}
		if err := r.checkClaims(ctx, claims); err != nil {
			return err
		}
		r.progress()
		if seen < fsckPage {
			return nil
		}
	}
}

// sweptWithin is how long after their time expired messages are told to be left
// over: owners look every few seconds, but may have much to do after an outage.
const sweptWithin = 10 * time.Minute

func rowName(row *store.CorrelationRow) string { return fmt.Sprintf("%q/%q", row.Name, row.Key) }

// checkCorrelation looks at what a row says by itself.
func (r *fsck) checkCorrelation(ctx context.Context, row *store.ScannedCorrelation, c *correlation) error {
	if c.unreadable != nil {
		return r.report(ctx, Finding{
			What: "unreadable", Key: rowName(&row.CorrelationRow),
			Message: c.unreadable.Error() + ": messages of this name and key become dead letters, and nobody gets them",
			Advice:  "restore the row from a backup; or delete it, cancel who waited for it, and send the messages again",
		}, nil)
	}
	if err := r.checkRowVersion(ctx, row); err != nil {
		return err
	}
	want := c.row().NextExpiry
	overdue := want != 0 && r.signs.Engines && time.Since(time.UnixMilli(want)) > sweptWithin
	switch {
	case want == 0 || row.NextExpiry != 0 && row.NextExpiry <= want && !overdue:
		return nil
	case row.NextExpiry != 0 && row.NextExpiry <= want:
		return r.report(ctx, Finding{
			What: "expiry", Key: rowName(&row.CorrelationRow),
			Message: fmt.Sprintf("messages that expired at %s are still buffered, though engines run", time.UnixMilli(want).UTC().Format(time.RFC3339)),
			Advice:  fmt.Sprintf("the owner of home %d removes them: look whether it has one (barnabas_homes_owned)", row.Home),
		}, nil)
	}
	seen := row.CorrelationRow
	return r.report(ctx, Finding{
		What: "expiry", Key: rowName(&row.CorrelationRow),
		Message: fmt.Sprintf("%d messages are buffered, the first until %s, but next_expiry is later or empty: they will not be removed in time",
			len(c.messages), time.UnixMilli(want).UTC().Format(time.RFC3339)),
		Advice: "let --repair set next_expiry",
		Repair: "set next_expiry to what the row says",
	}, func(ctx context.Context) (bool, error) {
		return r.Store.RepairCorrelation(ctx, &seen, seen.Data, want)
	})
}

// checkRowVersion: a version names the batch that wrote the row, which must have
// been before the home's last.
func (r *fsck) checkRowVersion(ctx context.Context, row *store.ScannedCorrelation) error {
	home, batch := store.WrittenBy(row.Version)
	if batch <= r.homes[home].CommitSeq {
		return nil
	}
	if err := r.readHomes(ctx); err != nil { // it may be younger than our picture
		return err
	}
	if batch <= r.homes[home].CommitSeq {
		return nil
	}
	return r.report(ctx, Finding{
		What: "home", Key: rowName(&row.CorrelationRow),
		Message: fmt.Sprintf("it was written by batch %d of home %d, which is at batch %d: the row of the home was set back, and versions will come twice", batch, home, r.homes[home].CommitSeq),
		Advice:  fmt.Sprintf("stop all engines and set commit_seq of home %d to %d or more", home, batch),
	}, nil)
}

// claim is a subscription that a row says there is.
type claim struct {
	row     store.CorrelationKey
	version int64
	sub     subscription
}

// waiter is who should wait.
func (c *claim) waiter() waiter {
	return waiter{store.Place{Home: c.sub.home, ID: c.sub.instance}, engine.Subscription{
		Element: c.sub.element, Node: c.sub.node, Name: c.row.Name, CorrelationKey: c.row.Key,
	}}
}

// checkClaims sees that whoever is said to wait does so.
func (r *fsck) checkClaims(ctx context.Context, claims []claim) error {
	byHome := make(map[int32][][16]byte)
	for _, c := range claims {
		byHome[c.sub.home] = append(byHome[c.sub.home], c.sub.instance)
	}
	waiting := make(map[subscriptionKey]bool)
	for home, ids := range byHome {
		err := r.Store.ScanTheseInstances(ctx, home, ids, func(row *store.ScannedInstance) error {
			s, err := r.decode(ctx, row)
			if err != nil {
				return nil //nolint:nilerr // looked at again below
			}
			for _, sub := range s.OpenSubscriptions() {
				waiting[subscriptionKey{store.CorrelationKey{Name: sub.Name, Key: sub.CorrelationKey}, row.ID, sub.Element, sub.Node}] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, c := range claims {
		if waiting[subscriptionKey{c.row, c.sub.instance, c.sub.element, c.sub.node}] {
			continue
		}
		if err := r.checkClaim(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// checkClaim looks again: the row has not changed since before nobody waited.
func (r *fsck) checkClaim(ctx context.Context, c claim) error {
	_, waits, err := r.waits(ctx, c.waiter())
	if err != nil || waits {
		return err
	}
	return r.Store.ScanTheseCorrelations(ctx, []store.CorrelationKey{c.row}, func(row *store.ScannedCorrelation) error {
		now := decodeCorrelation(row.CorrelationRow)
		if row.Version != c.version || !now.has(c.sub.instance, c.sub.element, c.sub.node) {
			return nil
		}
		seen := row.CorrelationRow
		return r.report(ctx, Finding{
			What: "subscription", Key: uuid.UUID(c.sub.instance).String(),
			Message: fmt.Sprintf("message %q with key %q has a subscription of it (element instance %d), but it does not run or does not wait: the next message goes to nobody",
				row.Name, row.Key, c.sub.element),
			Advice: "let --repair remove the subscription",
			Repair: "remove the subscription from the row",
		}, func(ctx context.Context) (bool, error) { return r.removeClaim(ctx, &seen, c.sub) })
	})
}

func (r *fsck) removeClaim(ctx context.Context, seen *store.CorrelationRow, s subscription) (bool, error) {
	c := decodeCorrelation(*seen)
	c.close(s.instance, s.element, s.node)
	if c.empty() {
		return r.Store.RepairCorrelation(ctx, seen, nil, 0)
	}
	row := c.row()
	return r.Store.RepairCorrelation(ctx, seen, row.Data, row.NextExpiry)
}

func (c *correlation) has(id engine.InstanceID, element engine.Key, node int) bool {
	return slices.ContainsFunc(c.subscriptions, func(s subscription) bool { return s.sameAs(id, element, node) })
}

func compareKeys(a, b store.CorrelationKey) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
}
