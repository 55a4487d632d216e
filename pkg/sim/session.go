package sim

import (
	"context"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// session is the database as a process has it: every call waits for the
// scheduler. It is an orchestrator.Store and a relay.Store.
type session struct{ p *process }

// ask waits for a call that gives a value.
func ask[T any](ctx context.Context, s session, c call, from func(*Database) (T, error)) (T, error) {
	var value T
	c.effect = func() (err error) {
		value, err = from(s.p.w.db)
		return err
	}
	if err := s.p.do(ctx, &c); err != nil {
		var none T
		return none, err
	}
	return value, nil
}

// two carries answers of two values.
type two[A, B any] struct {
	a A
	b B
}

func ask2[A, B any](ctx context.Context, s session, c call, from func(*Database) (A, B, error)) (A, B, error) {
	v, err := ask(ctx, s, c, func(d *Database) (v two[A, B], err error) {
		v.a, v.b, err = from(d)
		return v, err
	})
	return v.a, v.b, err
}

func (s session) Claim(ctx context.Context, home int32, owner string, partitions []store.InputPartition) (store.Claimed, error) {
	return ask(ctx, s, call{name: "claim", home: home, writes: true}, func(d *Database) (store.Claimed, error) {
		s.p.w.check.claimed(home, s.p)
		return d.Claim(ctx, home, owner, partitions)
	})
}

func (s session) ReadFence(ctx context.Context, mine store.Fence) (store.Fence, error) {
	f, err := ask(ctx, s, call{name: "read fence", home: mine.Home}, func(d *Database) (store.Fence, error) { return d.ReadFence(ctx, mine) })
	if err != nil {
		return mine, err
	}
	return f, nil
}

// Committer is of one home.
func (s session) Committer() store.Committer { return remoteCommitter(s) }

type remoteCommitter struct{ p *process }

func (c remoteCommitter) Close() {}

func (c remoteCommitter) Commit(ctx context.Context, f *store.Fence, b *store.Batch) error {
	rows, mine := b.Rows(), *f
	next, err := ask(ctx, session(c), call{name: "commit", home: f.Home, writes: true}, func(d *Database) (store.Fence, error) {
		next, err := d.commit(mine, &rows)
		if err == nil {
			c.p.w.committed(c.p, mine, &rows)
		}
		return next, err
	})
	if err == nil {
		*f = next
	}
	return err
}

func (s session) LoadInstances(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]*store.StoredInstance, error) {
	return ask(ctx, s, call{name: "load instances", home: home}, func(d *Database) (map[[16]byte]*store.StoredInstance, error) {
		return d.LoadInstances(ctx, home, ids)
	})
}

func (s session) LoadVersions(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]int64, error) {
	return ask(ctx, s, call{name: "load versions", home: home}, func(d *Database) (map[[16]byte]int64, error) {
		return d.LoadVersions(ctx, home, ids)
	})
}

func (s session) DueInstances(ctx context.Context, home int32, now time.Time, limit int) ([][16]byte, time.Time, error) {
	return ask2(ctx, s, call{name: "due instances", home: home}, func(d *Database) ([][16]byte, time.Time, error) {
		return d.DueInstances(ctx, home, now, limit)
	})
}

func (s session) ParkedInputs(ctx context.Context, home int32, id [16]byte) ([][]byte, error) {
	return ask(ctx, s, call{name: "parked inputs", home: home}, func(d *Database) ([][]byte, error) { return d.ParkedInputs(ctx, home, id) })
}

func (s session) LoadCorrelations(ctx context.Context, keys []store.CorrelationKey) (map[store.CorrelationKey]store.CorrelationRow, error) {
	return ask(ctx, s, call{name: "load correlations", home: -1}, func(d *Database) (map[store.CorrelationKey]store.CorrelationRow, error) {
		return d.LoadCorrelations(ctx, keys)
	})
}

func (s session) ExpiringCorrelations(ctx context.Context, home int32, now time.Time, limit int) ([]store.CorrelationKey, time.Time, error) {
	return ask2(ctx, s, call{name: "expiring correlations", home: home}, func(d *Database) ([]store.CorrelationKey, time.Time, error) {
		return d.ExpiringCorrelations(ctx, home, now, limit)
	})
}

func (s session) SeenMessages(ctx context.Context, ids [][16]byte) (map[[16]byte]bool, error) {
	return ask(ctx, s, call{name: "seen messages", home: -1}, func(d *Database) (map[[16]byte]bool, error) { return d.SeenMessages(ctx, ids) })
}

func (s session) ForgetMessages(ctx context.Context, retention time.Duration, limit int) (int64, error) {
	return ask(ctx, s, call{name: "forget messages", home: -1, writes: true}, func(d *Database) (int64, error) {
		return d.ForgetMessages(ctx, retention, limit)
	})
}

func (s session) Deploy(ctx context.Context, n store.NewDeployment) (store.Deployed, error) {
	return ask(ctx, s, call{name: "deploy", home: -1, writes: true}, func(d *Database) (store.Deployed, error) { return d.Deploy(ctx, n) })
}

func (s session) Catalogue(ctx context.Context, after store.Seen) (store.Catalogue, error) {
	return ask(ctx, s, call{name: "catalogue", home: -1}, func(d *Database) (store.Catalogue, error) { return d.Catalogue(ctx, after) })
}

func (s session) DueStartTimers(ctx context.Context, home int32, now int64, limit int) ([]store.StartTimerRow, int64, error) {
	return ask2(ctx, s, call{name: "due start timers", home: home}, func(d *Database) ([]store.StartTimerRow, int64, error) {
		return d.DueStartTimers(ctx, home, now, limit)
	})
}

func (s session) FindHome(ctx context.Context, id [16]byte) (int32, bool, error) {
	return ask2(ctx, s, call{name: "find home", home: -1}, func(d *Database) (int32, bool, error) { return d.FindHome(ctx, id) })
}

func (s session) FindInstances(ctx context.Context, q store.InstanceQuery) ([]store.FoundInstance, error) {
	return ask(ctx, s, call{name: "find instances", home: -1}, func(d *Database) ([]store.FoundInstance, error) { return d.FindInstances(ctx, q) })
}

func (s session) History(context.Context, [16]byte, int) (i store.HistoryInstance, steps []store.HistoryEntry, ok bool, err error) {
	return i, nil, false, errAway // nothing asks for it
}
