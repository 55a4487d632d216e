package sim

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// Database keeps in memory what pkg/store keeps in Postgres, and answers as that
// does: TestDatabaseAnswersLikePostgres holds the two side by side. Each method is
// one transaction that takes no time. It is used by one goroutine at a time.
type Database struct {
	orchestrator.LookupStore // what is not simulated is nil

	now   func() time.Time
	guard Guards

	homes        map[int32]*homeRow
	offsets      map[topicPartition]*offsetRow
	instances    map[instanceKey]*instanceRow
	parts        map[instanceKey]map[uint32][]byte
	parked       map[instanceKey][][]byte
	correlations map[store.CorrelationKey]*correlationRow
	messages     map[[16]byte]time.Time
	definitions  []store.Definition
	checksums    map[int64][32]byte // by definition
	generation   int64
	startTimers  []startTimerRow

	outbox [store.OutboxSlots]map[int32][]store.OutboxRow
	active int32
	hidden []outboxKey // committed, but not to be seen yet
	shards map[int32]*shardRow
	relays map[string]time.Time
}

// Guards are switched off to see that the simulation notices.
type Guards struct {
	NoFence     bool // batches of an earlier owner are taken
	NaiveCursor bool // rows behind one that can't be seen yet are read
}

type topicPartition struct {
	topic     string
	partition int32
}

type instanceKey struct {
	home int32
	id   [16]byte
}

func (k instanceKey) compare(other instanceKey) int {
	return cmp.Or(cmp.Compare(k.home, other.home), bytes.Compare(k.id[:], other.id[:]))
}

type homeRow struct {
	epoch, commitSeq, outboxSeq int64
	owner                       string
}

type offsetRow struct {
	topicID [16]byte
	next    int64
}

type instanceRow struct{ store.InstanceRow }

type correlationRow struct {
	store.CorrelationRow
	home int32
}

type startTimerRow struct {
	store.StartTimerRow
	home int32
}

// NewDatabase is empty, with the schema in place.
func NewDatabase(now func() time.Time) *Database {
	d := &Database{
		now: now, homes: make(map[int32]*homeRow), offsets: make(map[topicPartition]*offsetRow),
		instances: make(map[instanceKey]*instanceRow), parts: make(map[instanceKey]map[uint32][]byte),
		parked: make(map[instanceKey][][]byte), correlations: make(map[store.CorrelationKey]*correlationRow),
		messages: make(map[[16]byte]time.Time), checksums: make(map[int64][32]byte),
		shards: make(map[int32]*shardRow), relays: make(map[string]time.Time),
	}
	for slot := range d.outbox {
		d.outbox[slot] = make(map[int32][]store.OutboxRow)
	}
	return d
}

// Claim makes owner the owner of a home.
func (d *Database) Claim(_ context.Context, home int32, owner string, partitions []store.InputPartition) (store.Claimed, error) {
	h := d.homes[home]
	if h == nil {
		h = &homeRow{}
		d.homes[home] = h
	}
	h.epoch++
	h.owner = owner
	c := store.Claimed{Fence: d.fence(home), Positions: make(map[store.InputPartition]int64)}
	c.Fence.Generation = d.generation
	for _, p := range partitions {
		key := topicPartition{p.Topic, p.Partition}
		o := d.offsets[key]
		if o == nil || o.topicID != p.TopicID {
			o = &offsetRow{topicID: p.TopicID}
			d.offsets[key] = o
		}
		c.Positions[p] = o.next
	}
	return c, nil
}

func (d *Database) fence(home int32) store.Fence {
	h := d.homes[home]
	return store.Fence{Home: home, Epoch: h.epoch, CommitSeq: h.commitSeq, OutboxSeq: h.outboxSeq, Slot: d.active}
}

var errNoRow = errors.New("no such row")

