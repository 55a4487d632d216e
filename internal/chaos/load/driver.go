package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Sent is a message the driver sent. Starts of processes are told from others by
// their process.
type Sent struct {
	ID      string // message id
	Name    string
	Key     string // correlation key, and business key of what it starts
	Process string // that it starts, or ""
	Verdict string // of claims: how they are to end
}

// Driver sends messages.
type Driver struct {
	names wire.Names
	kafka *kgo.Client

	later sync.WaitGroup // messages whose time has not come

	mu     sync.Mutex
	sent   []Sent
	failed []error
}

// NewDriver makes a driver for the brokers.
func NewDriver(brokers string) (*Driver, error) {
	// Records wait as long as brokers are away: without limit, and never twice.
	kafka, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.MetadataMinAge(100*time.Millisecond), kgo.UnknownTopicRetries(-1))
	if err != nil {
		return nil, fmt.Errorf("driver: %w", err)
	}
	return &Driver{kafka: kafka}, nil
}

// Chains begins n chains, half of them with workers of each language.
func (d *Driver) Chains(n int) {
	for i := range n {
		language := "go"
		if i%2 == 1 {
			language = "python"
		}
		d.send(Sent{Name: "echo-begun", Key: fmt.Sprintf("chain-%04d", i), Process: Echo}, `{"hop":0,"language":"`+language+`","stop":false}`)
	}
}

// Run starts perSecond short processes until ctx ends, of all kinds in turn.
func (d *Driver) Run(ctx context.Context, perSecond int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	kinds := Processes()[1:]
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			process := kinds[i%len(kinds)]
			d.begin(process, fmt.Sprintf("%s-%06d", process, i/len(kinds)), random)
		}
	}
}

// begin starts an instance with what it needs to end.
func (d *Driver) begin(process, key string, random *rand.Rand) {
	start := Sent{Name: process + "-begun", Key: key, Process: process}
	more := ""
	switch process {
	case Timer:
		more = fmt.Sprintf(`,"after":"PT%.1fS"`, 0.5+random.Float64()*20)
	case Claim:
		start.Verdict = []string{"pay", "refuse", "flaky"}[random.IntN(3)]
		more = fmt.Sprintf(`,"verdict":%q`, start.Verdict)
	case Interrupt:
		more = fmt.Sprintf(`,"hold":%d`, random.IntN(5000))
		d.sendAfter(time.Duration(random.IntN(6000))*time.Millisecond, Sent{Name: "withdrawal", Key: key})
	case Race:
		d.race(key, start, random)
		return
	}
	d.send(start, fmt.Sprintf(`{"key":%q%s}`, key, more))
}

// race sends the messages of a race in any order, within a second or all at
// once, some of them twice.
func (d *Driver) race(key string, start Sent, random *rand.Rand) {
	spread := []int{1, 20, 1000}[random.IntN(3)]
	for _, m := range []Sent{start, {Name: "race-one", Key: key}, {Name: "race-two", Key: key}} {
		d.sendAfter(time.Duration(random.IntN(spread))*time.Millisecond, m)
		if random.IntN(4) == 0 {
			d.sendAfter(time.Duration(random.IntN(2000))*time.Millisecond, m)
		}
	}
}

// sendAfter sends a message after a while.
func (d *Driver) sendAfter(after time.Duration, m Sent) {
	d.note(m)
	d.later.Add(1)
	time.AfterFunc(after, func() {
		defer d.later.Done()
		d.produce(m, fmt.Sprintf(`{"key":%q}`, m.Key))
	})
}

func (d *Driver) send(m Sent, value string) {
	d.note(m)
	d.produce(m, value)
}

// note remembers a message before it is sent: what is sent twice is one.
func (d *Driver) note(m Sent) {
	m.ID = id(m)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent = append(d.sent, m)
}

func id(m Sent) string { return m.Name + ":" + m.Key }

func (d *Driver) produce(m Sent, value string) {
	d.kafka.Produce(context.Background(), &kgo.Record{Topic: d.names.Messages(), Key: []byte(m.Key), Value: []byte(value), Headers: []kgo.RecordHeader{
		{Key: wire.HeaderMessageName, Value: []byte(m.Name)}, {Key: wire.HeaderMessageID, Value: []byte(id(m))},
	}}, func(_ *kgo.Record, err error) {
		if err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.failed = append(d.failed, fmt.Errorf("send message %s: %w", id(m), err))
		}
	})
}

// Sent are all messages, each once, when Kafka has them; Run must have ended. The
// error is that of a message that could not be sent: the run is worth nothing then.
func (d *Driver) Sent(ctx context.Context) ([]Sent, error) {
	d.later.Wait()
	if err := d.kafka.Flush(ctx); err != nil {
		return nil, fmt.Errorf("wait until all messages are sent: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known := make(map[string]bool, len(d.sent))
	var once []Sent
	for _, m := range d.sent {
		if !known[m.ID] {
			known[m.ID] = true
			once = append(once, m)
		}
	}
	if len(d.failed) > 0 {
		return nil, d.failed[0]
	}
	return once, nil
}

// Close gives up what is not sent.
func (d *Driver) Close() { d.kafka.Close() }
