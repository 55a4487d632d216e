package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// serve answers HTTP at once, and publishes as soon as the database can be used, until ctx ends.
func serve(ctx context.Context, f *flags) error {
	logger, err := f.logger()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with --listen", f.Listen, err)
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ready := newReadiness()
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return serveHTTP(ctx, listener, handler(ready, metrics)) })
	tasks.Go(func() error { watchKafka(ctx, f.Brokers, ready, logger); return nil })
	tasks.Go(func() error { return publish(ctx, f, logger, metrics, ready) })
	logger.Info("relay is up", zap.String("listen", "http://"+listener.Addr().String()), zap.Strings("brokers", f.Brokers))
	return tasks.Wait()
}

// publish runs the relay. What it needs is opened first and closed last.
func publish(ctx context.Context, f *flags, logger *zap.Logger, metrics *prometheus.Registry, ready *readiness) error {
	database := openStore(ctx, f.Database, logger, ready)
	if database == nil {
		return nil
	}
	defer database.Close()
	producer, err := kafka.NewProducer(kafka.Config{Brokers: f.Brokers, ClientID: "barnabas-relay", Logger: logger, Metrics: metrics})
	if err != nil {
		return err
	}
	r := relay.New(relay.Config{Store: database, Producer: producer, Holder: holder(), LeaseTTL: f.LeaseTTL, Logger: logger, Metrics: metrics})
	ready.ask("database", r.Ready)
	err = r.Run(ctx)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if closeErr := producer.Close(grace); closeErr != nil {
		logger.Warn("records are left unsent; another relay publishes them", zap.Error(closeErr))
	}
	return err
}

// openStore waits until the database can be used and has the right schema. It returns nil when ctx ends before.
func openStore(ctx context.Context, url string, logger *zap.Logger, ready *readiness) (database *store.Store) {
	patiently := backoff.WithContext(backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(200*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0)), ctx)
	said := speech{logger: logger}
	err := backoff.RetryNotify(func() (err error) {
		if err = store.Migrate(ctx, url); err == nil {
			database, err = store.Open(ctx, store.Config{URL: url})
		}
		return err
	}, patiently, func(err error, _ time.Duration) {
		ready.set("database", err)
		said.waits("database", err)
	})
	if err != nil {
		return nil
	}
	said.back("database")
	return database
}

// speech says in the log what is waited for, says so again every 30 s, and that it is back.
type speech struct {
	logger     *zap.Logger
	since, now time.Time // of waiting, when it was last spoken of; zero: not waiting
}

func (s *speech) waits(what string, err error) {
	if time.Since(s.now) < 30*time.Second {
		return
	}
	s.now = time.Now()
	if s.since.IsZero() {
		s.since = s.now
	}
	s.logger.Warn("waiting for what is away; nothing is lost", zap.String("what", what), zap.Duration("for", time.Since(s.since)), zap.Error(err))
}

func (s *speech) back(what string) {
	if !s.since.IsZero() {
		s.logger.Info("what was away is back", zap.String("what", what), zap.Duration("after", time.Since(s.since)))
	}
	s.since, s.now = time.Time{}, time.Time{}
}

// watchKafka looks every second whether a broker accepts connections.
func watchKafka(ctx context.Context, brokers []string, ready *readiness, logger *zap.Logger) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	said := speech{logger: logger}
	for ctx.Err() == nil {
		err := reach(ctx, brokers)
		ready.set("kafka", err)
		if err == nil {
			said.back("kafka")
		} else if ctx.Err() == nil {
			said.waits("kafka", err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func reach(ctx context.Context, brokers []string) (err error) {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	for _, broker := range brokers {
		conn, dialErr := dialer.DialContext(ctx, "tcp", broker)
		if dialErr == nil {
			return conn.Close()
		}
		err = errors.Join(err, dialErr)
	}
	return err
}

// holder is a name no other process has.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "relay"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), uuid.NewString()[:8])
}

func handler(ready *readiness, metrics *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, "ok") })
	mux.HandleFunc("GET /readyz", ready.serve)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

// say answers with a line. Who has gone away misses it.
func say(w http.ResponseWriter, line string) { _, _ = fmt.Fprintln(w, line) }

// serveHTTP serves until ctx ends, then lets requests finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	defer context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // what is left is cut off
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}
