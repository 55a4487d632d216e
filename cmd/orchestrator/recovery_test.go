package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev"
	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
	"github.com/barnabas-project/barnabas/pkg/worker"
)

// rateEnv is how many orders a second the tests below publish, three steps each.
// They log the figures of docs/design.md, "Recovery":
//
//	BARNABAS_TEST_RECOVERY_RATE=1000 deploy/kafka/local/kafka.sh run go test ./cmd/orchestrator -count=1 -parallel 1 -run Recovers -v
const rateEnv = "BARNABAS_TEST_RECOVERY_RATE"

func measuring() bool { return os.Getenv(rateEnv) != "" }

func orderRate(t *testing.T) int {
	t.Helper()
	if !measuring() {
		return 50
	}
	rate, err := strconv.Atoi(os.Getenv(rateEnv))
	require.NoError(t, err, rateEnv)
	return rate
}

// load publishes orders at a steady rate and remembers when each was sent, and to
// which partition, which says at whose home it begins.
type load struct {
	rate   int
	mu     sync.Mutex
	orders map[string]*sentOrder
	stop   func() []string // gives the keys of all
}

type sentOrder struct {
	at        time.Time
	partition int32
}

func (s *site) startLoad(t *testing.T, rate int) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	l := &load{rate: rate, orders: make(map[string]*sentOrder)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for began, n := time.Now(), 0; ctx.Err() == nil; <-tick.C {
			for ; n < int(time.Since(began).Seconds()*float64(rate)); n++ {
				l.send(s, fmt.Sprintf("order-%06d", n))
			}
		}
	}()
	l.stop = func() (keys []string) {
		cancel()
		<-ended
		require.NoError(t, s.kafka.Flush(context.Background()))
		for key := range l.orders {
			keys = append(keys, key)
		}
		return keys
	}
	return l
}

func (l *load) send(s *site, key string) {
	o := &sentOrder{at: time.Now()}
	l.mu.Lock()
	l.orders[key] = o
	l.mu.Unlock()
	s.kafka.Produce(context.Background(), s.message("ordered", key), func(r *kgo.Record, _ error) { // Flush finds an error
		l.mu.Lock()
		defer l.mu.Unlock()
		o.partition = r.Partition
	})
}

// recovery is how processing went on after something had died.
type recovery struct {
	progress   time.Duration // until orders have ended at every home: any, if all stood still, else some published after the strike
	throughput time.Duration // until nine tenths of the rate end within a second
	backlog    time.Duration // until no order waits for longer than a second any more
	longest    time.Duration // that an order waited
}

func (r recovery) String() string {
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	return fmt.Sprintf("progress at every home after %s, 90 %% throughput after %s, no backlog after %s; longest wait of an order %s",
		round(r.progress), round(r.throughput), round(r.backlog), round(r.longest))
}

// recovery measures from a moment on, which is when something died or came back,
// what became of the orders published since the strike. All orders must have ended.
func (l *load) recovery(b *book, strike, from time.Time) (r recovery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	stoodStill := from.Sub(strike) > time.Second
	first := make(map[int32]time.Time) // ends of orders of a partition
	var ends []time.Time
	for _, i := range b.instances {
		o := l.orders[i.BusinessKey]
		ends = append(ends, i.endedAt)
		counts := o.at.After(strike) || stoodStill && i.endedAt.After(from)
		if counts && (first[o.partition].IsZero() || i.endedAt.Before(first[o.partition])) {
			first[o.partition] = i.endedAt
		}
		wait := i.endedAt.Sub(o.at)
		if wait > time.Second && i.endedAt.After(from) {
			r.backlog = max(r.backlog, i.endedAt.Sub(from))
		}
		if i.endedAt.After(strike) {
			r.longest = max(r.longest, wait)
		}
	}
	for _, at := range first {
		r.progress = max(r.progress, at.Sub(from))
	}
	for r.throughput = r.progress; ; r.throughput += 50 * time.Millisecond {
		within, begins := 0, from.Add(r.throughput)
		for _, end := range ends {
			if end.After(begins) && end.Before(begins.Add(time.Second)) {
				within++
			}
		}
		if within*10 >= l.rate*9 || r.throughput > patience {
			return r
		}
	}
}

// casualty is something that dies under load. strike kills it, and answers from
// when on processing can go on.
type casualty struct {
	site    *site
	engines []*runningEngine
	relays  []*process
	strike  func() (from time.Time)
	within  time.Duration // processing goes on
}

