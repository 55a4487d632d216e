package orchestrator

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Relay publishes what is committed.
type Relay interface {
	// Offer hands over the outbox row seq of a home right after its commit. It
	// must not block for long; data does not change any more.
	Offer(home int32, seq int64, data []byte)
	// Wait blocks while too much of the home is committed but not published.
	Wait(ctx context.Context, home int32) error
}

// Consumer fetches the input partitions of the homes this engine owns.
type Consumer interface {
	Pause(home int32, topic string)
	Resume(home int32, topic string)
	// CommitHint tells Kafka how far inputs are decided, for lag dashboards only.
	CommitHint(offsets map[kafka.TopicPartition]int64)
}

// TaskType is what is configured for the tasks of a type.
type TaskType struct {
	Deadline  time.Duration // of an attempt, for tasks whose model names none; 0: DefaultDeadline; < 0: none
	KeyByTask bool          // key of the commands: the correlation id instead of the instance id
	ReplyTo   string        // topic of the results; "": the result topic
}

// Defaults of Config.
const (
	DefaultDeadline   = time.Hour
	DefaultMessageTTL = time.Hour
	DefaultRetention  = 7 * 24 * time.Hour
	DefaultCacheBytes = 256 << 20
	DefaultBatchBytes = 64 << 20
)

// Config of an Orchestrator. Store and Relay are required.
type Config struct {
	// ID names this engine: in the home table, in ce_source, in dead letters.
	ID    string
	Store Store
	Relay Relay
	Names wire.Names
	// TaskType gives the configuration of a task type; nil: all defaults.
	TaskType func(string) TaskType
	// EnsureTopics creates the topics of task types that a model to deploy names,
	// if they are missing; nil: somebody else sees to that.
	EnsureTopics func(ctx context.Context, taskTypes []string) error
	// Limits of consumed records.
	Limits wire.Limits
	// MessageTTL is how long a message without ttl waits; default 1 hour.
	MessageTTL time.Duration
	// Retention is how long ids of messages are remembered; default 7 days.
	Retention time.Duration
	// CacheBytes bounds the decoded instances kept in memory, all homes together; default 256 MiB.
	CacheBytes int
	// BatchBytes bounds what one transaction writes, instances and records: with the
	// input that reaches it a batch ends. One step that leads to more records parks its
	// instance. Default 64 MiB.
	BatchBytes int
	// ReleaseWithin is how long a release waits for the batch under way; default 5 s.
	ReleaseWithin time.Duration
	Logger        *zap.Logger
	Metrics       prometheus.Registerer
	// Clock is for tests; default time.Now.
	Clock func() time.Time
	// Random is where ids and jitter come from, for tests; default crypto/rand.Reader.
	Random io.Reader
	// Decide is for tests that put defects in; default engine.DecideWith.
	Decide func(*bpmn.Process, *engine.State, engine.Input, engine.Decisions) (engine.Outcome, error)
}

// topicNames are the topics by their actual names.
type topicNames struct{ results, control, messages, status string }

// Orchestrator owns homes and decides their inputs. It implements the owner's
// side of the consumer: Claim, Release, Take.
type Orchestrator struct {
	cfg       Config
	source    string // ce_source
	topics    topicNames
	store     Store
	relay     Relay
	catalogue *catalogue
	logger    *zap.Logger
	log       *eventLog
	discards  discards
	metrics   *metrics
	ready     *Readiness
	consumer  Consumer
	// engine is Config.Decide; tests put one in that has defects.
	engine func(*bpmn.Process, *engine.State, engine.Input, engine.Decisions) (engine.Outcome, error)
	// commit is store.Committer.Commit; tests lose its answers.
	commit func(context.Context, store.Committer, *store.Fence, *store.Batch) error

	mu    sync.RWMutex
	owned map[int32]*home
	count int32 // homes there are
}

