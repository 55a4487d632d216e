package orchestrator

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// commit makes the batch true. It returns when the batch is stored, when the
// home belongs to somebody else (store.ErrFenced), or when ctx ends. While the
// database is away it waits and sends the same batch again; where the batch
// meets a change by somebody else, the inputs concerned are decided again.
func (b *batch) commit(ctx context.Context, offsets []offsetMove) error {
	for {
		err := b.store(ctx, b.rows(offsets))
		if !conflict(err) {
			return err
		}
		b.h.o.metrics.conflicts.Inc()
		if err := b.persist(ctx, b.resolve(ctx, err)); err != nil {
			return err
		}
	}
}

// persist waits while a decision could not be made for want of the database,
// and then decides everything anew.
func (b *batch) persist(ctx context.Context, err error) error {
	retry := b.h.o.newBackoff()
	for err != nil {
		if errors.Is(err, store.ErrFenced) {
			return err
		}
		if err := b.h.o.waitOut(ctx, retry, "database", err); err != nil {
			return err
		}
		err = b.again(ctx, b.works)
	}
	return nil
}

// store sends the rows until their fate is known: nil, or a refusal. A commit
// whose answer was lost may take place even after storedAfterAll has said no, and
// then fences off the next try: so the question is put again before a refusal is
// believed.
func (b *batch) store(ctx context.Context, rows *store.Batch) error {
	retry := b.h.o.newBackoff()
	for first := true; ; first = false {
		began := time.Now()
		err := b.h.o.commit(ctx, b.h.committer, &b.h.fence, rows)
		if err == nil {
			b.h.o.metrics.commitSeconds.Observe(time.Since(began).Seconds())
			b.h.o.ready.Set("database", nil)
			return nil
		}
		fenced := errors.Is(err, store.ErrFenced)
		if fenced && first || conflict(err) {
			return err
		}
		if !fenced {
			if err := b.h.o.waitOut(ctx, retry, "database", err); err != nil {
				return err
			}
		}
		stored, unknown := b.h.storedAfterAll(ctx)
		if stored || errors.Is(unknown, store.ErrFenced) {
			return unknown
		}
		if fenced && unknown == nil {
			return err
		}
	}
}

// storedAfterAll tells whether a commit whose answer was lost took place.
func (h *home) storedAfterAll(ctx context.Context) (bool, error) {
	now, err := h.o.store.ReadFence(ctx, h.fence)
	if err != nil || now.CommitSeq == h.fence.CommitSeq {
		return false, err
	}
	now.Generation = h.fence.Generation
	h.fence = now
	return true, nil
}

func conflict(err error) bool {
	return errors.Is(err, store.ErrCatalogue) || errors.Is(err, store.ErrDuplicateMessage) ||
		errors.Is(err, store.ErrInstanceChanged) || errors.Is(err, store.ErrCorrelationChanged) ||
		errors.Is(err, store.ErrStartTimerChanged)
}

// resolve finds what the batch and the database disagree on and decides the
// inputs concerned again.
func (b *batch) resolve(ctx context.Context, refusal error) error {
	b.ctx = ctx
	var concerned []*work
	var err error
	switch {
	case errors.Is(refusal, store.ErrCatalogue):
		concerned, err = b.works, b.refreshCatalogue(ctx)
	case errors.Is(refusal, store.ErrDuplicateMessage):
		concerned, err = b.duplicates(ctx)
	case errors.Is(refusal, store.ErrInstanceChanged):
		concerned, err = b.staleInstances(ctx)
	case errors.Is(refusal, store.ErrCorrelationChanged):
		concerned, err = b.staleCorrelations(ctx)
	case errors.Is(refusal, store.ErrStartTimerChanged):
		concerned = b.worksWhere(func(w *work) bool { _, is := w.in.(*startTimer); return is })
		b.dropStartTimers(concerned)
	}
	if err != nil {
		return err
	}
	return b.again(ctx, concerned)
}

