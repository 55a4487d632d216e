package relay

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// watcher looks regularly for rows that are committed and not published: it wakes homes that were not offered them, and tells the operator
// when rows grow old.
type watcher struct {
	relay   *Relay
	lagging map[int32]bool      // homes whose gauges are not 0
	gaps    map[int32]time.Time // since when a row of the home is missing
	alarmed map[int32]time.Time // when the home was logged last
}

// alarmEvery is how often the same home is logged.
const alarmEvery = time.Minute

func (w *watcher) run(ctx context.Context) {
	ticker := time.NewTicker(w.relay.cfg.WatchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		lags, err := w.look(ctx)
		if err == nil { // the keeper reports a database that is away
			w.report(lags)
		}
	}
}

// look asks for all homes the relay wants or holds.
func (w *watcher) look(ctx context.Context) ([]store.OutboxLag, error) {
	homes := append(slices.Clone(w.relay.keeper.wished().homes), w.relay.Held()...)
	slices.Sort(homes)
	homes = slices.Compact(homes)
	after := make([]int64, len(homes))
	for i, home := range homes {
		after[i] = -1
		if s := w.relay.shard(home); s != nil {
			after[i] = s.acked()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return w.relay.cfg.Store.LagOutbox(ctx, homes, after)
}

func (w *watcher) report(lags []store.OutboxLag) {
	seen := make(map[int32]bool, len(lags))
	for _, lag := range lags {
		seen[lag.Home] = true
		if s := w.relay.shard(lag.Home); s != nil {
			s.learn(lag)
		}
		w.measure(lag)
	}
	for home := range w.lagging {
		if !seen[home] {
			w.relay.metrics.lag(home, 0, 0)
			delete(w.gaps, home)
		}
	}
	w.lagging = seen
	w.relay.metrics.gaps.Set(float64(len(w.gaps)))
}

// measure sets the gauges of a home and logs it when its rows are too old.
func (w *watcher) measure(lag store.OutboxLag) {
	age := lag.Age
	if age >= 0 {
		delete(w.gaps, lag.Home)
	} else {
		if _, known := w.gaps[lag.Home]; !known {
			w.gaps[lag.Home] = time.Now()
		}
		age = time.Since(w.gaps[lag.Home])
	}
	w.relay.metrics.lag(lag.Home, lag.Rows, age)
	if age <= w.relay.cfg.AlarmAge || time.Since(w.alarmed[lag.Home]) < alarmEvery {
		return
	}
	w.alarmed[lag.Home] = time.Now()
	fields := []zap.Field{zap.Int32("home", lag.Home), zap.Int64("rows", lag.Rows), zap.Duration("age", age), zap.Int64("last_seq", lag.Last)}
	if lag.Age < 0 {
		w.relay.cfg.Logger.Error("an outbox row is missing, the home waits for it; if it was removed by hand, set relay_shard.published_seq to its number while no relay runs",
			append(fields, zap.Int64("missing_seq", lag.Last-lag.Rows+1))...)
		return
	}
	w.relay.cfg.Logger.Warn("outbox rows are committed and not published", fields...)
}

func (m *metrics) lag(home int32, rows int64, age time.Duration) {
	label := strconv.Itoa(int(home))
	m.lagRows.WithLabelValues(label).Set(float64(rows))
	m.lagSeconds.WithLabelValues(label).Set(age.Seconds())
}

// poll looks for new rows when nobody offers them, the less often the less there is.
func (r *Relay) poll(ctx context.Context) {
	timer := time.NewTimer(r.cfg.PollMin)
	defer timer.Stop()
	pause := r.cfg.PollMin
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		pause = min(2*pause, r.cfg.PollMax)
		if r.pollOnce(ctx) {
			pause = r.cfg.PollMin
		}
		timer.Reset(pause)
	}
}

// pollOnce tells whether there was anything new.
func (r *Relay) pollOnce(ctx context.Context) (news bool) {
	shards := r.held()
	if len(shards) == 0 {
		return false
	}
	homes, after := make([]int32, len(shards)), make([]int64, len(shards))
	for i, s := range shards {
		homes[i], after[i] = s.lease.Home, s.position()
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	lags, err := r.cfg.Store.LagOutbox(ctx, homes, after)
	if err != nil {
		return false // the keeper reports a database that is away
	}
	for _, lag := range lags {
		if s := r.shard(lag.Home); s != nil && lag.Age >= 0 {
			s.learn(lag)
			news = true
		}
	}
	return news
}
