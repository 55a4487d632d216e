package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// session is one membership in the group, during which the input topics stay
// the same. It has two clients: the group's only tells which homes are owned,
// the other one fetches all their partitions.
type session struct {
	config   *HomesConfig
	owner    Owner
	log      *zap.Logger
	quiet    *zap.Logger
	topology topology
	fetch    *kgo.Client
	admin    *kadm.Client
	hints    hints
	lag      *lag
	removed  prometheus.Counter

	moving sync.Mutex // held while homes are given up, or claimed without the group's doing
	gate   gate
	owned  map[int32]bool              // homes; changed and read inside the gate
	inputs map[string]map[int32]*input // what is fetched, likewise
}

// input is a partition that is fetched.
type input struct {
	TopicPartition
	home int32
	next int64 // offset of the next record to take
}

// A fetch request waits so long for a first record; a partition added or
// resumed while all others are idle begins that much later.
const fetchWait = 250 * time.Millisecond

// heartbeatEvery is how soon a member hears of a rebalance.
const heartbeatEvery = 500 * time.Millisecond

func newSession(h *Homes) (*session, error) {
	fetch, err := h.config.client("fetch",
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchWait),
		kgo.FetchMaxBytes(32<<20),
		kgo.FetchMaxPartitionBytes(4<<20),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Records that are gone stop their partition, loudly; reset goes on.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)
	if err != nil {
		return nil, err
	}
	return &session{
		config: &h.config, owner: h.owner, log: h.log, quiet: h.quiet, lag: h.lag, removed: h.removed, fetch: fetch, admin: kadm.NewClient(fetch),
		owned: make(map[int32]bool), inputs: make(map[string]map[int32]*input),
	}, nil
}

// run is a member of the group until ctx is done or the topics change.
func (s *session) run(ctx context.Context) error {
	defer s.fetch.Close()
	polling, stopPolling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopPolling()
	membership, leave := context.WithCancel(ctx)
	defer leave()
	group, err := s.join(membership)
	if err != nil {
		return err
	}
	var work errgroup.Group
	work.Go(func() error { s.poll(polling); return nil })
	work.Go(func() error { s.hints.commit(polling, group, s.config.Group, s.log); return nil })
	work.Go(func() error { s.measureLag(polling); return nil })
	work.Go(func() error { s.mend(membership, group); return nil })
	if s.config.Presence != nil {
		work.Go(func() error { s.attend(polling, group); return nil })
	}
	err = s.watch(ctx)
	leave()
	group.CloseAllowingRebalance() // releases all homes
	stopPolling()
	return errors.Join(err, work.Wait())
}

func (s *session) join(ctx context.Context) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(s.config.Group),
		kgo.ConsumeTopics(s.config.Results),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(s.config.SessionTimeout),
		kgo.HeartbeatInterval(heartbeatEvery),
		kgo.DisableAutoCommit(),
		kgo.AdjustFetchOffsetsFn(s.assigned),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { s.revoked(gone) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { s.lost(ctx, gone) }),
	}
	if s.config.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(s.config.InstanceID))
	}
	return s.config.client("group", opts...)
}

// assigned claims the homes the group gives to this member. It answers no
// offset at all, so the group's client never fetches. The client calls it before
// it acknowledges a revocation that follows, and never beside one.
func (s *session) assigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var claims errgroup.Group
	claims.SetLimit(16)
	for home := range offsets[s.config.Results] {
		claims.Go(func() error { return s.claim(ctx, home) })
	}
	if err := claims.Wait(); err != nil {
		return nil, err
	}
	return nil, nil
}

// claim claims a home, trying again until ctx is done, and begins to fetch its
// partitions. A home claimed in an earlier, interrupted attempt is kept.
func (s *session) claim(ctx context.Context, home int32) error {
	owned := false
	s.gate.change(func() { owned = s.owned[home] })
	if owned {
		return nil
	}
	var at map[TopicPartition]int64
	claim := func() (err error) {
		at, err = s.owner.Claim(ctx, home, s.topology.homes, s.topology.inputs(home))
		return err
	}
	warn := func(err error, _ time.Duration) {
		s.quiet.Warn("home can't be claimed: trying again", zap.Int32("home", home), zap.Error(err))
	}
	if err := backoff.RetryNotify(claim, patiently(ctx), warn); err != nil {
		return fmt.Errorf("claim home %d: %w", home, err)
	}
	s.gate.change(func() {
		s.owned[home] = true
		var begun []*input
		for partition, offset := range at {
			begun = append(begun, &input{TopicPartition: partition, home: home, next: max(offset, 0)})
		}
		s.begin(begun...)
	})
	s.hints.add(at)
	s.lag.moved(at)
	return nil
}

