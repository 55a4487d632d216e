package load

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Instance is what the status topic said last of an instance.
type Instance struct {
	ID          string    `json:"instanceId"`
	Process     string    `json:"processId"`
	BusinessKey string    `json:"businessKey"`
	Sequence    int64     `json:"sequence"`
	State       string    `json:"state"`
	Time        time.Time `json:"time"`
	At          []struct {
		Element string `json:"element"`
	} `json:"at"`
}

// Ended says whether the instance is over, in whatever way.
func (i Instance) Ended() bool { return i.State != "active" && i.State != "parked" }

func (i Instance) String() string {
	at := ""
	for _, p := range i.At {
		at += " " + p.Element
	}
	return fmt.Sprintf("%s %s (%s): %s, sequence %d since %s, at%s", i.Process, i.BusinessKey, i.ID, i.State, i.Sequence, i.Time.Format(time.TimeOnly), at)
}

// Watch follows the status topic.
type Watch struct {
	kafka   *kgo.Client
	reading sync.WaitGroup
	stop    context.CancelFunc

	mu        sync.Mutex
	instances map[string]Instance
	ended     int
	hops      int   // answered by now
	steps     int64 // status records, each once
}

// NewWatch follows the status topic of the brokers from its beginning.
func NewWatch(brokers string) (*Watch, error) {
	kafka, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumeTopics(wire.Names{}.Status()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(time.Second), kgo.FetchMaxWait(200*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Watch{kafka: kafka, stop: stop, instances: make(map[string]Instance)}
	w.reading.Go(func() {
		for ctx.Err() == nil {
			kafka.PollFetches(ctx).EachRecord(w.see)
		}
	})
	return w, nil
}

func (w *Watch) see(r *kgo.Record) {
	var i Instance
	if json.Unmarshal(r.Value, &i) != nil {
		return // the checker finds it in the dump
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.instances[i.ID]
	if i.Sequence <= last.Sequence {
		return // told again
	}
	w.steps++
	if i.Process == Echo && i.Sequence > 1 {
		w.hops++
	}
	if i.Ended() && !last.Ended() || i.Ended() && last.ID == "" {
		w.ended++
	}
	w.instances[i.ID] = i
}

// Hops is how many hops of chains the engine has taken in.
func (w *Watch) Hops() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hops
}

// Steps is how many steps instances have made.
func (w *Watch) Steps() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps
}

// Ended is how many instances have ended.
func (w *Watch) Ended() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// Chains gives the sequences of the chains by their keys.
func (w *Watch) Chains() map[string]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	chains := make(map[string]int64)
	for _, i := range w.instances {
		if i.Process == Echo {
			chains[i.BusinessKey] = max(chains[i.BusinessKey], i.Sequence)
		}
	}
	return chains
}

// Waiting are the instances that should have gone on and have not: those of sent
// that have not ended or were never seen, and chains that are not past before.
func (w *Watch) Waiting(sent []Sent, before map[string]int64) (waiting []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	byKey := make(map[string]Instance, len(w.instances))
	for _, i := range w.instances {
		byKey[i.Process+" "+i.BusinessKey] = i
	}
	for _, m := range sent {
		if m.Process == "" {
			continue
		}
		i, seen := byKey[m.Process+" "+m.Key]
		sequence, chain := before[m.Key]
		switch {
		case !seen:
			waiting = append(waiting, fmt.Sprintf("%s %s: never seen", m.Process, m.Key))
		case i.Ended(), m.Process == Echo && chain && i.Sequence > sequence:
		default:
			waiting = append(waiting, i.String())
		}
	}
	slices.Sort(waiting)
	return waiting
}

// Close ends the watch.
func (w *Watch) Close() {
	w.stop()
	w.reading.Wait()
	w.kafka.Close()
}