// refreshCatalogue learns of deployments made since the batch began.
func (b *batch) refreshCatalogue(ctx context.Context) error {
	defs, err := b.h.o.catalogue.refresh(ctx)
	if err != nil {
		return err
	}
	b.defs, b.h.fence.Generation = defs, defs.generation
	return nil
}

func (b *batch) worksWhere(which func(*work) bool) []*work {
	return slices.DeleteFunc(slices.Clone(b.works), func(w *work) bool { return !which(w) })
}

// dropStartTimers forgets firings that somebody else has done or called off.
func (b *batch) dropStartTimers(fired []*work) {
	for _, w := range fired {
		b.takeBack(w)
	}
	b.works = b.worksWhere(func(w *work) bool { return !slices.Contains(fired, w) })
}

func (b *batch) duplicates(ctx context.Context) ([]*work, error) {
	seen, err := b.h.o.store.SeenMessages(ctx, slices.Collect(maps.Keys(b.marks)))
	if err != nil {
		return nil, err
	}
	var concerned []*work
	for id := range seen {
		b.seen[id] = true
		concerned = append(concerned, b.marks[id])
	}
	return concerned, nil
}

func (b *batch) staleInstances(ctx context.Context) ([]*work, error) {
	var ids [][16]byte
	for _, i := range b.touched {
		if i.version > 0 {
			ids = append(ids, i.state.ID)
		}
	}
	versions, err := b.h.o.store.LoadVersions(ctx, b.h.id, ids)
	if err != nil {
		return nil, err
	}
	stale := func(i *instance) bool { return i.version > 0 && versions[i.state.ID] != i.version }
	return b.worksWhere(func(w *work) bool { return slices.ContainsFunc(w.instances, stale) }), nil
}

func (b *batch) staleCorrelations(ctx context.Context) ([]*work, error) {
	rows, err := b.h.o.store.LoadCorrelations(ctx, slices.Collect(maps.Keys(b.correlations)))
	if err != nil {
		return nil, err
	}
	stale := func(c *correlation) bool { return rows[c.key].Version != c.version }
	concerned := b.worksWhere(func(w *work) bool { return slices.ContainsFunc(w.correlations, stale) })
	for key, c := range b.correlations {
		if stale(c) {
			delete(b.correlations, key) // loaded, perhaps, without being touched
		}
	}
	return concerned, nil
}

// offsetMove is the advance of an input partition.
type offsetMove struct {
	queue *partitionQueue
	next  int64
}

// rows turns the decisions into rows.
func (b *batch) rows(offsets []offsetMove) *store.Batch {
	rows := b.h.rows
	rows.Reset()
	for _, m := range offsets {
		rows.MoveOffset(m.queue.partition.Topic, m.queue.partition.Partition, m.queue.stored, m.next)
	}
	for _, id := range slices.SortedFunc(maps.Keys(b.marks), func(a, c [16]byte) int { return bytes.Compare(a[:], c[:]) }) {
		rows.MarkMessage(id)
	}
	b.instanceRows(rows)
	b.correlationRows(rows)
	for _, p := range b.parked {
		rows.ParkInput(p.id, p.data)
	}
	for _, u := range b.unpark {
		rows.Unpark(u.id)
	}
	for _, m := range b.startTimers {
		rows.MoveStartTimer(m.seen, &m.row)
	}
	rows.SetOutbox(b.outbox().Bytes())
	return rows
}

// instanceRows writes the touched instances in the order of their ids, so that
// rows begun together lie together.
func (b *batch) instanceRows(rows *store.Batch) {
	slices.SortFunc(b.touched, func(x, y *instance) int { return bytes.Compare(x.state.ID[:], y.state.ID[:]) })
	for _, i := range b.touched {
		b.instanceRow(rows, i)
	}
}

