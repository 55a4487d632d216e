package kafka

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"go.uber.org/zap"
)

// lagEvery is how often the cluster is asked where topics end. Fetches know it
// too, but not of partitions that are paused, which are those that lag.
const lagEvery = 5 * time.Second

// lag measures how many records of each owned input partition are not decided.
type lag struct {
	gauge *prometheus.GaugeVec

	mu      sync.Mutex
	decided map[string]map[int32]int64 // offset of the first record that is not
}

func newLag(registry prometheus.Registerer) *lag {
	l := &lag{decided: make(map[string]map[int32]int64), gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "barnabas_consumer_lag_records",
		Help: "Records of an input partition of a home owned here that are not decided yet, as of the last 5 s.",
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

// watch measures until ctx is done.
func (l *lag) watch(ctx context.Context, admin *kadm.Client, topics []string, log *zap.Logger) {
	tick := time.NewTicker(lagEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ends, err := admin.ListEndOffsets(ctx, topics...)
		if err != nil {
			log.Debug("ends of input topics can't be read: lag is not measured", zap.Error(err))
			continue
		}
		l.measure(ends)
	}
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