// recovers puts load on a site, strikes, and checks that all goes on soon, that
// nothing is lost and nothing happens twice.
func (c *casualty) recovers(t *testing.T) {
	t.Helper()
	s := c.site
	c.engines[0].deploy(t, "two-tasks.bpmn")
	b := s.openBook(t)
	rate := orderRate(t)
	l := s.startLoad(t, rate)
	b.await(t, 3*rate)
	before := c.lines()
	strike := time.Now()
	from := c.strike()
	away := from.Sub(strike)
	settled := c.within + time.Second
	if measuring() {
		settled = 2*c.within + 5*time.Second
	}
	eventually(t, "time to settle", func() bool { return time.Since(from) > settled })
	keys := l.stop()
	b.settled(t, stepsOfTwoTasks, keys)
	r := l.recovery(b, strike, from)
	t.Logf("%s: %s; %d orders at %d/s, %d status records told again", t.Name(), r, len(keys), rate, b.repeated)
	for i, said := range c.lines() {
		if i < len(before) {
			said = said[len(before[i]):]
		}
		t.Logf("process %d wrote %d lines", i, len(said))
		require.Less(t, len(said), linesAtMost+int(away.Seconds()), strings.Join(said, "\n"))
		require.NotContains(t, strings.Join(said, "\n"), "please report this")
	}
	require.Less(t, r.progress, c.within+generous)
	require.Zero(t, s.consistent(t).Findings)
}

// linesAtMost are what a process may say about a death, the 8 homes it gives up
// and takes over, and what comes back; beyond that a line per second.
const linesAtMost = 60

// lines are what the processes have written so far.
func (c *casualty) lines() (all [][]string) {
	for _, e := range c.engines {
		all = append(all, strings.Split(e.output.String(), "\n"))
	}
	for _, r := range c.relays {
		all = append(all, strings.Split(r.output.String(), "\n"))
	}
	return all
}

func kill(t *testing.T, p *process, s os.Signal) { require.NoError(t, p.Process.Signal(s)) }

func TestRecoversFromAKilledEngine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t), s.startEngine(t)}, within: 5 * time.Second}
	share(t, c.engines...)
	s.startWorker(t, done, "first", "second")
	c.strike = func() time.Time {
		kill(t, c.engines[1].process, os.Kill)
		return time.Now()
	}
	c.recovers(t)
	require.InDelta(t, 1, metric(t, c.engines[0].address(t), "barnabas_members_removed_total"), 0)
	require.Len(t, c.engines[0].homes(t, 1), 8)
}

// The engine wakes up when another one owns its homes.
func TestRecoversFromAnEngineThatHangsAndWakesUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t), s.startEngine(t)}, within: 5 * time.Second}
	share(t, c.engines...)
	s.startWorker(t, done, "first", "second")
	woken := make(chan struct{})
	c.strike = func() time.Time {
		kill(t, c.engines[1].process, syscall.SIGSTOP)
		stopped := time.Now()
		go func() {
			defer close(woken)
			eventually(t, "its homes are taken over", func() bool { return len(c.engines[0].homes(t, 1)) == 8 && time.Since(stopped) > c.within })
			kill(t, c.engines[1].process, syscall.SIGCONT)
		}()
		return stopped
	}
	c.recovers(t)
	<-woken
	share(t, c.engines...)
}

func TestRecoversFromALoneEngineStartedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t)}, within: 5 * time.Second}
	s.startWorker(t, done, "first", "second")
	c.strike = func() time.Time {
		kill(t, c.engines[0].process, os.Kill)
		c.engines = append(c.engines, s.launchEngine(t))
		return time.Now()
	}
	c.recovers(t)
}

func TestRecoversFromAKilledRelay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t, "--no-relay")}, within: 4 * time.Second}
	c.relays = []*process{s.startRelay(t), s.startRelay(t)}
	for _, r := range c.relays {
		eventually(t, "both relays hold homes", func() bool { return metric(t, r.address(t), `barnabas_relay_lease_changes_total{change="taken"}`) > 0 })
	}
	s.startWorker(t, done, "first", "second")
	c.strike = func() time.Time {
		kill(t, c.relays[0], os.Kill)
		return time.Now()
	}
	c.recovers(t)
}

func TestRecoversFromAKilledWorker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t)}, within: 10 * time.Second}
	s.startWorker(t, done, "first", "second")
	victim := s.startWorkerProcess(t)
	c.strike = func() time.Time {
		kill(t, victim, os.Kill)
		return time.Now()
	}
	c.recovers(t)
}

