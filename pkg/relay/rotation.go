package relay

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// rotation retires the active outbox table when it is large or old, and truncates retired ones. The relay that holds the lowest home does
// it; that two do it at once for a moment harms nothing, for the tables' locks decide.
type rotation struct {
	relay    *Relay
	active   int
	since    time.Time // when the active table was first seen with rows in it
	reported bool      // a problem was logged
}

func (o *rotation) run(ctx context.Context) {
	ticker := time.NewTicker(o.relay.cfg.RotateCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := o.turn(ctx)
		if err != nil && !o.reported && ctx.Err() == nil {
			o.relay.cfg.Logger.Warn("rotation of the outbox is interrupted", zap.Error(err))
		}
		o.reported = err != nil
	}
}

func (o *rotation) turn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tables, err := o.relay.cfg.Store.OutboxTables(ctx)
	if err != nil || o.relay.shard(tables.Lowest) == nil {
		return err
	}
	for slot, bytes := range tables.Bytes {
		o.relay.metrics.tableBytes.WithLabelValues(strconv.Itoa(slot)).Set(float64(bytes))
	}
	if err := o.retire(ctx, tables); err != nil {
		return err
	}
	for slot, bytes := range tables.Bytes {
		if slot != tables.Active && bytes > 0 {
			err = errors.Join(err, o.truncate(ctx, slot))
		}
	}
	return err
}

// retire makes writers use an empty table when the active one has served its time. While there is no empty one, it goes on.
func (o *rotation) retire(ctx context.Context, tables store.OutboxTables) error {
	bytes := tables.Bytes[tables.Active]
	if bytes == 0 || tables.Active != o.active || o.since.IsZero() {
		o.active, o.since = tables.Active, time.Now()
	}
	if bytes == 0 || bytes < o.relay.cfg.RotateBytes && time.Since(o.since) < o.relay.cfg.RotateEvery {
		return nil
	}
	for step := 1; step < store.OutboxSlots; step++ {
		next := (tables.Active + step) % store.OutboxSlots
		if tables.Bytes[next] == 0 {
			_, err := o.relay.cfg.Store.SwitchOutbox(ctx, tables.Active, next)
			return err
		}
	}
	return nil
}

// truncate empties a retired table; while it can't be, it stays for the next turn.
func (o *rotation) truncate(ctx context.Context, slot int) error {
	err := o.relay.cfg.Store.TruncateOutbox(ctx, slot)
	if errors.Is(err, store.ErrOutboxUnpublished) || errors.Is(err, store.ErrOutboxLocked) {
		return nil
	}
	if err == nil {
		o.relay.metrics.truncations.Inc()
	}
	return err
}
