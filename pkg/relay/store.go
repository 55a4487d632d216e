package relay

import (
	"context"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// Store is the database as a relay needs it: a *store.Store, or what a simulation
// puts in its place. What each method promises is said there.
type Store interface {
	OutboxStore
	RotationStore
	LeaseStore
	MemberStore
}

// OutboxStore reads outgoing records.
type OutboxStore interface {
	ReadOutbox(ctx context.Context, q store.OutboxRead) ([]store.OutboxRow, error)
	LagOutbox(ctx context.Context, homes []int32, after []int64) ([]store.OutboxLag, error)
}

// RotationStore rotates the tables they are in.
type RotationStore interface {
	OutboxTables(ctx context.Context) (store.OutboxTables, error)
	SwitchOutbox(ctx context.Context, from, to int) (bool, error)
	TruncateOutbox(ctx context.Context, slot int) error
}

// LeaseStore says who publishes what, and how far.
type LeaseStore interface {
	AddRelayShards(ctx context.Context, homes []int32) error
	TakeRelayLeases(ctx context.Context, holder string, ttl time.Duration, homes []int32, limit int) ([]store.RelayLease, error)
	RenewRelayLeases(ctx context.Context, ttl time.Duration, leases []store.RelayLease) ([]store.RelayLease, error)
	SavePublished(ctx context.Context, leases []store.RelayLease, seqs []int64) ([]int32, error)
	ReleaseRelayLeases(ctx context.Context, leases []store.RelayLease) error
}

// MemberStore lets relays that take any home share them.
type MemberStore interface {
	RelayHomes(ctx context.Context) ([]int32, error)
	JoinRelays(ctx context.Context, holder string, ttl time.Duration) (members int, err error)
	LeaveRelays(ctx context.Context, holder string) error
}