// begin fetches partitions from their next offsets on.
func (s *session) begin(inputs ...*input) {
	offsets := make(map[string]map[int32]kgo.Offset)
	for _, in := range inputs {
		if s.inputs[in.Topic] == nil {
			s.inputs[in.Topic] = make(map[int32]*input)
		}
		s.inputs[in.Topic][in.Partition] = in
		if offsets[in.Topic] == nil {
			offsets[in.Topic] = make(map[int32]kgo.Offset)
		}
		offsets[in.Topic][in.Partition] = kgo.NewOffset().AtStart()
		if in.next > 0 {
			offsets[in.Topic][in.Partition] = kgo.NewOffset().At(in.next)
		}
		s.fetch.ResumeFetchPartitions(map[string][]int32{in.Topic: {in.Partition}})
	}
	s.fetch.AddConsumePartitions(offsets)
}

// revoked releases the homes that go to another member, or already went.
func (s *session) revoked(partitions map[string][]int32) {
	s.moving.Lock()
	defer s.moving.Unlock()
	var releases sync.WaitGroup
	for _, home := range partitions[s.config.Results] {
		releases.Go(func() { s.release(home) })
	}
	releases.Wait()
}

// release stops fetching first, so that nothing is taken after Release begins.
func (s *session) release(home int32) {
	owned := false
	s.gate.change(func() {
		owned = s.owned[home]
		delete(s.owned, home)
		for topic := range s.topology.topics {
			partitions := s.partitions(home, topic)
			for _, p := range partitions[topic] {
				delete(s.inputs[topic], p)
			}
			s.fetch.RemoveConsumePartitions(partitions)
		}
	})
	if !owned {
		return
	}
	s.owner.Release(home)
	for topic := range s.topology.topics {
		s.lag.forget(topic, s.partitions(home, topic)[topic])
	}
}

// partitions are those of a topic that belong to a home.
func (s *session) partitions(home int32, topic string) map[string][]int32 {
	var numbers []int32
	for p := home; p < s.topology.topics[topic].partitions; p += s.topology.homes {
		numbers = append(numbers, p)
	}
	return map[string][]int32{topic: numbers}
}

// watch returns when ctx is done (nil) or the input topics changed.
func (s *session) watch(ctx context.Context) error {
	tick := time.NewTicker(s.config.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := readTopology(ctx, s.fetch, s.config.Results, s.config.Others)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.quiet.Warn("input topics can't be read", zap.Error(err))
		case !now.equal(s.topology):
			return errTopologyChanged
		}
	}
}

// poll hands records to the owner until ctx is done.
func (s *session) poll(ctx context.Context) {
	for ctx.Err() == nil {
		var gone []*input
		s.gate.poll(ctx, func(ctx context.Context) {
			gone = s.take(s.fetch.PollFetches(ctx))
		})
		for _, in := range gone {
			s.reset(ctx, in)
		}
	}
}

// take hands fetched records over and gives the partitions whose next record is gone.
func (s *session) take(fetches kgo.Fetches) (gone []*input) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		in := s.inputs[p.Topic][p.Partition]
		switch {
		case in == nil && (errors.Is(p.Err, context.Canceled) || errors.Is(p.Err, kgo.ErrClientClosed)):
			return
		case in != nil && errors.Is(p.Err, kerr.OffsetOutOfRange):
			gone = append(gone, in)
		case p.Err != nil:
			s.quiet.Error("fetching a partition", zap.String("topic", p.Topic), zap.Int32("partition", p.Partition), zap.Error(p.Err))
		}
		if in == nil {
			return
		}
		if records := consumed(p.Records, in.next); len(records) > 0 {
			in.next = records[len(records)-1].Offset + 1
			s.owner.Take(in.home, records)
		}
	})
	return gone
}

// reset goes on at the earliest record that is left.
func (s *session) reset(ctx context.Context, in *input) {
	starts, err := s.admin.ListStartOffsets(ctx, in.Topic)
	start, found := starts.Lookup(in.Topic, in.Partition)
	if err = errors.Join(err, start.Err); err != nil || !found {
		s.quiet.Error("finding the start of a partition", zap.String("topic", in.Topic), zap.Int32("partition", in.Partition), zap.Error(err))
		return // the next fetch fails again
	}
	r := Reset{TopicPartition: in.TopicPartition, Wanted: in.next, Start: start.Offset}
	s.log.Error("RECORDS ARE GONE before they were consumed: going on at the earliest that is left",
		zap.String("topic", r.Topic), zap.Int32("partition", r.Partition), zap.Int64("wanted", r.Wanted), zap.Int64("start", r.Start))
	s.gate.change(func() {
		if s.inputs[in.Topic][in.Partition] != in {
			return // released meanwhile
		}
		s.fetch.RemoveConsumePartitions(map[string][]int32{in.Topic: {in.Partition}})
		in.next = start.Offset
		s.begin(in)
	})
	if s.config.OnReset != nil {
		s.config.OnReset(r)
	}
}
