package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// keeper takes, renews and gives up the leases of a relay and stores what is published.
type keeper struct {
	relay   *Relay
	renewed time.Time
	said    time.Time      // when the log last spoke of an error
	known   map[int32]bool // homes that have a row in relay_shard

	mu      sync.Mutex
	want    wish
	err     error     // of the last round
	contact time.Time // when a round last succeeded
}

// wish says which homes a relay should hold: any most of these.
type wish struct {
	homes []int32 // in order
	most  int
}

// drainTime is how long a home that is given up waits for what is in flight, so that its successor need not publish that again.
func (c *Config) drainTime() time.Duration { return c.LeaseTTL / 3 }

// run works until ctx ends; then it gives everything up.
func (k *keeper) run(ctx context.Context) {
	ticker := time.NewTicker(k.relay.cfg.SaveEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		err := k.round(ctx)
		if ctx.Err() == nil {
			k.note(err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	k.close(context.WithoutCancel(ctx))
}

// round is one pass. It is bounded in time: a connection that hangs must not cost more than one renewal.
func (k *keeper) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, k.relay.cfg.LeaseTTL/3)
	defer cancel()
	k.dropEnded()
	err := k.save(ctx)
	if time.Since(k.renewed) >= k.relay.cfg.LeaseTTL/3 {
		err = errors.Join(err, k.renew(ctx), k.updateWish(ctx))
	} else if k.relay.cfg.Homes != nil {
		err = errors.Join(err, k.updateWish(ctx))
	}
	return errors.Join(err, k.giveUp(ctx), k.take(ctx))
}

// note remembers how the round went and logs when that changes, and once in a while as long as it does not work.
func (k *keeper) note(err error) {
	k.mu.Lock()
	before := k.err
	k.err = err
	last := k.contact
	if err == nil {
		k.contact = time.Now()
	}
	k.mu.Unlock()
	switch {
	case err != nil:
		k.relay.metrics.databaseErrors.Inc()
		if before == nil || time.Since(k.said) > quietFor {
			k.said = time.Now()
			k.relay.cfg.Logger.Warn("relay waits for the database; nothing is lost", zap.Time("last_used", last), zap.Error(err))
		}
	case before != nil:
		k.relay.cfg.Logger.Info("relay can use the database again")
	}
}

func (k *keeper) state() (contact time.Time, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.contact, k.err
}

// wished returns what the relay should hold.
func (k *keeper) wished() wish {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.want
}

// updateWish asks for the homes wanted. Without Config.Homes that is a fair share of all: as many as there are relays like this one.
func (k *keeper) updateWish(ctx context.Context) error {
	var want wish
	if k.relay.cfg.Homes != nil {
		want.homes = slices.Clone(k.relay.cfg.Homes())
		slices.Sort(want.homes)
		want.homes = slices.Compact(want.homes)
		want.most = len(want.homes)
	} else {
		members, err := k.relay.cfg.Store.JoinRelays(ctx, k.relay.cfg.Holder, k.relay.cfg.LeaseTTL)
		if err != nil {
			return err
		}
		if want.homes, err = k.relay.cfg.Store.RelayHomes(ctx); err != nil {
			return err
		}
		members = max(members, 1)
		want.most = (len(want.homes) + members - 1) / members
	}
	k.mu.Lock()
	k.want = want
	k.mu.Unlock()
	return nil
}

// dropEnded forgets homes whose lease is no longer trusted.
func (k *keeper) dropEnded() {
	for _, s := range k.relay.held() {
		if !s.trusted() && s.leaving.IsZero() {
			k.relay.remove(s, leaseLost)
		}
	}
}

// save stores what is published. A home for which that does not work is not ours any more, or the database has gone back in time: then
// it begins again from what is stored.
func (k *keeper) save(ctx context.Context) error {
	var shards []*shard
	var leases []store.RelayLease
	var seqs []int64
	for _, s := range k.relay.held() {
		if acked := s.acked(); acked > s.lease.PublishedSeq {
			shards, leases, seqs = append(shards, s), append(leases, s.lease), append(seqs, acked)
		}
	}
	if len(shards) == 0 {
		return nil
	}
	saved, err := k.relay.cfg.Store.SavePublished(ctx, leases, seqs)
	if err != nil {
		return err
	}
	var lost []*shard
	for i, s := range shards {
		if slices.Contains(saved, s.lease.Home) {
			s.lease.PublishedSeq = seqs[i]
		} else {
			lost = append(lost, s)
		}
	}
	return k.lose(ctx, lost)
}

// renew makes the leases last longer.
func (k *keeper) renew(ctx context.Context) error {
	attempt := time.Now()
	shards := k.relay.held()
	leases := make([]store.RelayLease, len(shards))
	for i, s := range shards {
		leases[i] = s.lease
	}
	kept, err := k.relay.cfg.Store.RenewRelayLeases(ctx, k.relay.cfg.LeaseTTL, leases)
	if err != nil {
		return err
	}
	k.renewed = attempt
	var lost []*shard
	for _, s := range shards {
		if slices.Contains(kept, s.lease) {
			s.trustFrom(attempt)
		} else {
			lost = append(lost, s)
		}
	}
	return k.lose(ctx, lost)
}

// lose stops homes whose row in relay_shard is not as it should be. Should the lease be ours nevertheless, it is freed, with what is
// stored as published untouched.
func (k *keeper) lose(ctx context.Context, lost []*shard) error {
	if len(lost) == 0 {
		return nil
	}
	leases := make([]store.RelayLease, len(lost))
	for i, s := range lost {
		k.relay.remove(s, leaseLost)
		leases[i] = store.RelayLease{Home: s.lease.Home, Term: s.lease.Term}
	}
	return k.relay.cfg.Store.ReleaseRelayLeases(ctx, leases)
}

// giveUp stops homes that are not wanted, and releases them when Kafka has answered what it was given.
func (k *keeper) giveUp(ctx context.Context) error {
	want, staying := k.wished(), 0
	var release []*shard
	for _, s := range k.relay.held() {
		if s.leaving.IsZero() {
			if _, wanted := slices.BinarySearch(want.homes, s.lease.Home); wanted && staying < want.most {
				staying++
				continue
			}
			s.leaving = time.Now()
			s.stop()
		}
		if s.answered() || time.Since(s.leaving) > k.relay.cfg.drainTime() {
			release = append(release, s)
		}
	}
	return k.release(ctx, release)
}

func (k *keeper) release(ctx context.Context, shards []*shard) error {
	if len(shards) == 0 {
		return nil
	}
	leases := make([]store.RelayLease, len(shards))
	for i, s := range shards {
		leases[i] = store.RelayLease{Home: s.lease.Home, Term: s.lease.Term, PublishedSeq: s.acked()}
	}
	if err := k.relay.cfg.Store.ReleaseRelayLeases(ctx, leases); err != nil {
		return err
	}
	for _, s := range shards {
		k.relay.remove(s, leaseReleased)
	}
	return nil
}

// take takes leases that are free.
func (k *keeper) take(ctx context.Context) error {
	want, held := k.wished(), k.relay.Held()
	var missing, unknown []int32
	for _, home := range want.homes {
		if _, have := slices.BinarySearch(held, home); !have {
			missing = append(missing, home)
			if !k.known[home] {
				unknown = append(unknown, home)
			}
		}
	}
	if len(missing) == 0 || len(held) >= want.most {
		return nil
	}
	if len(unknown) > 0 {
		if err := k.relay.cfg.Store.AddRelayShards(ctx, unknown); err != nil {
			return err
		}
		for _, home := range unknown {
			k.known[home] = true
		}
	}
	attempt := time.Now()
	leases, err := k.relay.cfg.Store.TakeRelayLeases(ctx, k.relay.cfg.Holder, k.relay.cfg.LeaseTTL, missing, want.most-len(held))
	for _, lease := range leases {
		k.relay.add(lease, attempt)
	}
	return err
}

// close gives all homes up.
func (k *keeper) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*k.relay.cfg.drainTime())
	defer cancel()
	k.mu.Lock()
	k.want = wish{}
	k.mu.Unlock()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	err := k.giveUp(ctx)
	for err == nil && len(k.relay.Held()) > 0 {
		<-ticker.C
		err = k.giveUp(ctx)
	}
	if k.relay.cfg.Homes == nil {
		err = errors.Join(err, k.relay.cfg.Store.LeaveRelays(ctx, k.relay.cfg.Holder))
	}
	if err != nil {
		k.relay.cfg.Logger.Warn("relay ends without giving up its leases: they expire", zap.Error(err))
	}
	for _, s := range k.relay.held() {
		k.relay.remove(s, leaseLost)
	}
}
