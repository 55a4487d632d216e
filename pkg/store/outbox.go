package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// OutboxSlots is the number of outbox tables that rotate.
const OutboxSlots = 3

// OutboxRow holds all records of one batch (wire.Pack).
type OutboxRow struct {
	Seq  int64
	At   time.Time // when its transaction began, by the database's clock
	Data []byte
}

// OutboxRead says which rows of a home to read: those after After, at most Rows of them, no more once they sum up to Bytes as stored (in
// memory they may be ten times as large). At least one row is read, however large.
type OutboxRead struct {
	Home  int32
	After int64
	Rows  int64
	Bytes int64
}

// All three tables are read in one statement, hence in one snapshot: rows of a home commit in the order of their numbers, so a snapshot
// that has a row has all before it, wherever they are. The range instead of a LIMIT keeps the plan to three index ranges. The sum uses
// lengths, which are known without fetching the data.
const readOutbox = `
SELECT seq, at, data FROM (
    SELECT seq, at, data, sum(octet_length(data)) OVER (ORDER BY seq) - octet_length(data) AS bytes_before
    FROM (SELECT seq, at, data FROM outbox_0 WHERE home = $1 AND seq > $2 AND seq <= $3
          UNION ALL SELECT seq, at, data FROM outbox_1 WHERE home = $1 AND seq > $2 AND seq <= $3
          UNION ALL SELECT seq, at, data FROM outbox_2 WHERE home = $1 AND seq > $2 AND seq <= $3) rows_of_home
) summed WHERE bytes_before < $4 ORDER BY seq`

// ReadOutbox reads rows of a home in the order of their numbers. It returns the unbroken run that follows q.After: a missing number means
// that the row can't be seen yet, and nothing after it may be published before it.
func (s *Store) ReadOutbox(ctx context.Context, q OutboxRead) ([]OutboxRow, error) {
	rows, err := s.Pool.Query(ctx, readOutbox, q.Home, q.After, q.After+q.Rows, q.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read outbox of home %d after %d: %w", q.Home, q.After, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OutboxRow])
	if err != nil {
		return nil, fmt.Errorf("read outbox of home %d after %d: %w", q.Home, q.After, err)
	}
	for i := range found {
		if found[i].Seq != q.After+int64(i)+1 {
			return found[:i], nil
		}
		if found[i].Data, err = decompress(found[i].Data, maxOutboxRow); err != nil {
			return found[:i], unlessRead(i, fmt.Errorf("read outbox row %d of home %d: %w", found[i].Seq, q.Home, err))
		}
	}
	return found, nil
}

// unlessRead keeps an error back while there are rows before it to go on with.
func unlessRead(rows int, err error) error {
	if rows > 0 {
		return nil
	}
	return err
}

// OutboxLag tells what a home's outbox holds after a position.
type OutboxLag struct {
	Home int32
	Last int64         // highest number in the outbox
	Rows int64         // after the position
	Age  time.Duration // of the first row after the position; -1: that row can't be seen though later ones can
}

const lagOutbox = `
SELECT p.home, last.seq, last.seq - p.after, coalesce(extract(epoch FROM now() - first.at), -1)::float8
FROM (SELECT home, CASE WHEN after < 0 THEN coalesce((SELECT published_seq FROM relay_shard r WHERE r.home = a.home), 0) ELSE after END
      FROM unnest($1::int[], $2::bigint[]) a(home, after)) p(home, after)
CROSS JOIN LATERAL (SELECT greatest((SELECT max(seq) FROM outbox_0 WHERE home = p.home),
                                    (SELECT max(seq) FROM outbox_1 WHERE home = p.home),
                                    (SELECT max(seq) FROM outbox_2 WHERE home = p.home)) seq) last
LEFT JOIN LATERAL (SELECT at FROM outbox_0 WHERE home = p.home AND seq = p.after + 1
                   UNION ALL SELECT at FROM outbox_1 WHERE home = p.home AND seq = p.after + 1
                   UNION ALL SELECT at FROM outbox_2 WHERE home = p.home AND seq = p.after + 1) first ON true
WHERE last.seq > p.after`

// LagOutbox looks at many homes at once; after[i] is the position in homes[i], or -1 for what is stored as published. Homes with nothing
// after their position are left out.
func (s *Store) LagOutbox(ctx context.Context, homes []int32, after []int64) ([]OutboxLag, error) {
	rows, err := s.Pool.Query(ctx, lagOutbox, homes, after)
	if err != nil {
		return nil, fmt.Errorf("look for outbox rows of %d homes: %w", len(homes), err)
	}
	lags, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (lag OutboxLag, err error) {
		var seconds float64
		err = row.Scan(&lag.Home, &lag.Last, &lag.Rows, &seconds)
		lag.Age = time.Duration(seconds * float64(time.Second))
		return lag, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for outbox rows of %d homes: %w", len(homes), err)
	}
	return lags, nil
}

// OutboxTables tells the state of the rotation.
type OutboxTables struct {
	Active int                // slot that is written to
	Lowest int32              // lowest home known to relays, whose relay does the rotation; -1: none
	Bytes  [OutboxSlots]int64 // size of each table with index and large values; 0 only for a table without rows
}

// OutboxTables reads which table is written to and how large all are.
func (s *Store) OutboxTables(ctx context.Context) (t OutboxTables, err error) {
	err = s.Pool.QueryRow(ctx, `
SELECT slot, coalesce((SELECT min(home) FROM relay_shard), -1), heap_0 + (heap_0 > 0)::int * pg_total_relation_size('outbox_0'),
             heap_1 + (heap_1 > 0)::int * pg_total_relation_size('outbox_1'),
             heap_2 + (heap_2 > 0)::int * pg_total_relation_size('outbox_2')
FROM outbox_active, (SELECT pg_relation_size('outbox_0') heap_0, pg_relation_size('outbox_1') heap_1, pg_relation_size('outbox_2') heap_2) heaps`,
	).Scan(&t.Active, &t.Lowest, &t.Bytes[0], &t.Bytes[1], &t.Bytes[2])
	if err != nil {
		return t, fmt.Errorf("read sizes of the outbox: %w", err)
	}
	return t, nil
}

// SwitchOutbox makes writers use another table. Those that have not noticed yet go on with the old one for a batch, which does no harm.
// It reports false if the active table is not from any more.
func (s *Store) SwitchOutbox(ctx context.Context, from, to int) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `UPDATE outbox_active SET slot = $2 WHERE slot = $1`, from, to)
	if err != nil {
		return false, fmt.Errorf("switch outbox from %d to %d: %w", from, to, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Why an outbox table can't be truncated now.
var (
	ErrOutboxUnpublished = errors.New("outbox table holds rows that are not published")
	ErrOutboxLocked      = errors.New("outbox table is being read or written")
)

// TruncateOutbox empties a retired table, or changes nothing and returns ErrOutboxUnpublished or ErrOutboxLocked.
//
// While it waits for those who read or write the table just now, everybody else queues up behind it. So it waits for short transactions
// only, and 100 ms at most. Before anything else it looks whether there is anything to gain.
func (s *Store) TruncateOutbox(ctx context.Context, slot int) error {
	table := "outbox_" + strconv.Itoa(slot)
	err := checkPublished(ctx, s.Pool, table)
	if err == nil {
		err = checkHolders(ctx, s.Pool, table)
	}
	if err == nil {
		err = pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			return truncateOutbox(ctx, tx, table)
		})
	}
	if err != nil {
		return fmt.Errorf("truncate %s: %w", table, err)
	}
	return nil
}

