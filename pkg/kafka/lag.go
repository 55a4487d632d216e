package kafka

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
)

// lagEvery is how often the cluster is asked where topics end. Fetches know it
// too, but not of partitions that are paused, which are those that lag. An answer
// that takes longer than lagWithin is none.
const (
	lagEvery  = time.Second
	lagWithin = 3 * time.Second
)

// lag measures how many records of each owned input partition are not decided.
type lag struct {
	gauge *prometheus.GaugeVec

	mu      sync.Mutex
	decided map[string]map[int32]int64 // offset of the first record that is not
}

func newLag(registry prometheus.Registerer) *lag {
	l := &lag{decided: make(map[string]map[int32]int64), gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "barnabas_consumer_lag_records",
		Help: "Records of an input partition of a home owned here that are not decided yet, as of the last second.",
	}, []string{"topic", "partition"})}
	if registry != nil {
		registry.MustRegister(l.gauge)
	}
	return l
}

// moved notes the offsets of the next records to decide.
func (l *lag) moved(offsets map[TopicPartition]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, offset := range offsets {
		if l.decided[p.Topic] == nil {
			l.decided[p.Topic] = make(map[int32]int64)
		}
		l.decided[p.Topic][p.Partition] = max(offset, 0)
	}
}

// forget leaves partitions to their new owner.
func (l *lag) forget(topic string, partitions []int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range partitions {
		delete(l.decided[topic], p)
		l.gauge.DeleteLabelValues(topic, strconv.Itoa(int(p)))
	}
}

// measureLag measures until ctx is done, and so learns whether the cluster answers.
func (s *session) measureLag(ctx context.Context) {
	topics := slices.Collect(maps.Keys(s.topology.topics))
	tick := time.NewTicker(lagEvery)
	defer tick.Stop()
	for {
		ends, err := s.ends(ctx, topics)
		if ctx.Err() != nil {
			return
		}
		s.config.Reached(err)
		if err == nil {
			s.lag.measure(ends)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ends asks where topics end.
func (s *session) ends(ctx context.Context, topics []string) (kadm.ListedOffsets, error) {
	ctx, cancel := answerWithin(ctx, lagWithin)
	defer cancel()
	ends, err := s.admin.ListEndOffsets(ctx, topics...)
	return ends, unanswered(ctx, err)
}

func (l *lag) measure(ends kadm.ListedOffsets) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic, partitions := range l.decided {
		for p, decided := range partitions {
			if end, found := ends.Lookup(topic, p); found && end.Err == nil {
				l.gauge.WithLabelValues(topic, strconv.Itoa(int(p))).Set(float64(max(end.Offset-decided, 0)))
			}
		}
	}
}
