package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Config describes a measurement. Brokers and Database are required.
type Config struct {
	// Scenario is one of ScenarioNames. Default: one-task.
	Scenario string
	// Brokers are the seed brokers of the cluster, host:port.
	Brokers []string
	// Database is the Postgres URL. The null pipeline has a schema of its own in it, barnabas_null, dropped at the end.
	Database string
	// Homes is the partition count of the topics that are created for this. Default: 4.
	Homes int

	// Instances is how many instances each system runs. Default: as many as Duration allows.
	Instances int
	// Duration is how long instances are started. Default: 15 s, or no limit if Instances is given.
	Duration time.Duration
	// Rate is the number of instances started per second. Default: as fast as they complete; 100 in the scenario latency.
	Rate int
	// Window bounds the instances started and not completed, unless Rate says how many there are.
	// Default: 40,000; 10,000 in the scenario ten-tasks.
	Window int
	// Warmup is how long a system runs before it is measured. Default: 3 s; negative: not at all.
	Warmup time.Duration
	// Stall is how long no instance may complete before the measurement is given up. Default: 60 s.
	Stall time.Duration

	// Engine starts the engine under test. Default: none, the null pipeline runs alone.
	Engine func(ctx context.Context, env Environment) (System, error)
	// Prefix begins the names of the engine's topics. Default: "barnabas.".
	Prefix string
	// WithoutNull leaves out the null pipeline, and with it the ratio.
	WithoutNull bool
	// NullCommand is the command line of a process that calls ServeNullProcess. Default: the null pipeline runs in this process.
	NullCommand []string
	// CPUProfile is the file for a processor profile of the engine's process, or of the null pipeline's when there is no engine.
	CPUProfile string

	// Progress shows how far the measurement is: a bar on a terminal, a line now and then elsewhere. Default: nothing.
	Progress io.Writer
}

// Environment is where a system under test works.
type Environment struct {
	Brokers  []string
	Database string
	Homes    int
	Topics   Topics
	// CPUProfile is the file the system's process should write its processor profile to (see Profile); empty: none.
	CPUProfile string
}

// System is a running engine under test.
type System interface {
	// Deploy makes a BPMN model startable; resource is its file name.
	Deploy(ctx context.Context, resource string, xml []byte) error
	// PID is the process whose processor time is the engine's; this process if it is none of its own.
	PID() int
	// Stop ends the engine and returns when it has ended.
	Stop(ctx context.Context) error
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.Scenario = cmp.Or(c.Scenario, "one-task")
	c.Homes = cmp.Or(c.Homes, 4)
	c.Warmup = cmp.Or(c.Warmup, 3*time.Second)
	c.Stall = cmp.Or(c.Stall, time.Minute)
	c.Prefix = cmp.Or(c.Prefix, "barnabas.")
	if c.Instances == 0 {
		c.Duration = cmp.Or(c.Duration, 15*time.Second)
	}
	if s, ok := scenarios[c.Scenario]; ok {
		c.Rate = cmp.Or(c.Rate, s.rate)
		c.Window = cmp.Or(c.Window, s.window)
	}
	return c
}

// maxInstances bounds a run: what is known of each instance is kept in memory.
const maxInstances = 100_000_000

// validate lists every problem.
func (c Config) validate() error {
	var problems []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	_, known := scenarios[c.Scenario]
	refuse(!known, "scenario %q is unknown: choose one of %v", c.Scenario, ScenarioNames())
	refuse(len(c.Brokers) == 0, "no brokers: give host:port of a Kafka cluster")
	refuse(c.Database == "", "no database: give a Postgres URL")
	refuse(c.Homes < 1 || c.Homes > 1000, "%d homes: give 1 to 1000", c.Homes)
	refuse(c.Instances < 0 || c.Instances > maxInstances, "%d instances: give 1 to %d", c.Instances, maxInstances)
	refuse(c.Duration < 0, "duration %s: give a positive one", c.Duration)
	refuse(c.Rate < 0 || c.Rate > 1_000_000, "rate %d: give 1 to 1000000 a second", c.Rate)
	refuse(known && c.Window < 1, "window %d: give a positive one", c.Window)
	refuse(c.WithoutNull && c.Engine == nil, "nothing to measure: neither an engine nor the null pipeline")
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("measurement refused: %w", err)
	}
	return nil
}