func truncateOutbox(ctx context.Context, tx pgx.Tx, table string) error {
	if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '100ms'`); err != nil {
		return err
	}
	// Whoever wrote to the table has committed once the lock is ours, and whoever will write waits: the check sees every row.
	if _, err := tx.Exec(ctx, `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return lockRefusal(err)
	}
	if err := checkPublished(ctx, tx, table); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `TRUNCATE `+table)
	return err
}

// checkHolders returns ErrOutboxLocked if a transaction that began more than a second ago has used the table, or one that we are not
// allowed to know about.
func checkHolders(ctx context.Context, db querier, table string) error {
	var held bool
	err := db.QueryRow(ctx, `
SELECT EXISTS (SELECT FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
               WHERE l.locktype = 'relation' AND l.relation = $1::regclass AND l.granted
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND coalesce(a.xact_start < clock_timestamp() - interval '1 second', true))`, table).Scan(&held)
	if err == nil && held {
		return ErrOutboxLocked
	}
	return err
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// checkPublished returns ErrOutboxUnpublished if the table has a row beyond what is published of its home. It steps from home to home through
// the index instead of reading the table.
func checkPublished(ctx context.Context, db querier, table string) error {
	var unpublished bool
	err := db.QueryRow(ctx, `
WITH RECURSIVE homes AS (
    (SELECT home FROM `+table+` ORDER BY home LIMIT 1)
    UNION ALL
    SELECT (SELECT o.home FROM `+table+` o WHERE o.home > h.home ORDER BY o.home LIMIT 1) FROM homes h WHERE h.home IS NOT NULL
)
SELECT EXISTS (SELECT FROM homes h WHERE h.home IS NOT NULL AND EXISTS (
    SELECT FROM `+table+` o
    WHERE o.home = h.home AND o.seq > coalesce((SELECT r.published_seq FROM relay_shard r WHERE r.home = h.home), 0)))`,
	).Scan(&unpublished)
	if err == nil && unpublished {
		return ErrOutboxUnpublished
	}
	return err
}

// lockRefusal translates "lock not available" to ErrOutboxLocked.
func lockRefusal(err error) error {
	const lockNotAvailable = "55P03"
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == lockNotAvailable {
		return ErrOutboxLocked
	}
	return err
}
