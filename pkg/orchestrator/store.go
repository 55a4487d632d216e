package orchestrator

import (
	"context"
	"time"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// Store is the database as the orchestrator needs it: a *store.Store, or what a
// simulation puts in its place. What each method promises is said there.
type Store interface {
	HomeStore
	InstanceStore
	MessageStore
	DefinitionStore
	LookupStore
}

// HomeStore owns homes and commits their batches.
type HomeStore interface {
	Claim(ctx context.Context, home int32, owner string, partitions []store.InputPartition) (store.Claimed, error)
	ReadFence(ctx context.Context, mine store.Fence) (store.Fence, error)
	Committer() store.Committer
}

// InstanceStore reads instances of a home.
type InstanceStore interface {
	LoadInstances(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]*store.StoredInstance, error)
	LoadVersions(ctx context.Context, home int32, ids [][16]byte) (map[[16]byte]int64, error)
	DueInstances(ctx context.Context, home int32, now time.Time, limit int) (due [][16]byte, next time.Time, err error)
	ParkedInputs(ctx context.Context, home int32, id [16]byte) ([][]byte, error)
}

// MessageStore reads subscriptions and buffered messages, and knows the ids of
// messages seen.
type MessageStore interface {
	LoadCorrelations(ctx context.Context, keys []store.CorrelationKey) (map[store.CorrelationKey]store.CorrelationRow, error)
	ExpiringCorrelations(ctx context.Context, home int32, now time.Time, limit int) (due []store.CorrelationKey, next time.Time, err error)
	SeenMessages(ctx context.Context, ids [][16]byte) (map[[16]byte]bool, error)
	ForgetMessages(ctx context.Context, retention time.Duration, limit int) (int64, error)
}

// DefinitionStore keeps what is deployed.
type DefinitionStore interface {
	Deploy(ctx context.Context, n store.NewDeployment) (store.Deployed, error)
	Catalogue(ctx context.Context, after store.Seen) (store.Catalogue, error)
	DueStartTimers(ctx context.Context, home int32, now int64, limit int) (due []store.StartTimerRow, next int64, err error)
}

// LookupStore answers people's questions.
type LookupStore interface {
	FindHome(ctx context.Context, id [16]byte) (home int32, ok bool, err error)
	FindInstances(ctx context.Context, q store.InstanceQuery) ([]store.FoundInstance, error)
	History(ctx context.Context, id [16]byte, limit int) (store.HistoryInstance, []store.HistoryEntry, bool, error)
}
