package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/bench"
	"github.com/barnabas-project/barnabas/topics"
)

type serveCommand struct {
	Group      string `help:"Consumer group whose members share the work." default:"barnabas"`
	History    bool   `help:"Project the status topic into the history tables in this process too." default:"true" negatable:""`
	CPUProfile string `help:"File for a processor profile." name:"cpuprofile" hidden:"" env:"BARNABAS_CPUPROFILE"`
	Relay      bool   `help:"Publish in this process too; without, a relay must run beside it." default:"true" negatable:""`
}

func (c *serveCommand) Run(ctx context.Context, g *globals) error {
	external, err := g.external()
	if err != nil {
		return err
	}
	if !external {
		return &usageError{"serve needs --brokers and --database; to try Barnabas with embedded ones: orchestrator dev"}
	}
	stop, err := bench.Profile(c.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { _ = stop() }()
	return serve(ctx, g, serving{brokers: g.Brokers, database: g.Database, group: c.Group, relay: c.Relay, history: c.History})
}

// serving says what an engine with its REST interface runs on.
type serving struct {
	brokers  []string
	database string
	group    string
	relay    bool
	history  bool
	// started is called once the engine runs.
	started func(ctx context.Context, e *engine) error
}

// garbagePercent lets the heap grow to several times what is live before it is
// collected: batches are garbage in bulk, and the live heap is small. GOGC overrides it.
const garbagePercent = 400

// serve runs an engine and its REST interface until ctx ends.
func serve(ctx context.Context, g *globals, s serving) error {
	if err := g.checkListen(); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	logger, err := g.logger()
	if err != nil {
		return err
	}
	declared, err := topics.Load(g.Topics)
	if err != nil {
		return &usageError{err.Error()}
	}
	listener, err := net.Listen("tcp", g.Listen)
	if err != nil {
		return &awayError{fmt.Sprintf("can't listen on %s: %v; choose another address with --listen", g.Listen, err)}
	}
	front := newDoor()
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return serveHTTP(ctx, listener, front) })
	tasks.Go(func() error {
		return s.run(ctx, g, front, engineConfig{
			brokers: s.brokers, database: s.database, group: s.group, topics: declared, relay: s.relay, history: s.history,
			waits: front.waitFor, logger: logger,
		})
	})
	logger.Info("listening", zap.String("listen", "http://"+listener.Addr().String()))
	return tasks.Wait()
}

// run puts the engine together, patiently, and lets it work until ctx ends.
func (s *serving) run(ctx context.Context, g *globals, front *door, cfg engineConfig) error {
	e, err := newEngine(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while waiting
		}
		return err
	}
	defer e.close()
	front.open(e.handler(g))
	cfg.logger.Info("engine is up", zap.Strings("brokers", cfg.brokers))
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return e.run(ctx) })
	if s.started != nil {
		tasks.Go(func() error { return s.started(ctx, e) })
	}
	return tasks.Wait()
}

func (e *engine) handler(g *globals) http.Handler {
	return api.New(api.Config{Orchestrator: e.orchestrator, Version: version(), Token: g.Token, Metrics: e.metrics, Ready: e.ready})
}

// ready lists what the engine waits for.
func (e *engine) ready() map[string]string {
	problems := e.orchestrator.Ready().Problems()
	if e.relay != nil {
		if err := e.relay.Ready(); err != nil {
			problems["relay"] = err.Error()
		}
	}
	return problems
}

// serveHTTP serves until ctx ends, then lets requests finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // what is left is cut off
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("REST interface: %w", err)
	}
	return nil
}
