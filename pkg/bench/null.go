package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// NullConfig describes a null pipeline.
type NullConfig struct {
	Environment
	Tasks    int           // tasks of an instance, one after the other
	TaskType string        // of all tasks
	Batch    int           // inputs per transaction, default 1000
	Linger   time.Duration // of a busy producer, default 2 ms
}

// nullPipeline is the running null pipeline.
type nullPipeline struct {
	cfg      NullConfig
	homes    []*nullHome
	results  *kgo.Client
	messages *kgo.Client
	producer *kgo.Client
	sender   *sender
	db       *pgx.Conn // of the relay
	slot     atomic.Int32
	fail     context.CancelCauseFunc
}

// ServeNull runs the null pipeline until ctx is done. It owns the schema
// barnabas_null: created here, dropped at the end. The topics must exist and
// have as many partitions as there are homes. ready is called when it consumes.
func ServeNull(ctx context.Context, cfg NullConfig, ready func()) error {
	if cfg.Batch == 0 {
		cfg.Batch = 1000
	}
	if cfg.Linger == 0 {
		cfg.Linger = 2 * time.Millisecond
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	n := &nullPipeline{cfg: cfg, fail: fail}
	if err := n.open(ctx); err != nil {
		return errors.Join(err, n.close())
	}
	ready()
	err := n.run(ctx)
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return errors.Join(err, n.close())
}

func (n *nullPipeline) open(ctx context.Context) (err error) {
	if n.db, err = nullConnect(ctx, n.cfg.Database); err != nil {
		return err
	}
	if _, err := n.db.Exec(ctx, nullSchema); err != nil {
		return fmt.Errorf("create null schema: %w", err)
	}
	for home := range int32(n.cfg.Homes) {
		h, err := n.newHome(ctx, home)
		if err != nil {
			return err
		}
		n.homes = append(n.homes, h)
	}
	if n.results, err = n.consumer(n.cfg.Topics.Results); err != nil {
		return err
	}
	if n.messages, err = n.consumer(n.cfg.Topics.Messages); err != nil {
		return err
	}
	n.producer, err = newClient(n.cfg.Brokers,
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(n.cfg.Linger),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.MaxBufferedRecords(200_000),
	)
	n.sender = newSender(n.producer, n.cfg.Linger)
	return err
}

func (n *nullPipeline) newHome(ctx context.Context, home int32) (*nullHome, error) {
	conn, err := nullConnect(ctx, n.cfg.Database)
	if err != nil {
		return nil, err
	}
	if err := nullPrepare(ctx, conn.PgConn()); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, `INSERT INTO home (home, epoch) VALUES ($1, 1)`, home); err != nil {
		return nil, fmt.Errorf("claim null home %d: %w", home, err)
	}
	if _, err := conn.Exec(ctx, `INSERT INTO relay_shard (home) VALUES ($1)`, home); err != nil {
		return nil, fmt.Errorf("claim outbox of null home %d: %w", home, err)
	}
	if _, err := conn.Exec(ctx, `INSERT INTO input_offset (topic, partition, next_offset) VALUES ($1, $3, 0), ($2, $3, 0)`,
		n.cfg.Topics.Messages, n.cfg.Topics.Results, home); err != nil {
		return nil, fmt.Errorf("claim inputs of null home %d: %w", home, err)
	}
	db, err := newStatements(ctx, conn.PgConn())
	if err != nil {
		return nil, err
	}
	return &nullHome{
		n:       n,
		inbox:   newInbox(4 * n.cfg.Batch),
		db:      db,
		fence:   nullFenceAt{home: home, epoch: 1},
		records: newNullRecords(home, n.cfg.Topics, n.cfg.TaskType),
		ids:     newIDSource(),
		hot:     map[[16]byte]*nullInstance{},
		place:   kgo.StickyKeyPartitioner(nil).ForTopic(n.cfg.Topics.Status),
		outbox:  newOutbox(func(err error) { n.fail(fmt.Errorf("publish for null home %d: %w", home, err)) }),
		batch:   newNullBatch(),
	}, nil
}

