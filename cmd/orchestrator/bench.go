package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/bench"
	"github.com/barnabas-project/barnabas/pkg/dev"
)

type benchCommand struct {
	Scenario   string        `arg:"" optional:"" help:"one-task, ten-tasks or latency." default:"one-task" enum:"one-task,ten-tasks,latency"`
	Duration   time.Duration `help:"How long instances are started; default 15s." placeholder:"15s"`
	Instances  int           `help:"How many instances; default: as many as the duration allows."`
	Rate       int           `help:"Instances started per second; default: as fast as they complete, 100 for latency."`
	Window     int           `help:"Instances under way at most." default:"40000"`
	Homes      int           `help:"Partitions." default:"4"`
	Warmup     time.Duration `help:"Time before measuring." default:"3s"`
	Null       bool          `help:"Measure the pipeline without an engine too." default:"true" negatable:""`
	CPUProfile string        `help:"File for a processor profile of the engine." type:"path" name:"cpuprofile" placeholder:"FILE"`

	// NullProcess makes this process the null pipeline of a measurement.
	NullProcess bool `hidden:""`
}

func (c *benchCommand) Run(ctx context.Context, g *globals) error {
	if c.NullProcess {
		return bench.ServeNullProcess(ctx, os.Stdin, os.Stdout)
	}
	external, err := g.external()
	if err != nil {
		return err
	}
	if external {
		return c.measure(ctx, g, g.Brokers, g.Database)
	}
	quiet := *g
	quiet.Data, quiet.LogLevel = filepath.Join(g.Data, "bench"), "warn"
	return withStack(ctx, &quiet, func(s *dev.Stack) error {
		return c.measure(ctx, g, s.Kafka.Brokers(), s.Postgres.URL())
	})
}

// measure runs the scenario in a database of its own.
func (c *benchCommand) measure(ctx context.Context, g *globals, brokers []string, server string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	name := "barnabas_bench_" + uuid.NewString()[:8]
	database, err := dev.CreateDatabase(ctx, server, name)
	if err != nil {
		return &awayError{err.Error()}
	}
	defer func() {
		err = errors.Join(err, dev.DropDatabase(context.WithoutCancel(ctx), server, name))
	}()
	report, err := bench.Run(ctx, bench.Config{
		Scenario: c.Scenario, Brokers: brokers, Database: database, Homes: c.Homes, Instances: c.Instances, Duration: c.Duration,
		Rate: c.Rate, Window: c.Window, Warmup: c.Warmup, WithoutNull: !c.Null, CPUProfile: c.CPUProfile,
		Prefix: "barnabas-bench-" + uuid.NewString()[:8] + ".", NullCommand: []string{self, "bench", "--null-process"},
		Engine: func(ctx context.Context, env bench.Environment) (bench.System, error) {
			return startChild(ctx, self, env)
		},
		Progress: c.progress(g),
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return report.WriteJSON(os.Stdout)
	}
	return report.WriteTable(os.Stdout)
}

func (c *benchCommand) progress(g *globals) io.Writer {
	if g.JSON && !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	return os.Stderr
}

// child is an engine in a process of its own, so that its processor time can be
// told from that of the load.
type child struct {
	cmd    *exec.Cmd
	client *client
	dir    string // its topic declarations
	done   chan error
}

func startChild(ctx context.Context, self string, env bench.Environment) (bench.System, error) {
	dir, err := os.MkdirTemp("", "barnabas-bench")
	if err != nil {
		return nil, err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c := &child{dir: dir, client: (&globals{Listen: listen}).client(), done: make(chan error, 1)}
	if err := writeTopics(dir, env); err != nil {
		return nil, err
	}
	args := []string{"serve", "--no-history", "--listen", listen, "--topics-dir", dir, "--database", env.Database, "--log-level", "warn", "--group", "barnabas-" + filepath.Base(dir)}
	for _, b := range env.Brokers {
		args = append(args, "--brokers", b)
	}
	c.cmd = exec.Command(self, args...)
	c.cmd.Env = append(os.Environ(), "BARNABAS_CPUPROFILE="+env.CPUProfile)
	c.cmd.Stderr = os.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	go func() { c.done <- c.cmd.Wait() }()
	return c, c.waitReady(ctx, env.Homes)
}

// writeTopics declares the topics as the measurement has them.
func writeTopics(dir string, env bench.Environment) error {
	prefix := env.Topics.Messages[:len(env.Topics.Messages)-len("messages")]
	yaml := fmt.Sprintf("prefix: %q\ntopics:\n", prefix)
	for _, t := range []string{"results", "control", "messages", "status"} {
		yaml += fmt.Sprintf("  - {name: %s, partitions: %d, retention: P1D}\n", t, env.Homes)
	}
	yaml += fmt.Sprintf("taskTypes:\n  - {type: \"*\", partitions: %d, retention: P1D, deadline: PT1H}\n", env.Homes)
	return os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(yaml), 0o600)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// waitReady waits until the engine owns all homes.
func (c *child) waitReady(ctx context.Context, homes int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var state struct{ Homes []int32 }
		err := c.client.call(ctx, "GET", "/readyz", nil, &state)
		if err == nil && len(state.Homes) == homes {
			return nil
		}
		select {
		case err := <-c.done:
			return fmt.Errorf("engine ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("engine is not ready after a minute: %w", err)
		case <-tick.C:
		}
	}
}

// Deploy implements bench.System.
func (c *child) Deploy(ctx context.Context, resource string, xml []byte) error {
	var d api.Deployment
	return c.client.call(ctx, "POST", "/v1/deployments?resource="+url.QueryEscape(resource), xml, &d)
}

// PID implements bench.System.
func (c *child) PID() int { return c.cmd.Process.Pid }

// Stop implements bench.System.
func (c *child) Stop(ctx context.Context) error {
	defer func() { _ = os.RemoveAll(c.dir) }()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.cmd.Process.Kill())
	}
}
