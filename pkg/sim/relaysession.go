package sim

import (
	"context"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
)

func (s session) ReadOutbox(ctx context.Context, q store.OutboxRead) ([]store.OutboxRow, error) {
	return ask(ctx, s, call{name: "read outbox", home: q.Home}, func(d *Database) ([]store.OutboxRow, error) { return d.ReadOutbox(ctx, q) })
}

func (s session) LagOutbox(ctx context.Context, homes []int32, after []int64) ([]store.OutboxLag, error) {
	return ask(ctx, s, call{name: "lag outbox", home: homeOf(homes)}, func(d *Database) ([]store.OutboxLag, error) { return d.LagOutbox(ctx, homes, after) })
}

// homeOf names the one home of a call, so that calls for different homes are told apart.
func homeOf(homes []int32) int32 {
	if len(homes) == 1 {
		return homes[0]
	}
	return -1
}

func (s session) OutboxTables(ctx context.Context) (store.OutboxTables, error) {
	return ask(ctx, s, call{name: "outbox tables", home: -1}, func(d *Database) (store.OutboxTables, error) { return d.OutboxTables(ctx) })
}

func (s session) SwitchOutbox(ctx context.Context, from, to int) (bool, error) {
	return ask(ctx, s, call{name: "switch outbox", home: -1, writes: true}, func(d *Database) (bool, error) { return d.SwitchOutbox(ctx, from, to) })
}

func (s session) TruncateOutbox(ctx context.Context, slot int) error {
	return s.p.do(ctx, &call{name: "truncate outbox", home: -1, writes: true, effect: func() error { return s.p.w.db.TruncateOutbox(ctx, slot) }})
}

func (s session) AddRelayShards(ctx context.Context, homes []int32) error {
	return s.p.do(ctx, &call{name: "add relay shards", home: -1, writes: true, effect: func() error { return s.p.w.db.AddRelayShards(ctx, homes) }})
}

func (s session) TakeRelayLeases(ctx context.Context, holder string, ttl time.Duration, homes []int32, limit int) ([]store.RelayLease, error) {
	return ask(ctx, s, call{name: "take leases", home: -1, writes: true}, func(d *Database) ([]store.RelayLease, error) {
		return d.TakeRelayLeases(ctx, holder, ttl, homes, limit)
	})
}

func (s session) RenewRelayLeases(ctx context.Context, ttl time.Duration, leases []store.RelayLease) ([]store.RelayLease, error) {
	return ask(ctx, s, call{name: "renew leases", home: -1, writes: true}, func(d *Database) ([]store.RelayLease, error) {
		return d.RenewRelayLeases(ctx, ttl, leases)
	})
}

func (s session) SavePublished(ctx context.Context, leases []store.RelayLease, seqs []int64) ([]int32, error) {
	return ask(ctx, s, call{name: "save published", home: -1, writes: true}, func(d *Database) ([]int32, error) {
		return d.SavePublished(ctx, leases, seqs)
	})
}

func (s session) ReleaseRelayLeases(ctx context.Context, leases []store.RelayLease) error {
	return s.p.do(ctx, &call{name: "release leases", home: -1, writes: true, effect: func() error { return s.p.w.db.ReleaseRelayLeases(ctx, leases) }})
}

func (s session) RelayHomes(ctx context.Context) ([]int32, error) {
	return ask(ctx, s, call{name: "relay homes", home: -1, writes: true}, func(d *Database) ([]int32, error) { return d.RelayHomes(ctx) })
}

func (s session) JoinRelays(ctx context.Context, holder string, ttl time.Duration) (int, error) {
	return ask(ctx, s, call{name: "join relays", home: -1, writes: true}, func(d *Database) (int, error) { return d.JoinRelays(ctx, holder, ttl) })
}

func (s session) LeaveRelays(ctx context.Context, holder string) error {
	return s.p.do(ctx, &call{name: "leave relays", home: -1, writes: true, effect: func() error { return s.p.w.db.LeaveRelays(ctx, holder) }})
}
