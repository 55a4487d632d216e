package worker

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Config says what to work on. Brokers and Tasks are required.
type Config struct {
	// Brokers are the addresses to begin with, host:port.
	Brokers []string
	// Tasks maps each task type to what does it.
	Tasks map[string]Handler
	// Names gives the topics their names; it must agree with the engine's.
	Names wire.Names
	// Group is the consumer group; <type> in it stands for the task type. Default
	// "barnabas-worker-<type>". Workers of one group share the tasks.
	Group string
	// Concurrency is how many handlers run at once, for each task type. Default 16.
	Concurrency int
	// MaxInFlight bounds, for each partition, the tasks between the oldest
	// without a result in Kafka and the newest taken; beyond it the partition
	// pauses. It is also the most that is done again after a crash. Default 2,048.
	MaxInFlight int
	// DrainTimeout is how long running handlers are waited for when Run ends or
	// partitions move to another worker; keep it below the group's rebalance
	// timeout of 60 s. Default 25 s.
	DrainTimeout time.Duration
	// Logger receives what went wrong. Default: none.
	Logger *zap.Logger
	// Metrics receives barnabas_worker_* metrics. Default: none.
	Metrics prometheus.Registerer
	// Client are further options of the Kafka client: TLS, SASL, a static
	// instance id, a session timeout other than 6 s, after which the tasks of a
	// worker that died go to others. Other options that Run sets itself must not be
	// repeated.
	Client []ClientOption
}

const groupType = "<type>"

func (c Config) withDefaults() Config {
	c.Group = cmp.Or(c.Group, "barnabas-worker-"+groupType)
	c.Concurrency = cmp.Or(c.Concurrency, 16)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 2048)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 25*time.Second)
	c.Logger = cmp.Or(c.Logger, zap.NewNop())
	return c
}

// validate lists every problem.
func (c Config) validate() error {
	var problems []error
	problem := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("worker: "+format, args...))
		}
	}
	problem(len(c.Brokers) == 0, "no Brokers: give at least one host:port")
	problem(len(c.Tasks) == 0, "no Tasks: give a handler for at least one task type")
	for taskType, handler := range c.Tasks {
		problem(handler == nil, "task type %q has no handler", taskType)
		if _, err := c.Names.Task(taskType); err != nil {
			problem(true, "%w", err)
		}
	}
	problem(c.Concurrency < 1, "Concurrency is %d: give 1 or more, or 0 for 16", c.Concurrency)
	problem(c.MaxInFlight < 2, "MaxInFlight is %d: give 2 or more, or 0 for 2048", c.MaxInFlight)
	problem(c.DrainTimeout < 0, "DrainTimeout is %s: give a positive time, or 0 for 25s", c.DrainTimeout)
	return errors.Join(problems...)
}

func (c Config) group(taskType string) string {
	return strings.ReplaceAll(c.Group, groupType, taskType)
}
