package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/history"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
	"github.com/barnabas-project/barnabas/topics"
)

// engine is the parts of a running orchestrator, put together.
type engine struct {
	store        *store.Store
	producer     *kafka.Producer
	admin        *kafka.Admin
	relay        *relay.Relay
	homes        *kafka.Homes
	history      *kafka.Subscriber // nil: another process projects
	orchestrator *orchestrator.Orchestrator
	metrics      *prometheus.Registry
	logger       *zap.Logger
}

// engineConfig says what an engine runs on.
type engineConfig struct {
	brokers  []string
	database string
	group    string
	topics   *topics.Set
	relay    bool                         // publish in this process
	history  bool                         // project the status topic in this process
	waits    func(what string, err error) // told what can't be used yet; nil: it can
	logger   *zap.Logger
}

// newEngine reaches database and cluster, waiting while they are away, readies
// schema and topics, and puts the parts together. Nothing runs yet.
func newEngine(ctx context.Context, cfg engineConfig) (_ *engine, err error) {
	e := &engine{logger: cfg.logger, metrics: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	e.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err = e.openStore(ctx, cfg); err != nil {
		return nil, err
	}
	if err = e.openKafka(ctx, cfg); err != nil {
		return nil, err
	}
	id := engineID()
	e.newRelay(id, cfg)
	e.orchestrator, err = orchestrator.New(ctx, orchestrator.Config{
		ID: id, Store: e.store, Relay: e.publisher(cfg), Names: cfg.topics.Names(), TaskType: taskTypes(cfg.topics),
		EnsureTopics: func(ctx context.Context, types []string) error { return e.ensureTaskTopics(ctx, cfg.topics, types) },
		Logger:       cfg.logger, Metrics: e.metrics,
	})
	if err != nil {
		return nil, err
	}
	names := cfg.topics.Names()
	e.homes, err = kafka.NewHomes(kafka.HomesConfig{
		Config: e.kafkaConfig(cfg, "engine"), Group: cfg.group, Results: names.Results(),
		Others: append(cfg.topics.ReplyTopics(), names.Control(), names.Messages()), Control: names.Control(),
		Presence: store.Presence{Store: e.store, Group: cfg.group, Engine: id},
		Reached:  func(err error) { e.orchestrator.Ready().Set("kafka", err) },
	}, e.orchestrator)
	if err != nil {
		return nil, err
	}
	e.orchestrator.UseConsumer(e.homes)
	if cfg.history {
		e.history, err = kafka.NewSubscriber(e.kafkaConfig(cfg, "history"), cfg.group+"-history", names.Status())
	}
	return e, err
}

// engineID is unlike any other process's that ever was: leases and fences go by it.
func engineID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "engine"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), uuid.NewString()[:8])
}

func (e *engine) kafkaConfig(cfg engineConfig, client string) kafka.Config {
	return kafka.Config{Brokers: cfg.brokers, ClientID: "barnabas-" + client, Logger: cfg.logger, Metrics: e.metrics}
}

func (e *engine) openStore(ctx context.Context, cfg engineConfig) error {
	return e.patiently(ctx, cfg, "database", func() (err error) {
		if err := store.Migrate(ctx, cfg.database); err != nil {
			return err
		}
		e.store, err = store.Open(ctx, store.Config{URL: cfg.database})
		return err
	})
}

// ensureWithin is how long looking at the topics, and creating them, may take.
const ensureWithin = 5 * time.Second

func (e *engine) openKafka(ctx context.Context, cfg engineConfig) (err error) {
	if e.admin, err = kafka.NewAdmin(e.kafkaConfig(cfg, "admin")); err != nil {
		return err
	}
	ensure := func() error {
		ctx, cancel := context.WithTimeoutCause(ctx, ensureWithin, errors.New("the brokers don't answer"))
		defer cancel()
		if err := e.admin.Ensure(ctx, cfg.topics.All()); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		return nil
	}
	if err := e.patiently(ctx, cfg, "kafka", ensure); err != nil {
		return err
	}
	e.producer, err = kafka.NewProducer(e.kafkaConfig(cfg, "relay"))
	return err
}

