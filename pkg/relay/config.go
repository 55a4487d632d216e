package relay

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Producer hands records to Kafka; see kafka.Producer.
type Producer interface {
	// Produce takes records over and returns; it may wait for room, not for the acknowledgement. done is called exactly once, with nil when
	// all in-sync replicas have all the records. Records of one partition keep their order; those of a line (nil: none) are not sent after
	// one of the line has failed.
	Produce(line *kafka.Line, records []wire.Record, done func(error))
}

// Config says what a relay publishes and how. Zero values mean the defaults.
type Config struct {
	Store    Store    // required
	Producer Producer // required

	// Refused tells the errors of Producer that mean that Kafka will never take a record as it is. Such records become dead letters; any
	// other error is tried again. Default: a *kafka.SendError that is Permanent.
	Refused func(error) bool

	// Holder names this relay; no other process may ever have used the name. Required.
	Holder string

	// Homes returns the homes this relay wants, called every SaveEvery. Nil: all homes there are, shared evenly with other such relays.
	Homes func() []int32

	Names   wire.Names            // of the dead-letter topics
	Logger  *zap.Logger           // default: none
	Metrics prometheus.Registerer // default: none
	Random  io.Reader             // of jitter, for tests; default crypto/rand.Reader

	LeaseTTL  time.Duration // how long a home waits for its next relay after a crash; default 3 s, at least 100 ms
	SaveEvery time.Duration // between writes of published_seq, default 100 ms

	// Without Homes new rows are looked for every PollMin to PollMax, the less often the less there is. Default 2 ms and 20 ms.
	PollMin, PollMax time.Duration
	WatchEvery       time.Duration // between looks for rows that were not offered, default 1 s
	AlarmAge         time.Duration // age of an unpublished row from which it is logged, default 5 s

	FlightBytes  int64 // bytes of a home handed to Kafka and not acknowledged, at most (or one row); default 2 MiB
	BacklogBytes int64 // Wait waits from this many bytes of a home in memory, default 4 MiB
	BacklogRows  int64 // Wait waits from this many unacknowledged rows of a home, default 1000
	ReadBytes    int64 // bytes read from the tables at once, as stored there; default 256 KiB
	ReadRows     int64 // rows read from the tables at once, default 256

	RetryMin, RetryMax time.Duration // pause after an error, growing and jittered; default 100 ms and 2 s

	RotateEvery time.Duration // age at which the active outbox table is retired, default 10 s
	RotateBytes int64         // size at which it is retired earlier, default 64 MiB
	RotateCheck time.Duration // between looks at the tables, default 1 s
}

func permanent(err error) bool {
	var refusal *kafka.SendError
	return errors.As(err, &refusal) && refusal.Permanent
}

func (c *Config) setDefaults() {
	if c.Refused == nil {
		c.Refused = permanent
	}
	c.Logger = cmp.Or(c.Logger, zap.NewNop())
	c.Random = cmp.Or[io.Reader](c.Random, rand.Reader)
	c.LeaseTTL = cmp.Or(c.LeaseTTL, 3*time.Second)
	c.SaveEvery = cmp.Or(c.SaveEvery, 100*time.Millisecond)
	c.PollMin = cmp.Or(c.PollMin, 2*time.Millisecond)
	c.PollMax = cmp.Or(c.PollMax, 20*time.Millisecond)
	c.WatchEvery = cmp.Or(c.WatchEvery, time.Second)
	c.AlarmAge = cmp.Or(c.AlarmAge, 5*time.Second)
	c.FlightBytes = cmp.Or(c.FlightBytes, 2<<20)
	c.BacklogBytes = cmp.Or(c.BacklogBytes, 4<<20)
	c.BacklogRows = cmp.Or(c.BacklogRows, 1000)
	c.ReadBytes = cmp.Or(c.ReadBytes, 256<<10)
	c.ReadRows = cmp.Or(c.ReadRows, 256)
	c.RetryMin = cmp.Or(c.RetryMin, 100*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 2*time.Second)
	c.RotateEvery = cmp.Or(c.RotateEvery, 10*time.Second)
	c.RotateBytes = cmp.Or(c.RotateBytes, 64<<20)
	c.RotateCheck = cmp.Or(c.RotateCheck, time.Second)
}

func (c *Config) validate() error {
	var problems []error
	require := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New("relay: "+problem))
		}
	}
	require(c.Store != nil, "Store is missing")
	require(c.Producer != nil, "Producer is missing")
	require(c.Holder != "", "Holder is missing: give every process a name of its own")
	require(c.LeaseTTL >= 100*time.Millisecond, "LeaseTTL must be 100 ms or more")
	require(c.SaveEvery > 0 && c.SaveEvery <= c.LeaseTTL/3, "SaveEvery must be positive and at most a third of LeaseTTL")
	require(c.PollMin > 0 && c.PollMin <= c.PollMax, "PollMin must be positive and at most PollMax")
	require(c.RetryMin > 0 && c.RetryMin <= c.RetryMax, "RetryMin must be positive and at most RetryMax")
	require(c.WatchEvery > 0 && c.RotateCheck > 0, "WatchEvery and RotateCheck must be positive")
	require(min(c.FlightBytes, c.BacklogBytes, c.BacklogRows, c.ReadBytes, c.ReadRows, c.RotateBytes) > 0, "limits must be positive")
	return errors.Join(problems...)
}

// margin is how much earlier than the database a relay takes its lease for expired: for clocks that run at different speeds.
func (c *Config) margin() time.Duration { return c.LeaseTTL / 10 }