// consumer reads all partitions of a topic from the beginning, without a group.
func (n *nullPipeline) consumer(topic string) (*kgo.Client, error) {
	at := map[int32]kgo.Offset{}
	for home := range int32(n.cfg.Homes) {
		at[home] = kgo.NewOffset().At(0)
	}
	return newClient(n.cfg.Brokers, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}))
}

func (n *nullPipeline) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, h := range n.homes {
		g.Go(func() error { return h.run(ctx) })
	}
	g.Go(func() error {
		return fetch(ctx, n.results, func(partition int32, rs []*kgo.Record) { n.homes[partition].inbox.putResults(rs) })
	})
	g.Go(func() error {
		return fetch(ctx, n.messages, func(partition int32, rs []*kgo.Record) { n.homes[partition].inbox.putStarts(ctx, rs) })
	})
	g.Go(func() error { return n.relay(ctx) })
	return g.Wait()
}

func (n *nullPipeline) close() error {
	for _, c := range []*kgo.Client{n.results, n.messages, n.producer} {
		if c != nil {
			c.Close()
		}
	}
	for _, h := range n.homes {
		_ = h.db.close() // nothing of it is needed any more
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if n.db != nil {
		_ = n.db.Close(ctx)
	}
	db, err := nullConnect(ctx, n.cfg.Database)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	if _, err := db.Exec(ctx, `DROP SCHEMA IF EXISTS barnabas_null CASCADE`); err != nil {
		return fmt.Errorf("drop null schema: %w", err)
	}
	return nil
}

// relay keeps the books of what is published and empties outbox tables: at
// most ten writes a second, which need not wait for the disk, since losing one
// only publishes a few records again.
func (n *nullPipeline) relay(ctx context.Context) error {
	if _, err := n.db.Exec(ctx, `SET synchronous_commit = off`); err != nil {
		return fmt.Errorf("set up null relay: %w", err)
	}
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for ticks := 1; ; ticks++ {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := n.savePublished(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		if ticks%10 == 0 {
			if err := n.rotate(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

func (n *nullPipeline) savePublished(ctx context.Context) error {
	homes, seqs := make([]int32, 0, len(n.homes)), make([]int64, 0, len(n.homes))
	for home, h := range n.homes {
		homes = append(homes, int32(home))
		seqs = append(seqs, h.outbox.publishedSeq())
	}
	_, err := n.db.Exec(ctx, `UPDATE relay_shard s SET published_seq = v.seq FROM unnest($1::int4[], $2::int8[]) v(home, seq)
		WHERE s.home = v.home AND s.published_seq < v.seq`, homes, seqs)
	if err != nil {
		return fmt.Errorf("save published positions: %w", err)
	}
	return nil
}

// rotate makes the next outbox table the active one and truncates the retired
// ones that hold nothing unpublished.
func (n *nullPipeline) rotate(ctx context.Context) error {
	active := (n.slot.Load() + 1) % 3
	n.slot.Store(active)
	for slot := range int32(3) {
		if slot == active {
			continue
		}
		if err := n.truncate(ctx, fmt.Sprintf("outbox_%d", slot)); err != nil {
			return err
		}
	}
	return nil
}

func (n *nullPipeline) truncate(ctx context.Context, table string) error {
	sql := strings.ReplaceAll(`SELECT count(*) FROM outbox o JOIN relay_shard s USING (home) WHERE o.seq > s.published_seq`, "outbox", table)
	return pgx.BeginFunc(ctx, n.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("lock %s: %w", table, err)
		}
		var unpublished int
		if err := tx.QueryRow(ctx, sql).Scan(&unpublished); err != nil {
			return fmt.Errorf("look into %s: %w", table, err)
		}
		if unpublished > 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, `TRUNCATE `+table); err != nil {
			return fmt.Errorf("truncate %s: %w", table, err)
		}
		return nil
	})
}
