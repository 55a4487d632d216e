package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// HomeState is what the database says of a home and its outbox, on one snapshot.
type HomeState struct {
	Home         int32
	Epoch        int64
	CommitSeq    int64
	OutboxSeq    int64 // last number given to an outbox row
	PublishedSeq int64 // all rows up to this one are published
	Leased       bool  // some relay publishes for it
	Missing      int64 // the first number between the two that has no row; 0: none
	Beyond       int64 // the highest number of a row, if it was never given; 0: none
	Oldest       int64 // seconds that the first row not published waits; 0: none does
}

// A table that is truncated meanwhile looks empty to this: who finds a number
// missing must look again.
const homeStates = `
SELECT h.home, h.epoch, h.commit_seq, h.outbox_seq, coalesce(r.published_seq, 0), coalesce(r.expires_at > now(), false),
       CASE WHEN n.rows < h.outbox_seq - coalesce(r.published_seq, 0) THEN
            (SELECT min(c.seq) FROM (SELECT coalesce(r.published_seq, 0) + 1 seq UNION ALL SELECT o.seq + 1 FROM outbox o WHERE o.home = h.home AND o.seq > coalesce(r.published_seq, 0)) c
             WHERE c.seq > coalesce(r.published_seq, 0) AND NOT EXISTS (SELECT FROM outbox o WHERE o.home = h.home AND o.seq = c.seq))
       ELSE 0 END,
       CASE WHEN n.last > h.outbox_seq THEN n.last ELSE 0 END, coalesce(extract(epoch FROM now() - n.oldest), 0)::bigint
FROM home h LEFT JOIN relay_shard r ON r.home = h.home
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE o.seq <= h.outbox_seq) rows, coalesce(max(o.seq), 0) last, min(o.at) oldest
                    FROM outbox o WHERE o.home = h.home AND o.seq > coalesce(r.published_seq, 0)) n
ORDER BY h.home`

// allOutbox are the three tables as one, keys only.
const allOutbox = `WITH outbox AS NOT MATERIALIZED (
    SELECT home, seq, at FROM outbox_0 UNION ALL SELECT home, seq, at FROM outbox_1 UNION ALL SELECT home, seq, at FROM outbox_2)`

// HomeStates reads all homes.
func (s *Store) HomeStates(ctx context.Context) ([]HomeState, error) {
	rows, err := s.Pool.Query(ctx, allOutbox+homeStates)
	if err != nil {
		return nil, fmt.Errorf("read homes: %w", err)
	}
	homes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[HomeState])
	if err != nil {
		return nil, fmt.Errorf("read homes: %w", err)
	}
	return homes, nil
}

// ScanOutbox hands the rows of a home after a number to each, at most limit of
// them, in the order of their numbers, whatever is missing between. A row that
// can't be decompressed comes without data and with the reason.
func (s *Store) ScanOutbox(ctx context.Context, home int32, after int64, limit int, each func(r OutboxRow, damaged error) error) error {
	rows, err := s.Pool.Query(ctx, `
SELECT seq, at, data FROM (SELECT * FROM outbox_0 UNION ALL SELECT * FROM outbox_1 UNION ALL SELECT * FROM outbox_2) o
WHERE home = $1 AND seq > $2 ORDER BY seq LIMIT $3`, home, after, limit)
	if err != nil {
		return fmt.Errorf("scan outbox of home %d: %w", home, err)
	}
	var r OutboxRow
	_, err = pgx.ForEachRow(rows, []any{&r.Seq, &r.At, &r.Data}, func() error {
		var damaged error
		r.Data, damaged = decompress(r.Data, maxOutboxRow)
		return each(r, damaged)
	})
	if err != nil {
		return fmt.Errorf("scan outbox of home %d: %w", home, err)
	}
	return nil
}

// Signs are single facts about the whole of a database.
type Signs struct {
	Engines   bool // some relay, of an engine or by itself, is at work
	Catalogue int  // rows of the table catalogue: should be 1
	Active    int  // rows of the table outbox_active: should be 1
	Forgotten bool // there are ids of messages that should have been forgotten an hour ago
	Future    bool // there are ids of messages noted an hour from now or later
}

// ReadSigns reads them; retention is how long ids of messages are kept, in seconds.
func (s *Store) ReadSigns(ctx context.Context, retention int64) (g Signs, err error) {
	err = s.Pool.QueryRow(ctx, `
SELECT EXISTS (SELECT FROM relay_shard WHERE expires_at > now()) OR EXISTS (SELECT FROM relay WHERE expires_at > now()),
       (SELECT count(*) FROM catalogue), (SELECT count(*) FROM outbox_active),
       EXISTS (SELECT FROM dedupe WHERE at < now() - ($1 + 3600) * interval '1 second'),
       EXISTS (SELECT FROM dedupe WHERE at > now() + interval '1 hour')`, retention).
		Scan(&g.Engines, &g.Catalogue, &g.Active, &g.Forgotten, &g.Future)
	if err != nil {
		return g, fmt.Errorf("read the state of the database: %w", err)
	}
	return g, nil
}

// Homeless are the homes that rows name but that no engine has ever owned.
func (s *Store) Homeless(ctx context.Context) ([]int32, error) {
	rows, err := s.Pool.Query(ctx, `
WITH RECURSIVE homes AS (
    (SELECT home FROM instance ORDER BY home LIMIT 1)
    UNION ALL
    SELECT (SELECT i.home FROM instance i WHERE i.home > h.home ORDER BY i.home LIMIT 1) FROM homes h WHERE h.home IS NOT NULL
)
SELECT home FROM homes WHERE home IS NOT NULL AND NOT EXISTS (SELECT FROM home h WHERE h.home = homes.home)
UNION SELECT t.home FROM start_timer t WHERE NOT EXISTS (SELECT FROM home h WHERE h.home = t.home) ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("look for homes without a row: %w", err)
	}
	homes, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("look for homes without a row: %w", err)
	}
	return homes, nil
}

// StaleTimer is a timer start event of a version that is not the latest.
type StaleTimer struct {
	Definition int64
	Node       int32
	ProcessID  string // "" if there is no such definition
	Version    int32
}

const staleTimer = `NOT EXISTS (SELECT FROM definition d WHERE d.id = t.definition
    AND NOT EXISTS (SELECT FROM definition l WHERE l.process_id = d.process_id AND l.version > d.version))`

// StaleTimers lists them.
func (s *Store) StaleTimers(ctx context.Context) ([]StaleTimer, error) {
	rows, err := s.Pool.Query(ctx, `
SELECT t.definition, t.node, coalesce(d.process_id, ''), coalesce(d.version, 0) FROM start_timer t LEFT JOIN definition d ON d.id = t.definition
WHERE `+staleTimer+` ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("look for timers of old versions: %w", err)
	}
	stale, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StaleTimer])
	if err != nil {
		return nil, fmt.Errorf("look for timers of old versions: %w", err)
	}
	return stale, nil
}

// Positions reads the stored positions of all input partitions.
func (s *Store) Positions(ctx context.Context) (map[InputPartition]int64, error) {
	rows, err := s.Pool.Query(ctx, `SELECT topic, topic_id, partition, next_offset FROM input_offset`)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	positions := make(map[InputPartition]int64)
	var p InputPartition
	var next int64
	_, err = pgx.ForEachRow(rows, []any{&p.Topic, &p.TopicID, &p.Partition, &next}, func() error {
		positions[p] = next
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	return positions, nil
}

// WrittenBy tells which batch of which home wrote a correlation row of a version.
func WrittenBy(version int64) (home int32, batch int64) {
	return int32(version & (1<<20 - 1)), version >> 20
}
