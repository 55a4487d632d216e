package worker

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/worker"
)

// Python is the source of the worker in Python; it is configured by the same
// environment as the one in Go.
//
//go:embed worker.py
var Python string

// The environment of a worker. All is required.
const (
	EnvName    = "CHAOS_NAME"    // of the worker
	EnvBrokers = "CHAOS_BROKERS" // host:port
	EnvFolder  = "CHAOS_FOLDER"  // of the logs of side effects
	EnvStop    = "CHAOS_STOP"    // a file: when it is there, chains end with their next hop
	EnvThink   = "CHAOS_THINK"   // how long a hop takes, in milliseconds: 250ms
)

// session is how long Kafka waits before it takes a worker for dead: the least
// that brokers allow.
const session = 6 * time.Second

// languageHops is how many hops a chain stays with workers of one language.
const languageHops = 100

// Effect is a side effect: what a worker did, one JSON line of its log, written
// before it answers.
type Effect struct {
	At            time.Time `json:"at"`
	Worker        string    `json:"worker"`
	Process       int       `json:"process"` // of the operating system
	CorrelationID string    `json:"correlationId"`
	Attempt       int       `json:"attempt"`
	Type          string    `json:"type"`
	Element       string    `json:"element"`
	Key           string    `json:"key"` // business key
	Hop           int       `json:"hop,omitempty"`
	Did           string    `json:"did,omitempty"`
}

// variables are those that the models of the run use.
type variables struct {
	Hop      int    `json:"hop"`
	Language string `json:"language"`
	Verdict  string `json:"verdict"`
	Hold     int    `json:"hold"` // milliseconds
}

type goWorker struct {
	name, stop string
	think      time.Duration
	mu         sync.Mutex
	log        *os.File
}

// Run is the worker in Go. It works until ctx ends.
func Run(ctx context.Context) error {
	think, err := time.ParseDuration(os.Getenv(EnvThink))
	if err != nil {
		return fmt.Errorf("%s: %w", EnvThink, err)
	}
	w := &goWorker{name: os.Getenv(EnvName), stop: os.Getenv(EnvStop), think: think}
	path := fmt.Sprintf("%s/%s-%d.jsonl", os.Getenv(EnvFolder), w.name, os.Getpid())
	if w.log, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return fmt.Errorf("log of side effects: %w", err)
	}
	defer w.log.Close()
	return worker.Run(ctx, worker.Config{
		Brokers: []string{os.Getenv(EnvBrokers)}, Group: "chaos-<type>", Concurrency: 256, DrainTimeout: 4 * time.Second,
		Tasks:  map[string]worker.Handler{"echo-go": w.echo, "step-go": w.step, "judge-go": w.judge, "hold-go": w.hold},
		Client: []worker.ClientOption{kgo.SessionTimeout(session), kgo.MetadataMinAge(time.Second)},
	})
}

// effect writes one line in one system call, so that a kill tears none.
func (w *goWorker) effect(t worker.Task, hop int, did string) error {
	line, err := json.Marshal(Effect{At: time.Now(), Worker: w.name, Process: os.Getpid(), CorrelationID: t.CorrelationID,
		Attempt: t.Attempt, Type: t.Type, Element: t.ElementID, Key: t.BusinessKey, Hop: hop, Did: did})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.log.Write(append(line, '\n'))
	return err
}

// read gives a task's variables.
func read(t worker.Task) (v variables, err error) {
	if err = json.Unmarshal(t.Variables, &v); err != nil {
		err = worker.GiveUp(fmt.Errorf("variables of %s: %w", t.CorrelationID, err))
	}
	return v, err
}

// echo is a hop of a chain.
func (w *goWorker) echo(ctx context.Context, t worker.Task) (any, error) {
	v, err := read(t)
	if err != nil {
		return nil, err
	}
	hop := v.Hop + 1
	if err := w.effect(t, hop, "hop"); err != nil {
		return nil, err
	}
	wait(ctx, w.think)
	if hop%languageHops == 0 {
		v.Language = "python"
	}
	_, err = os.Stat(w.stop)
	return map[string]any{"hop": hop, "language": v.Language, "stop": err == nil}, nil
}

// step sets the variable of its element's name.
func (w *goWorker) step(_ context.Context, t worker.Task) (any, error) {
	return map[string]any{t.ElementID: t.CorrelationID}, w.effect(t, 0, "step")
}

var errFlaky = errors.New("flaky: the third attempt succeeds")

// judge decides a claim as its verdict says: paid, refused, or first not at all.
func (w *goWorker) judge(_ context.Context, t worker.Task) (any, error) {
	v, err := read(t)
	if err != nil {
		return nil, err
	}
	if err := w.effect(t, 0, v.Verdict); err != nil {
		return nil, err
	}
	switch {
	case v.Verdict == "refuse":
		return nil, worker.BPMNError("REFUSED", "the claim is refused", nil)
	case v.Verdict == "flaky" && t.Attempt < 3:
		return nil, worker.RetryAfter(time.Second, errFlaky)
	}
	return nil, nil
}

// hold takes its time.
func (w *goWorker) hold(ctx context.Context, t worker.Task) (any, error) {
	v, err := read(t)
	if err != nil {
		return nil, err
	}
	wait(ctx, time.Duration(v.Hold)*time.Millisecond)
	return nil, w.effect(t, 0, "hold")
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
