package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// statement is one prepared statement of the batch transaction. All parameters
// travel in the binary format.
type statement struct{ name, sql string }

// The statements of a batch, in the order they run. Each that must hit every
// row it names ends in guard(), which raises otherwise and so undoes the batch.
var (
	stFence = statement{"batch_fence", `
WITH u AS (UPDATE home SET commit_seq = commit_seq + 1, outbox_seq = outbox_seq + $4::int8
           WHERE home = $1::int4 AND epoch = $2::int8 AND commit_seq = $3::int8 RETURNING 1)
SELECT guard((SELECT count(*) FROM u), 1, 'BN001', 'home'),
       (SELECT guard(generation, $5::int8, 'BN002', 'catalogue generation') FROM catalogue),
       (SELECT slot FROM outbox_active)`}

	stOffsets = statement{"batch_offsets", `
WITH u AS (UPDATE input_offset o SET next_offset = v.next
           FROM unnest($1::text[], $2::int4[], $3::int8[], $4::int8[]) v(topic, part, first, next)
           WHERE o.topic = v.topic AND o.partition = v.part AND o.next_offset = v.first RETURNING 1)
SELECT guard(count(*), $5::int8, 'BN003', 'input_offset') FROM u`}

	stDedupe = statement{"batch_dedupe", `INSERT INTO dedupe (id) SELECT u.id FROM unnest($1::uuid[]) u(id)`}

	stInsert = statement{"batch_insert", `
INSERT INTO instance (home, id, version, definition, incidents, parked, next_due, business_key, state)
SELECT $1::int4, u.* FROM unnest($2::uuid[], $3::int8[], $4::int8[], $5::int4[], $6::bool[], $7::int8[], $8::text[], $9::bytea[]) u`}

	stUpdate = statement{"batch_update", `
WITH u AS (UPDATE instance i SET version = v.version, incidents = v.incidents, parked = v.parked, next_due = v.next_due, state = v.state
           FROM unnest($2::uuid[], $3::int8[], $4::int8[], $5::int4[], $6::bool[], $7::int8[], $8::bytea[]) v(id, seen, version, incidents, parked, next_due, state)
           WHERE i.home = $1::int4 AND i.id = v.id AND i.version = v.seen RETURNING 1)
SELECT guard(count(*), $9::int8, 'BN004', 'instance') FROM u`}

	stDelete = statement{"batch_delete", `
WITH u AS (DELETE FROM instance i USING unnest($2::uuid[], $3::int8[]) v(id, seen)
           WHERE i.home = $1::int4 AND i.id = v.id AND i.version = v.seen RETURNING 1)
SELECT guard(count(*), $4::int8, 'BN004', 'instance') FROM u`}

	stPutParts = statement{"batch_put_parts", `
INSERT INTO instance_part (home, id, no, data)
SELECT $1::int4, u.* FROM unnest($2::uuid[], $3::int4[], $4::bytea[]) u
ON CONFLICT (home, id, no) DO UPDATE SET data = excluded.data`}

	stDropParts = statement{"batch_drop_parts", `
DELETE FROM instance_part p USING unnest($2::uuid[], $3::int4[]) v(id, no) WHERE p.home = $1::int4 AND p.id = v.id AND p.no = v.no`}

	stDropPaged = statement{"batch_drop_paged", `DELETE FROM instance_part WHERE home = $1::int4 AND id = ANY($2::uuid[])`}

	stOpenCorrelation = statement{"batch_open_correlation", `
INSERT INTO correlation (home, version, name, key, next_expiry, data)
SELECT $1::int4, $2::int8, u.* FROM unnest($3::text[], $4::text[], $5::int8[], $6::bytea[]) u`}

	stLockCorrelation = statement{"batch_lock_correlation", `
SELECT FROM unnest($1::text[], $2::text[]) WITH ORDINALITY v(name, key, no) JOIN correlation c ON c.name = v.name AND c.key = v.key
ORDER BY v.no FOR UPDATE OF c`}

	stPutCorrelation = statement{"batch_put_correlation", `
WITH u AS (UPDATE correlation c SET home = $1::int4, version = $2::int8, next_expiry = v.next_expiry, data = v.data
           FROM unnest($3::text[], $4::text[], $5::int8[], $6::bytea[], $7::int8[]) v(name, key, next_expiry, data, seen)
           WHERE c.name = v.name AND c.key = v.key AND c.version = v.seen RETURNING 1)
SELECT guard(count(*), $8::int8, 'BN005', 'correlation') FROM u`}

	stDropCorrelation = statement{"batch_drop_correlation", `
WITH u AS (DELETE FROM correlation c USING unnest($1::text[], $2::text[], $3::int8[]) v(name, key, seen)
           WHERE c.name = v.name AND c.key = v.key AND c.version = v.seen RETURNING 1)
SELECT guard(count(*), $4::int8, 'BN005', 'correlation') FROM u`}

	stPark = statement{"batch_park", `
INSERT INTO parked_input (home, id, input) SELECT $1::int4, u.* FROM unnest($2::uuid[], $3::bytea[]) u`}

	stUnpark = statement{"batch_unpark", `DELETE FROM parked_input WHERE home = $1::int4 AND id = ANY($2::uuid[])`}

	stStartTimer = statement{"batch_start_timer", `
WITH v AS (SELECT * FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::int8[], $5::int4[], $6::text[]) v(definition, node, seen, due, repetitions, interval)),
     u AS (UPDATE start_timer t SET due = v.due, repetitions = v.repetitions, interval = v.interval
           FROM v WHERE t.definition = v.definition AND t.node = v.node AND t.due = v.seen AND v.due IS NOT NULL RETURNING 1),
     d AS (DELETE FROM start_timer t USING v
           WHERE t.definition = v.definition AND t.node = v.node AND t.due = v.seen AND v.due IS NULL RETURNING 1)
SELECT guard((SELECT count(*) FROM u) + (SELECT count(*) FROM d), $7::int8, 'BN006', 'start_timer')`}
)

// stOutbox inserts into the outbox table of a slot.
var stOutbox = [3]statement{
	{"batch_outbox_0", `INSERT INTO outbox_0 (home, seq, data) VALUES ($1::int4, $2::int8, $3::bytea)`},
	{"batch_outbox_1", `INSERT INTO outbox_1 (home, seq, data) VALUES ($1::int4, $2::int8, $3::bytea)`},
	{"batch_outbox_2", `INSERT INTO outbox_2 (home, seq, data) VALUES ($1::int4, $2::int8, $3::bytea)`},
}

func batchStatements() []statement {
	return append([]statement{
		stFence, stOffsets, stDedupe, stInsert, stUpdate, stDelete, stPutParts, stDropParts, stDropPaged,
		stOpenCorrelation, stLockCorrelation, stPutCorrelation, stDropCorrelation, stPark, stUnpark, stStartTimer,
	}, stOutbox[:]...)
}

// prepare readies a new connection for batches, in one round trip.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	p := conn.PgConn().StartPipeline(ctx)
	for _, st := range batchStatements() {
		p.SendPrepare(st.name, st.sql, nil)
	}
	if err := p.Sync(); err != nil {
		return fmt.Errorf("prepare batch statements: %w", err)
	}
	return p.Close()
}