// New makes an orchestrator; Run starts it.
func New(ctx context.Context, cfg Config) (*Orchestrator, error) {
	cfg.setDefaults()
	o := &Orchestrator{
		cfg: cfg, source: "/barnabas/" + cfg.ID, store: cfg.Store, relay: cfg.Relay, logger: cfg.Logger,
		topics: topicNames{cfg.Names.Results(), cfg.Names.Control(), cfg.Names.Messages(), cfg.Names.Status()},
		owned:  make(map[int32]*home), ready: newReadiness(), engine: cfg.Decide, commit: commit,
	}
	o.metrics = newMetrics(cfg.Metrics, o)
	o.log = newEventLog(cfg.Logger)
	o.catalogue = &catalogue{store: cfg.Store, prepare: o.prepare, broken: o.brokenDefinition, refreshing: make(chan struct{}, 1)}
	o.catalogue.current.Store(&definitions{})
	if _, err := o.catalogue.refresh(ctx); err != nil {
		return nil, err
	}
	return o, nil
}

func commit(ctx context.Context, c store.Committer, f *store.Fence, b *store.Batch) error {
	return c.Commit(ctx, f, b)
}

func (c *Config) setDefaults() {
	setDefault(&c.MessageTTL, DefaultMessageTTL)
	setDefault(&c.Retention, DefaultRetention)
	setDefault(&c.CacheBytes, DefaultCacheBytes)
	setDefault(&c.BatchBytes, DefaultBatchBytes)
	setDefault(&c.ReleaseWithin, 5*time.Second)
	setDefault(&c.ID, "engine")
	if c.TaskType == nil {
		c.TaskType = func(string) TaskType { return TaskType{} }
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Decide == nil {
		c.Decide = engine.DecideWith
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Orchestrator) now() time.Time { return o.cfg.Clock() }

// UseConsumer names the consumer that fetches for this engine: the two know each
// other, so one has to come first.
func (o *Orchestrator) UseConsumer(c Consumer) { o.consumer = c }

// Ready tells whether the engine can work, and what keeps it from it.
func (o *Orchestrator) Ready() *Readiness { return o.ready }

// prepare works out what the configuration has to say about a definition.
func (o *Orchestrator) prepare(def *definition) error {
	p := def.process
	def.routes = make([]*taskRoute, len(p.Nodes))
	for i := range p.Nodes {
		t := p.Nodes[i].Task
		if t == nil || t.StaticType == "" {
			continue
		}
		if t.Deadline == 0 {
			t.Deadline = o.deadline(t.StaticType)
		}
		route, err := o.newRoute(&p.Nodes[i], t.StaticType)
		if err != nil {
			return err
		}
		def.routes[i] = route
	}
	return nil
}

func (o *Orchestrator) deadline(taskType string) time.Duration {
	switch d := o.cfg.TaskType(taskType).Deadline; {
	case d < 0:
		return 0
	case d == 0:
		return DefaultDeadline
	default:
		return d
	}
}

func (o *Orchestrator) brokenDefinition(resource string, err error) {
	o.logger.Error("a deployed model can't be used by this engine: its instances stand still here",
		zap.String("resource", resource), zap.Error(err))
}

// Claim takes a home over, one of homes, with its input partitions, and answers
// where to begin in each.
func (o *Orchestrator) Claim(ctx context.Context, id, homes int32, partitions []kafka.TopicPartition) (map[kafka.TopicPartition]int64, error) {
	inputs := make([]store.InputPartition, len(partitions))
	for i, p := range partitions {
		inputs[i] = store.InputPartition(p)
	}
	claimed, err := o.store.Claim(ctx, id, o.cfg.ID, inputs)
	if err != nil {
		o.ready.Set("database", err)
		return nil, err
	}
	// The last owner may have started instances of models this engine has not seen.
	if _, err := o.catalogue.refresh(ctx); err != nil {
		return nil, err
	}
	o.own(o.newHome(id, homes, claimed), homes)
	o.logger.Info("home claimed", zap.Int32("home", id), zap.Int64("epoch", claimed.Fence.Epoch))
	positions := make(map[kafka.TopicPartition]int64, len(partitions))
	for p, at := range claimed.Positions {
		positions[kafka.TopicPartition(p)] = at
	}
	return positions, nil
}

// own starts the home's goroutine, in place of an earlier one.
func (o *Orchestrator) own(h *home, homes int32) {
	o.mu.Lock()
	old := o.owned[h.id]
	o.owned[h.id], o.count = h, homes
	o.mu.Unlock()
	if old != nil {
		old.release(o.cfg.ReleaseWithin)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	go h.run(ctx)
}

func (o *Orchestrator) newHome(id, homes int32, claimed store.Claimed) *home {
	h := &home{
		o: o, id: id, fence: claimed.Fence, committer: o.store.Committer(), inbox: newInbox(), rows: store.NewBatch(), done: make(chan struct{}),
		cache: newCache(o.cfg.CacheBytes / int(max(homes, 1))), ended: newRecentlyEnded(20_000),
		queues: make(map[topicPartition]*partitionQueue),
		timers: alarm{every: 10 * time.Second}, expiries: alarm{every: 10 * time.Second}, startTimers: alarm{every: 5 * time.Second},
	}
	h.fence.Generation = o.catalogue.get().generation
	for _, p := range slices.SortedFunc(maps.Keys(claimed.Positions), store.InputPartition.Compare) {
		q := &partitionQueue{partition: p, source: o.sourceOf(p.Topic), stored: claimed.Positions[p]}
		h.queues[topicPartition{p.Topic, p.Partition}] = q
		h.inbox.queues[q.source] = append(h.inbox.queues[q.source], q)
	}
	return h
}

// sourceOf says what a topic brings: any that is neither messages nor control
// is a result topic.
func (o *Orchestrator) sourceOf(topic string) source {
	switch topic {
	case o.topics.messages:
		return fromMessages
	case o.topics.control:
		return fromControl
	}
	return fromResults
}

// Release gives a home up. When it returns, nothing of it is in flight here.
func (o *Orchestrator) Release(id int32) {
	o.mu.Lock()
	h := o.owned[id]
	delete(o.owned, id)
	o.mu.Unlock()
	if h != nil {
		h.release(o.cfg.ReleaseWithin)
		o.logger.Info("home released", zap.Int32("home", id))
	}
}

// Take hands over fetched records of one partition of a home. It never blocks.
func (o *Orchestrator) Take(id int32, records []wire.Record) {
	h := o.home(id)
	if h == nil || len(records) == 0 {
		return
	}
	if q, full := h.put(records); full {
		o.consumer.Pause(id, q.partition.Topic)
	}
}

func (o *Orchestrator) resume(id int32, queues []*partitionQueue) {
	for _, q := range queues {
		o.consumer.Resume(id, q.partition.Topic)
	}
}

func (o *Orchestrator) home(id int32) *home {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.owned[id]
}

// Homes lists the homes this engine owns, ascending.
func (o *Orchestrator) Homes() []int32 {
	o.mu.RLock()
	defer o.mu.RUnlock()
	ids := make([]int32, 0, len(o.owned))
	for id := range o.owned {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// homes is how many homes there are, owned by anybody.
func (o *Orchestrator) homes() int32 {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.count
}

// Run keeps the catalogue up to date and forgets old message ids until ctx ends;
// then it releases every home.
func (o *Orchestrator) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	defer o.releaseAll()
	for seconds := 1; ; seconds++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		o.refreshCatalogue(ctx)
		if seconds%60 == 0 {
			o.forgetMessages(ctx)
		}
	}
}

func (o *Orchestrator) refreshCatalogue(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := o.catalogue.refresh(ctx)
	if err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		o.ready.Set("database", err)
	}
}

// forgetMessages keeps the memory of message ids bounded. Any engine may do it.
func (o *Orchestrator) forgetMessages(ctx context.Context) {
	for {
		n, err := o.store.ForgetMessages(ctx, o.cfg.Retention, 10_000)
		if err != nil {
			o.logger.Warn("old message ids could not be removed; trying again in a minute", zap.Error(err))
		}
		if n < 10_000 {
			return
		}
	}
}

func (o *Orchestrator) releaseAll() {
	var wg sync.WaitGroup
	for _, id := range o.Homes() {
		wg.Go(func() { o.Release(id) })
	}
	wg.Wait()
}
