package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

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
	KillEvery  time.Duration `help:"Kill the engine (SIGKILL) that often and start it again; its processor time is not counted then. Default: never."`
	CPUProfile string        `help:"File for a processor profile of the engine." type:"path" name:"cpuprofile" placeholder:"FILE"`

	// NullProcess makes this process the null pipeline of a measurement.
	NullProcess bool `hidden:""`
}

func (c *benchCommand) Run(ctx context.Context, g *globals) error {
	if c.NullProcess {
		return bench.ServeNullProcess(ctx, os.Stdin, os.Stdout)
	}
	if c.KillEvery < 0 || c.KillEvery > 0 && c.CPUProfile != "" {
		return &usageError{"--kill-every: want a positive duration, and no --cpuprofile, which a killed engine can't write"}
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
			return startChild(ctx, self, env, c.KillEvery)
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