func TestRecoversFromAPostgresThatCrashes(t *testing.T) {
	t.Parallel()
	p, config := startPostgres(t)
	url, err := p.CreateDatabase(t.Context(), "recovery")
	require.NoError(t, err)
	config.Port = portOf(t, url)
	s := newSiteOn(t, devtest.Kafka(t), url)
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t), s.startEngine(t)}, within: 5 * time.Second}
	share(t, c.engines...)
	s.startWorker(t, done, "first", "second")
	c.strike = func() time.Time {
		require.NoError(t, syscall.Kill(postmaster(t, config.DataDir), syscall.SIGQUIT))
		<-p.Done()
		require.NoError(t, p.Close())
		stays(t, awayFor())
		again, err := dev.StartPostgres(t.Context(), config)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, again.Close()) })
		return time.Now()
	}
	c.recovers(t)
	for _, e := range c.engines {
		require.Zero(t, metric(t, e.address(t), "barnabas_members_removed_total"), "nobody could be heard")
	}
}

func startPostgres(t *testing.T) (*dev.Postgres, dev.PostgresConfig) {
	t.Helper()
	config := dev.PostgresConfig{DataDir: t.TempDir()}
	p, err := dev.StartPostgres(t.Context(), config)
	require.NoError(t, err)
	return p, config
}

func TestRecoversFromABrokerThatCrashes(t *testing.T) {
	t.Parallel()
	k := startBroker(t)
	s := newSiteOn(t, []string{k.address}, devtest.Postgres(t))
	c := &casualty{site: s, engines: []*runningEngine{s.startEngine(t), s.startEngine(t)}, within: 5 * time.Second}
	share(t, c.engines...)
	s.startWorker(t, done, "first", "second")
	c.strike = func() time.Time {
		k.kill(t)
		stays(t, awayFor())
		return k.startAgain(t)
	}
	c.recovers(t)
}

// awayFor is, when figures are wanted, long enough that every pause between tries
// is as long as it gets, and that sessions end.
func awayFor() time.Duration {
	if measuring() {
		return 15 * time.Second
	}
	return 3 * time.Second
}

func stays(t *testing.T, away time.Duration) {
	t.Helper()
	began := time.Now()
	eventually(t, "away for a while", func() bool { return time.Since(began) > away })
}

// broker is a Kafka of a test's own: a real one where the tests run on a real one.
type broker struct {
	address    string
	kill       func(*testing.T)
	startAgain func(*testing.T) (accepts time.Time)
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	if os.Getenv("BARNABAS_TEST_BROKERS") != "" {
		return startRealBroker(t)
	}
	config := dev.KafkaConfig{DataDir: t.TempDir()}
	k, err := dev.StartKafka(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { k.Close() })
	b := &broker{address: k.Brokers()[0]}
	_, port, err := net.SplitHostPort(b.address)
	require.NoError(t, err)
	config.Port, err = strconv.Atoi(port)
	require.NoError(t, err)
	b.kill = func(*testing.T) { k.Close() }
	b.startAgain = func(t *testing.T) time.Time {
		k, err = dev.StartKafka(t.Context(), config)
		require.NoError(t, err)
		return time.Now()
	}
	return b
}

func startRealBroker(t *testing.T) *broker {
	t.Helper()
	folder := t.TempDir()
	address, err := freeAddress()
	require.NoError(t, err)
	controller, err := freeAddress()
	require.NoError(t, err)
	script := func(verb string) {
		command := exec.Command("../../deploy/kafka/local/kafka.sh", verb)
		command.Env = append(os.Environ(), "KAFKA_DATA="+folder, "KAFKA_HEAP=512m",
			"KAFKA_PORT="+address[strings.LastIndex(address, ":")+1:], "KAFKA_CONTROLLER_PORT="+controller[strings.LastIndex(controller, ":")+1:])
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	script("up")
	t.Cleanup(func() { script("down") })
	return &broker{
		address: address,
		kill: func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "kafka.pid"))
			require.NoError(t, err)
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			eventually(t, "the broker is gone", func() bool { return !accepts(address) })
		},
		startAgain: func(t *testing.T) time.Time {
			up := make(chan struct{})
			go func() { defer close(up); script("up") }()
			eventually(t, "the broker accepts connections", func() bool { return accepts(address) })
			at := time.Now()
			<-up
			return at
		},
	}
}

// soon is how long the clients of the tests themselves wait between tries.
func soon(int) time.Duration { return 100 * time.Millisecond }

func accepts(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	return err == nil && conn.Close() == nil
}

// asWorker makes this binary a worker instead of its tests: its brokers, and the
// prefix of its topics.
const asWorker = "BARNABAS_TEST_AS_WORKER"

func (s *site) startWorkerProcess(t *testing.T) *process {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), asWorker+"="+strings.Join(append(s.brokers, s.names.Prefix), " "))
	return startProcess(t, command)
}

// work answers tasks until the process is killed.
func work(site string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	words := strings.Fields(site)
	last := len(words) - 1
	if err := worker.Run(ctx, workerConfig(words[:last], wire.Names{Prefix: words[last]}, done, "first", "second")); err != nil {
		panic(err)
	}
}