// ensureTaskTopics creates the topics of task types that are missing.
func (e *engine) ensureTaskTopics(ctx context.Context, set *topics.Set, types []string) error {
	return e.admin.Ensure(ctx, set.ForTaskTypes(types...))
}

// patiently tries until it succeeds or ctx ends: what is away comes back.
func (e *engine) patiently(ctx context.Context, cfg engineConfig, what string, try func() error) error {
	cfg.waits(what, errors.New("not reached yet"))
	wait := backoff.WithContext(backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0)), ctx)
	began, said := time.Now(), time.Time{}
	err := backoff.RetryNotify(try, wait, func(err error, _ time.Duration) {
		cfg.waits(what, err)
		if time.Since(said) > saidAgain {
			said = time.Now()
			e.logger.Warn(what+" can't be used yet; trying again", zap.Duration("for", time.Since(began)), zap.Error(err))
		}
	})
	cfg.waits(what, err)
	if err == nil && !said.IsZero() {
		e.logger.Info(what+" can be used", zap.Duration("after", time.Since(began)))
	}
	return err
}

// saidAgain is how often the log says that something is still waited for.
const saidAgain = 30 * time.Second

func (e *engine) newRelay(id string, cfg engineConfig) {
	if !cfg.relay {
		return
	}
	e.relay = relay.New(relay.Config{
		Store: e.store, Producer: e.producer, Holder: id,
		Homes: func() []int32 { return e.orchestrator.Homes() }, Names: cfg.topics.Names(),
		Logger: cfg.logger, Metrics: e.metrics,
	})
}

// publisher is the relay of this process, or nothing when another publishes.
func (e *engine) publisher(cfg engineConfig) orchestrator.Relay {
	if cfg.relay {
		return e.relay
	}
	return elsewhere{}
}

// elsewhere leaves publishing to a relay of its own.
type elsewhere struct{}

func (elsewhere) Offer(int32, int64, []byte)              {}
func (elsewhere) Wait(ctx context.Context, _ int32) error { return ctx.Err() }

// run works until ctx ends, then lets go of everything in order: no more inputs,
// the last batches, the last records.
func (e *engine) run(ctx context.Context) error {
	relayCtx, stopRelay := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRelay()
	var publishing errgroup.Group
	if e.relay != nil {
		publishing.Go(func() error { return e.relay.Run(relayCtx) })
	}
	deciding, decidingCtx := errgroup.WithContext(ctx)
	deciding.Go(func() error { return e.homes.Run(decidingCtx) })
	deciding.Go(func() error { return e.orchestrator.Run(decidingCtx) })
	if e.history != nil {
		projection := history.Projection{Store: e.store, Skipped: func(r wire.Record, err error) {
			e.logger.Warn("record on the status topic left out of history", zap.Int32("partition", r.Partition), zap.Int64("offset", r.Offset), zap.Error(err))
		}}
		deciding.Go(func() error { return e.history.Run(decidingCtx, projection.Take) })
	}
	err := deciding.Wait()
	stopRelay()
	err = errors.Join(err, publishing.Wait())
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// close lets go of connections.
func (e *engine) close() {
	if e.producer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := e.producer.Close(ctx); err != nil {
			e.logger.Warn("some records were committed but not published; the next relay publishes them", zap.Error(err))
		}
	}
	if e.admin != nil {
		e.admin.Close()
	}
	if e.store != nil {
		e.store.Close()
	}
}

// taskTypes is the configuration of task types as the orchestrator wants it.
func taskTypes(set *topics.Set) func(string) orchestrator.TaskType {
	return func(name string) orchestrator.TaskType {
		t := set.TaskType(name)
		own := orchestrator.TaskType{KeyByTask: t.Key == "task", ReplyTo: t.ReplyTo}
		if t.Deadline != nil {
			own.Deadline = time.Duration(*t.Deadline)
			if own.Deadline == 0 {
				own.Deadline = -1
			}
		}
		return own
	}
}