// ReadFence reads the home's place in its line of batches.
func (d *Database) ReadFence(_ context.Context, mine store.Fence) (store.Fence, error) {
	if d.homes[mine.Home] == nil {
		return mine, errNoRow
	}
	f := d.fence(mine.Home)
	f.Generation = mine.Generation
	if f.Epoch != mine.Epoch && !d.guard.NoFence {
		return f, store.ErrFenced
	}
	return f, nil
}

// Committer commits at once.
func (d *Database) Committer() store.Committer { return committer{d} }

type committer struct{ d *Database }

func (c committer) Close() {}

func (c committer) Commit(_ context.Context, f *store.Fence, b *store.Batch) error {
	rows := b.Rows()
	next, err := c.d.commit(*f, &rows)
	if err == nil {
		*f = next
	}
	return err
}

// LoadInstances reads the running instances among ids.
func (d *Database) LoadInstances(_ context.Context, home int32, ids [][16]byte) (map[[16]byte]*store.StoredInstance, error) {
	found := make(map[[16]byte]*store.StoredInstance)
	for _, id := range ids {
		if d.instances[instanceKey{home, id}] != nil {
			stored := d.stored(instanceKey{home, id})
			found[id] = &stored
		}
	}
	return found, nil
}

func (d *Database) stored(k instanceKey) store.StoredInstance {
	row := d.instances[k]
	s := store.StoredInstance{ID: k.id, Version: row.Version, Definition: row.Definition, NextDue: row.NextDue, State: row.State}
	for no, data := range d.parts[k] {
		s.Parts = append(s.Parts, store.StoredPart{No: no, Data: data})
	}
	slices.SortFunc(s.Parts, func(a, b store.StoredPart) int { return cmp.Compare(a.No, b.No) })
	return s
}

// LoadVersions reads the versions of the running instances among ids.
func (d *Database) LoadVersions(_ context.Context, home int32, ids [][16]byte) (map[[16]byte]int64, error) {
	found := make(map[[16]byte]int64)
	for _, id := range ids {
		if row := d.instances[instanceKey{home, id}]; row != nil {
			found[id] = row.Version
		}
	}
	return found, nil
}

// DueInstances lists instances of a home whose time has come.
func (d *Database) DueInstances(_ context.Context, home int32, now time.Time, limit int) (due [][16]byte, next time.Time, err error) {
	var waiting []*instanceRow
	for k, row := range d.instances {
		if k.home == home && row.NextDue != 0 && !row.Parked {
			waiting = append(waiting, row)
		}
	}
	slices.SortFunc(waiting, func(a, b *instanceRow) int {
		return cmp.Or(cmp.Compare(a.NextDue, b.NextDue), bytes.Compare(a.ID[:], b.ID[:]))
	})
	for _, row := range waiting[:min(limit+1, len(waiting))] {
		if row.NextDue <= now.UnixMilli() && len(due) < limit {
			due = append(due, row.ID)
		} else if next.IsZero() {
			next = time.UnixMilli(row.NextDue)
		}
	}
	return due, next, nil
}

// ParkedInputs reads the inputs kept for a parked instance.
func (d *Database) ParkedInputs(_ context.Context, home int32, id [16]byte) ([][]byte, error) {
	return slices.Clone(d.parked[instanceKey{home, id}]), nil
}

// LoadCorrelations reads the rows that exist among keys.
func (d *Database) LoadCorrelations(_ context.Context, keys []store.CorrelationKey) (map[store.CorrelationKey]store.CorrelationRow, error) {
	found := make(map[store.CorrelationKey]store.CorrelationRow)
	for _, k := range keys {
		if row := d.correlations[k]; row != nil {
			found[k] = row.CorrelationRow
		}
	}
	return found, nil
}