func (b *batch) instanceRow(rows *store.Batch, i *instance) {
	version := int64(i.state.Sequence)
	switch {
	case version == i.version && !i.recheck:
		return // nothing was applied
	case i.state.Ended():
		if i.version > 0 {
			rows.DeleteInstance(i.state.ID, i.version, i.paged)
		}
		return
	}
	changes := i.state.Changes()
	row := store.InstanceRow{
		ID: i.state.ID, Version: version, Definition: i.def.ID, Incidents: int32(i.state.IncidentCount()),
		Parked: i.state.Parked, NextDue: i.nextDue(b.now), BusinessKey: i.state.BusinessKey, State: changes.Header,
	}
	if i.version == 0 {
		rows.InsertInstance(&row)
	} else {
		rows.UpdateInstance(i.version, &row)
	}
	for _, p := range changes.Parts {
		rows.PutPart(row.ID, p.No, p.Data)
	}
	for _, no := range changes.Gone {
		rows.DropPart(row.ID, no)
	}
	i.written, i.pagedNow = row.NextDue, changes.Paged
}

// nextDue is what the row's next_due becomes: a lower bound of when something is
// due. It only moves when it must, so that the index is left alone: earlier at
// once, later when a tick has found it wrong.
func (i *instance) nextDue(now time.Time) int64 {
	at, any := i.state.NextDue()
	due := int64(0)
	if any {
		due = ceilMillis(at)
	}
	keep := i.due > now.UnixMilli() && !i.recheck && (due == 0 || due >= i.due)
	if keep {
		return i.due
	}
	return due
}

// correlationRows writes the changed correlations in the order of their keys:
// all homes lock rows in one order.
func (b *batch) correlationRows(rows *store.Batch) {
	changed := make([]*correlation, 0, len(b.correlations))
	for _, c := range b.correlations {
		if c.changed && (c.version > 0 || !c.empty()) {
			changed = append(changed, c)
		}
	}
	slices.SortFunc(changed, func(x, y *correlation) int {
		return cmp.Or(strings.Compare(x.key.Name, y.key.Name), strings.Compare(x.key.Key, y.key.Key))
	})
	for _, c := range changed {
		if c.empty() {
			rows.DropCorrelation(c.key.Name, c.key.Key, c.version)
		} else {
			row := c.row()
			rows.PutCorrelation(row)
			if row.NextExpiry > 0 {
				b.h.expiries.soonest(time.UnixMilli(row.NextExpiry))
			}
		}
	}
}

// committed brings the home up to date with what has become true.
func (b *batch) committed(offsets []offsetMove) {
	hints := make(map[kafka.TopicPartition]int64, len(offsets))
	for _, m := range offsets {
		b.h.inbox.advance(m.queue, m.next)
		hints[kafka.TopicPartition(m.queue.partition)] = m.next
	}
	b.h.o.consumer.CommitHint(hints)
	for _, i := range b.touched {
		b.h.settle(i)
	}
	for _, w := range b.works {
		b.h.o.metrics.count(w)
		b.h.o.discard(w, b.now)
	}
}

// settle notes that an instance is stored as it is in hand.
func (h *home) settle(i *instance) {
	i.touched = false
	if i.state.Ended() {
		h.cache.drop(i)
		h.ended.add(i.state.ID)
		return
	}
	if version := int64(i.state.Sequence); version != i.version || i.recheck {
		i.state.Saved()
		i.version, i.due, i.paged, i.recheck = version, i.written, i.pagedNow, false
	}
	if i.due > 0 {
		h.timers.soonest(time.UnixMilli(i.due))
	}
	h.cache.put(i)
}

// recentlyEnded remembers the last instances that ended, to tell a duplicate
// result from a late one.
type recentlyEnded struct {
	ids  map[engine.InstanceID]struct{}
	ring []engine.InstanceID
	next int
}

func newRecentlyEnded(n int) *recentlyEnded {
	return &recentlyEnded{ids: make(map[engine.InstanceID]struct{}, n), ring: make([]engine.InstanceID, n)}
}

func (r *recentlyEnded) add(id engine.InstanceID) {
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = id
	r.ids[id] = struct{}{}
	r.next = (r.next + 1) % len(r.ring)
}

func (r *recentlyEnded) has(id engine.InstanceID) bool {
	_, ok := r.ids[id]
	return ok
}
