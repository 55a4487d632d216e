package sim

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// pageBytes is what a table with anything in it takes at least.
const pageBytes = 8 << 10

func (d *Database) outboxHas(slot, home int32, seq int64) bool {
	return slices.ContainsFunc(d.outbox[slot][home], func(r store.OutboxRow) bool { return r.Seq == seq })
}

// outboxKey names an outbox row.
type outboxKey struct {
	home int32
	seq  int64
}

// reveal lets readers see a row that they could not see until now.
func (d *Database) reveal() bool {
	if len(d.hidden) == 0 {
		return false
	}
	d.hidden = d.hidden[1:]
	return true
}

func (d *Database) revealAll() { d.hidden = nil }

// rowsAfter are the rows of a home after a position that can be seen, in order,
// wherever they are.
func (d *Database) rowsAfter(home int32, after int64) (rows []store.OutboxRow) {
	for slot := range d.outbox {
		of := d.outbox[slot][home]
		i, _ := slices.BinarySearchFunc(of, after+1, func(r store.OutboxRow, seq int64) int { return cmp.Compare(r.Seq, seq) })
		rows = append(rows, of[i:]...)
	}
	slices.SortFunc(rows, func(a, b store.OutboxRow) int { return cmp.Compare(a.Seq, b.Seq) })
	return slices.DeleteFunc(rows, func(r store.OutboxRow) bool { return slices.Contains(d.hidden, outboxKey{home, r.Seq}) })
}

// ReadOutbox reads the unbroken run of rows after a position. A naive cursor takes
// whatever is there for the next: what could not be seen yet is passed.
func (d *Database) ReadOutbox(_ context.Context, q store.OutboxRead) (found []store.OutboxRow, err error) {
	bytes := int64(0)
	for _, row := range d.rowsAfter(q.Home, q.After) {
		next := q.After + int64(len(found)) + 1
		if next > q.After+q.Rows || bytes >= q.Bytes || row.Seq != next && !d.guard.NaiveCursor {
			break
		}
		row.Seq = next
		bytes += int64(len(row.Data))
		found = append(found, row)
	}
	return found, nil
}

// LagOutbox tells what the homes' outboxes hold after positions.
func (d *Database) LagOutbox(_ context.Context, homes []int32, after []int64) (lags []store.OutboxLag, err error) {
	for i, home := range homes {
		from := after[i]
		if from < 0 {
			from = d.published(home)
		}
		rows := d.rowsAfter(home, from)
		if len(rows) == 0 {
			continue
		}
		lag := store.OutboxLag{Home: home, Last: rows[len(rows)-1].Seq, Rows: rows[len(rows)-1].Seq - from, Age: -1}
		if rows[0].Seq == from+1 {
			lag.Age = d.now().Sub(rows[0].At)
			if d.guard.NaiveCursor {
				lag.Age = 0
			}
		}
		lags = append(lags, lag)
	}
	return lags, nil
}

func (d *Database) published(home int32) int64 {
	if s := d.shards[home]; s != nil {
		return s.published
	}
	return 0
}

// OutboxTables tells the state of the rotation.
func (d *Database) OutboxTables(context.Context) (store.OutboxTables, error) {
	t := store.OutboxTables{Active: int(d.active), Lowest: -1}
	if len(d.shards) > 0 {
		t.Lowest = slices.Min(slices.Collect(maps.Keys(d.shards)))
	}
	for slot, homes := range d.outbox {
		for _, rows := range homes {
			for _, r := range rows {
				t.Bytes[slot] += int64(len(r.Data))
			}
		}
		if len(homes) > 0 {
			t.Bytes[slot] += pageBytes
		}
	}
	return t, nil
}

// SwitchOutbox makes writers use another table.
func (d *Database) SwitchOutbox(_ context.Context, from, to int) (bool, error) {
	if d.active != int32(from) {
		return false, nil
	}
	d.active = int32(to)
	return true, nil
}

