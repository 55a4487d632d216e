package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// HomesConfig says which topics are consumed, and how.
type HomesConfig struct {
	Config
	// Group is the consumer group whose members share the homes; default "barnabas".
	Group string
	// InstanceID makes a member static: its homes wait for it to come back
	// within the session timeout. Optional; unique in the group.
	InstanceID string
	// Results is the result topic: its partitions are the homes.
	Results string
	// Others are the other input topics. Those that engines address by home, as
	// the control topic, need at least as many partitions as there are homes.
	Others []string
	// Control is the one of Others that engines address by home; optional.
	Control string
	// SessionTimeout is after how much silence the group gives a member's homes
	// away; default 6 s, the least that brokers allow by default.
	SessionTimeout time.Duration
	// Refresh is how often topics are looked at for new partitions; default 30 s.
	Refresh time.Duration
	// OnReset is told of records that were gone before they were consumed.
	// Optional; it must not block.
	OnReset func(Reset)
	// Presence is where members tell each other that they live, so that one that
	// died is removed before its session ends. Optional: then the group waits.
	Presence Presence
	// Reached is told every second whether the cluster answers (nil). Optional; it
	// must not block.
	Reached func(error)
}

// Reset says that the records from Wanted on were gone (retention, a topic cut
// off or created again), and consumption goes on at Start, the earliest there is.
type Reset struct {
	TopicPartition
	Wanted, Start int64
}

// Homes consumes the input partitions of the homes that the consumer group
// gives to this member. The group's assignment of the result topic's partitions
// says which homes are owned; what is fetched from where is the owner's answer
// to the claim, never an offset that Kafka remembers.
type Homes struct {
	config  HomesConfig
	owner   Owner
	log     *zap.Logger
	quiet   *zap.Logger // for what is said again and again while something is away
	lag     *lag
	removed prometheus.Counter
	current atomic.Pointer[session]
}

// NewHomes checks the configuration; nothing is contacted before Run.
func NewHomes(config HomesConfig, owner Owner) (*Homes, error) {
	if config.Results == "" {
		return nil, errors.New("kafka: homes: the result topic is missing")
	}
	if _, err := config.options("check"); err != nil {
		return nil, err
	}
	if config.Reached == nil {
		config.Reached = func(error) {}
	}
	config.Group = cmp.Or(config.Group, "barnabas")
	config.SessionTimeout = cmp.Or(config.SessionTimeout, 6*time.Second)
	config.Refresh = cmp.Or(config.Refresh, 30*time.Second)
	return &Homes{
		config: config, owner: owner, log: config.logger(), quiet: quiet(config.logger()),
		lag: newLag(config.Metrics), removed: newRemoved(config.Metrics),
	}, nil
}

// errTopologyChanged ends a session in favour of one that knows the new topics.
var errTopologyChanged = errors.New("input topics changed")

// Run joins the group and consumes until ctx is done; then it releases all
// homes and leaves the group. When input topics get more partitions, or are
// created again, it leaves and joins anew, so that every home is claimed with
// what belongs to it now. Errors are those of the configuration only: an
// unreachable cluster is waited for.
func (h *Homes) Run(ctx context.Context) error {
	for {
		s, err := h.open(ctx)
		if err != nil || ctx.Err() != nil {
			return err
		}
		h.current.Store(s)
		err = s.run(ctx)
		h.current.Store(nil)
		if !errors.Is(err, errTopologyChanged) {
			return err
		}
		h.log.Warn("input topics changed: joining anew", zap.String("group", h.config.Group))
	}
}

// open begins a session, once all topics are there.
func (h *Homes) open(ctx context.Context) (*session, error) {
	s, err := newSession(h)
	if err != nil {
		return nil, err
	}
	read := func() (err error) {
		ctx, cancel := answerWithin(ctx, 5*time.Second)
		defer cancel()
		s.topology, err = readTopology(ctx, s.fetch, h.config.Results, h.config.Others)
		return unanswered(ctx, err)
	}
	warn := func(err error, _ time.Duration) {
		h.config.Reached(err)
		h.quiet.Warn("input topics can't be read: trying again", zap.Error(err))
	}
	if err := backoff.RetryNotify(read, patiently(ctx), warn); err != nil {
		s.fetch.Close()
		return nil, nil //nolint:nilerr // only ctx ends the patience
	}
	if control := h.config.Control; control != "" && s.topology.topics[control].partitions < s.topology.homes {
		s.fetch.Close()
		return nil, fmt.Errorf("kafka: topic %s has %d partitions, fewer than the %d of %s: some homes can't be reached; add partitions",
			control, s.topology.topics[control].partitions, s.topology.homes, h.config.Results)
	}
	return s, nil
}

// patiently waits longer and longer, up to 1 s, with jitter, until ctx is done:
// what comes back is noticed soon.
func patiently(ctx context.Context) backoff.BackOff {
	return backoff.WithContext(backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(0),
	), ctx)
}

// Pause stops fetching a home's partitions of a topic, until Resume or Release.
// Records already fetched may still be taken.
func (h *Homes) Pause(home int32, topic string) {
	if s := h.current.Load(); s != nil {
		s.fetch.PauseFetchPartitions(s.partitions(home, topic))
	}
}

// Resume fetches again what Pause stopped.
func (h *Homes) Resume(home int32, topic string) {
	if s := h.current.Load(); s != nil {
		s.fetch.ResumeFetchPartitions(s.partitions(home, topic))
	}
}

// CommitHint tells Kafka how far inputs are decided, for lag dashboards and
// autoscalers alone. Offsets are the next to consume; those of the last second
// are committed together.
func (h *Homes) CommitHint(offsets map[TopicPartition]int64) {
	h.lag.moved(offsets)
	if s := h.current.Load(); s != nil {
		s.hints.add(offsets)
	}
}
