package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
)

// Run measures the engine and the null pipeline, one after the other, under the
// same load. It fails unless every instance of both completes exactly once.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Report{Scenario: cfg.Scenario, At: time.Now(), CPUs: runtime.NumCPU(), Homes: cfg.Homes, Rate: cfg.Rate}
	var measured []Measurement
	for _, t := range cfg.trials() {
		m, err := t.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", t.system, err)
		}
		measured = append(measured, m)
	}
	r.compare(measured)
	return r, nil
}

// trial is the measurement of one system.
type trial struct {
	cfg      Config
	system   string
	scenario Scenario
	env      Environment
	start    func(context.Context, Environment) (System, error)
	scratch  bool // the topics are for this alone
}

func (c Config) trials() (ts []trial) {
	env := Environment{Brokers: c.Brokers, Database: c.Database, Homes: c.Homes}
	scenario := scenarios[c.Scenario]
	if !c.WithoutNull {
		t := trial{cfg: c, system: systemNull, scenario: scenario, env: env, scratch: true}
		t.env.Topics = withPrefix("barnabas-null-" + newRun() + ".")
		t.start = func(ctx context.Context, env Environment) (System, error) {
			return startNull(ctx, NullConfig{Environment: env, Tasks: scenario.Tasks, TaskType: scenario.TaskType}, c.NullCommand)
		}
		if c.Engine == nil {
			t.env.CPUProfile = c.CPUProfile
		}
		ts = append(ts, t)
	}
	if c.Engine != nil {
		t := trial{cfg: c, system: systemEngine, scenario: scenario, env: env, start: c.Engine}
		t.env.Topics, t.env.CPUProfile = withPrefix(c.Prefix), c.CPUProfile
		ts = append(ts, t)
	}
	return ts
}

// run starts the system, deploys the model, warms up and measures.
func (t trial) run(ctx context.Context) (m Measurement, err error) {
	if t.scratch {
		if err := t.createTopics(ctx); err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, t.deleteTopics(ctx)) }()
	}
	system, err := t.start(ctx, t.env)
	if err != nil {
		return m, err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, system.Stop(grace))
	}()
	xml, err := t.scenario.model()
	if err != nil {
		return m, err
	}
	if err := system.Deploy(ctx, t.scenario.Resource, xml); err != nil {
		return m, fmt.Errorf("deploy %s: %w", t.scenario.Resource, err)
	}
	if err := t.createTopics(ctx); err != nil {
		return m, err
	}
	return t.measure(ctx, system)
}

func (t trial) measure(ctx context.Context, system System) (m Measurement, err error) {
	db, err := pgx.ParseConfig(t.cfg.Database)
	if err != nil {
		return m, fmt.Errorf("read database URL: %w", err)
	}
	ps := findProcesses(t.cfg.Brokers, db.Host, db.Port, system.PID())
	if t.cfg.Warmup > 0 {
		if _, err := t.drive(ctx, "warm up "+t.system, Plan{Duration: t.cfg.Warmup, Rate: t.cfg.Rate, Window: t.cfg.Window}); err != nil {
			return m, fmt.Errorf("warm up: %w", err)
		}
	}
	if system.PID() == os.Getpid() {
		stop, err := Profile(t.env.CPUProfile)
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	meter := startMeter(ps)
	b, err := t.drive(ctx, t.system, Plan{Instances: t.cfg.Instances, Duration: t.cfg.Duration, Rate: t.cfg.Rate, Window: t.cfg.Window})
	if err != nil {
		return m, err
	}
	return meter.measurement(t.system, b, t.scenario.Tasks), nil
}

// drive puts one load on the running system.
func (t trial) drive(ctx context.Context, label string, plan Plan) (*book, error) {
	ends, err := endOffsets(ctx, t.env.Brokers, t.topics())
	if err != nil {
		return nil, err
	}
	l := newLoad(t.env, t.scenario, ends)
	l.plan, l.stall = plan, t.cfg.Stall
	stop, shown := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(shown)
		newProgress(t.cfg.Progress, label, plan, l.book).run(stop)
	}()
	err = l.drive(ctx)
	close(stop)
	<-shown
	return l.book, err
}

func (t trial) topics() []string {
	names := t.env.Topics
	return []string{names.Messages, names.Results, names.Status, names.TaskPrefix + t.scenario.TaskType}
}

func (t trial) createTopics(ctx context.Context) error {
	return createTopics(ctx, t.env.Brokers, t.env.Homes, t.topics())
}

func (t trial) deleteTopics(ctx context.Context) error {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return deleteTopics(grace, t.env.Brokers, t.topics())
}

// endOffsets is where each partition of topics ends now.
func endOffsets(ctx context.Context, brokers, topics []string) (map[string]map[int32]int64, error) {
	c, err := newClient(brokers)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	listed, err := kadm.NewClient(c).ListEndOffsets(ctx, topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list ends of %v: %w", topics, err)
	}
	ends := map[string]map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if ends[o.Topic] == nil {
			ends[o.Topic] = map[int32]int64{}
		}
		ends[o.Topic][o.Partition] = o.Offset
	})
	return ends, nil
}