// ExpiringCorrelations lists rows of a home that hold a message whose time is over.
func (d *Database) ExpiringCorrelations(_ context.Context, home int32, now time.Time, limit int) (due []store.CorrelationKey, next time.Time, err error) {
	var waiting []*correlationRow
	for _, row := range d.correlations {
		if row.home == home && row.NextExpiry != 0 {
			waiting = append(waiting, row)
		}
	}
	slices.SortFunc(waiting, func(a, b *correlationRow) int {
		return cmp.Or(cmp.Compare(a.NextExpiry, b.NextExpiry), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	for _, row := range waiting[:min(limit+1, len(waiting))] {
		if row.NextExpiry <= now.UnixMilli() && len(due) < limit {
			due = append(due, store.CorrelationKey{Name: row.Name, Key: row.Key})
		} else if next.IsZero() {
			next = time.UnixMilli(row.NextExpiry)
		}
	}
	return due, next, nil
}

// SeenMessages tells which of the message ids are known.
func (d *Database) SeenMessages(_ context.Context, ids [][16]byte) (map[[16]byte]bool, error) {
	seen := make(map[[16]byte]bool)
	for _, id := range ids {
		if _, known := d.messages[id]; known {
			seen[id] = true
		}
	}
	return seen, nil
}

// ForgetMessages removes ids older than retention.
func (d *Database) ForgetMessages(_ context.Context, retention time.Duration, limit int) (removed int64, err error) {
	for id, at := range d.messages {
		if at.Before(d.now().Add(-retention)) && removed < int64(limit) {
			delete(d.messages, id)
			removed++
		}
	}
	return removed, nil
}

// Deploy stores the processes of a model as new versions. Decisions are not simulated.
func (d *Database) Deploy(_ context.Context, n store.NewDeployment) (deployed store.Deployed, err error) {
	d.generation++
	for i := range n.Processes {
		deployed.Definitions = append(deployed.Definitions, d.deployOne(&n.Processes[i]))
	}
	return deployed, nil
}

func (d *Database) deployOne(n *store.NewDefinition) store.Definition {
	def := store.Definition{ProcessID: n.ProcessID, VersionTag: n.VersionTag, Resource: n.Resource, XML: n.XML, Decisions: []int64{}}
	older := make(map[int64]bool)
	for _, other := range d.definitions {
		if other.ProcessID == n.ProcessID {
			older[other.ID] = true
			def.ID, def.Version = other.ID, other.Version
		}
	}
	sum := sha256.Sum256(n.XML)
	if def.Version > 0 && d.checksums[def.ID] == sum {
		return def
	}
	def.ID, def.Version = int64(len(d.definitions))+1, def.Version+1
	d.definitions, d.checksums[def.ID] = append(d.definitions, def), sum
	d.startTimers = slices.DeleteFunc(d.startTimers, func(t startTimerRow) bool { return older[t.Definition] })
	for _, t := range n.StartTimers {
		d.startTimers = append(d.startTimers, startTimerRow{home: t.Home, StartTimerRow: store.StartTimerRow{
			Definition: def.ID, Node: t.Node, Due: t.Due, Repetitions: t.Repetitions, Interval: t.Interval,
		}})
	}
	return def
}

// Catalogue reads what was deployed after what is seen.
func (d *Database) Catalogue(_ context.Context, after store.Seen) (store.Catalogue, error) {
	c := store.Catalogue{Generation: d.generation}
	for _, def := range d.definitions {
		if def.ID > after.Definition {
			c.Definitions = append(c.Definitions, def)
		}
	}
	return c, nil
}

// DueStartTimers lists the timer start events of a home that are due.
func (d *Database) DueStartTimers(_ context.Context, home int32, now int64, limit int) (due []store.StartTimerRow, next int64, err error) {
	var waiting []store.StartTimerRow
	for _, t := range d.startTimers {
		if t.home == home {
			waiting = append(waiting, t.StartTimerRow)
		}
	}
	slices.SortFunc(waiting, func(a, b store.StartTimerRow) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Definition, b.Definition), cmp.Compare(a.Node, b.Node))
	})
	for _, t := range waiting[:min(limit+1, len(waiting))] {
		if t.Due <= now && len(due) < limit {
			due = append(due, t)
		} else if next == 0 {
			next = t.Due
		}
	}
	return due, next, nil
}