// TruncateOutbox empties a table if all in it is published.
func (d *Database) TruncateOutbox(_ context.Context, slot int) error {
	for home, rows := range d.outbox[slot] {
		if rows[len(rows)-1].Seq > d.published(home) {
			return store.ErrOutboxUnpublished
		}
	}
	clear(d.outbox[slot])
	return nil
}

// shardRow is a lease; the zero time is "never held".
type shardRow struct {
	holder    string
	term      int64
	expires   time.Time
	published int64
}

// AddRelayShards makes the homes known to relays.
func (d *Database) AddRelayShards(_ context.Context, homes []int32) error {
	for _, home := range homes {
		if d.shards[home] == nil {
			d.shards[home] = &shardRow{}
		}
	}
	return nil
}

// RelayHomes lists all homes that have or had an owner, and makes them known.
func (d *Database) RelayHomes(ctx context.Context) ([]int32, error) {
	err := d.AddRelayShards(ctx, slices.Collect(maps.Keys(d.homes)))
	return slices.Sorted(maps.Keys(d.shards)), err
}

// TakeRelayLeases takes up to limit of the homes whose lease nobody holds.
func (d *Database) TakeRelayLeases(_ context.Context, holder string, ttl time.Duration, homes []int32, limit int) (leases []store.RelayLease, err error) {
	for _, home := range slices.Sorted(maps.Keys(d.shards)) {
		s := d.shards[home]
		if !slices.Contains(homes, home) || !s.expires.Before(d.now()) || len(leases) == limit {
			continue
		}
		s.holder, s.term, s.expires = holder, s.term+1, d.now().Add(ttl)
		leases = append(leases, store.RelayLease{Home: home, Term: s.term, PublishedSeq: s.published})
	}
	return leases, nil
}

// mine are the rows of leases that still are the caller's.
func (d *Database) mine(leases []store.RelayLease, each func(i int, s *shardRow)) {
	for i, l := range leases {
		if s := d.shards[l.Home]; s != nil && s.term == l.Term {
			each(i, s)
		}
	}
}

// RenewRelayLeases makes leases last longer and returns those that are the caller's.
func (d *Database) RenewRelayLeases(_ context.Context, ttl time.Duration, leases []store.RelayLease) (kept []store.RelayLease, err error) {
	d.mine(leases, func(i int, s *shardRow) {
		if s.expires.IsZero() {
			return
		}
		s.expires = d.now().Add(ttl)
		kept = append(kept, store.RelayLease{Home: leases[i].Home, Term: s.term, PublishedSeq: s.published})
	})
	return kept, nil
}

// SavePublished stores how far homes are published.
func (d *Database) SavePublished(_ context.Context, leases []store.RelayLease, seqs []int64) (saved []int32, err error) {
	d.mine(leases, func(i int, s *shardRow) {
		if s.published == leases[i].PublishedSeq {
			s.published = seqs[i]
			saved = append(saved, leases[i].Home)
		}
	})
	return saved, nil
}

// ReleaseRelayLeases gives leases up.
func (d *Database) ReleaseRelayLeases(_ context.Context, leases []store.RelayLease) error {
	d.mine(leases, func(i int, s *shardRow) {
		s.expires, s.published = time.Time{}, max(s.published, leases[i].PublishedSeq)
	})
	return nil
}

// JoinRelays announces a relay that takes any home, and counts those announced.
func (d *Database) JoinRelays(_ context.Context, holder string, ttl time.Duration) (members int, err error) {
	d.relays[holder] = d.now().Add(ttl)
	for other, until := range d.relays {
		if until.Before(d.now().Add(-time.Minute)) {
			delete(d.relays, other)
		} else if until.After(d.now()) {
			members++
		}
	}
	return members, nil
}

// LeaveRelays takes the announcement back.
func (d *Database) LeaveRelays(_ context.Context, holder string) error {
	delete(d.relays, holder)
	return nil
}
