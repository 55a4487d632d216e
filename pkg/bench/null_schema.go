package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// nullSchema has the shape of the orchestrator's hot tables.
const nullSchema = `
DROP SCHEMA IF EXISTS barnabas_null CASCADE;
CREATE SCHEMA barnabas_null;
SET search_path = barnabas_null;
CREATE TABLE home (home int PRIMARY KEY, epoch bigint NOT NULL, commit_seq bigint NOT NULL DEFAULT 0, outbox_seq bigint NOT NULL DEFAULT 0)
    WITH (fillfactor = 50);
CREATE TABLE relay_shard (home int PRIMARY KEY, published_seq bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE input_offset (topic text NOT NULL, partition int NOT NULL, next_offset bigint NOT NULL, PRIMARY KEY (topic, partition)) WITH (fillfactor = 50);
CREATE TABLE instance (home int NOT NULL, id uuid NOT NULL, version bigint NOT NULL, definition bigint NOT NULL, incidents int NOT NULL DEFAULT 0,
    parked boolean NOT NULL DEFAULT false, next_due bigint, business_key text NOT NULL, state bytea NOT NULL, PRIMARY KEY (home, id)) WITH (fillfactor = 50);
CREATE INDEX instance_due ON instance (home, next_due) WHERE next_due IS NOT NULL;
CREATE INDEX instance_incident ON instance (home, id) WHERE incidents > 0;
CREATE TABLE dedupe (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX dedupe_at ON dedupe USING brin (at);
CREATE TABLE outbox_0 (home int NOT NULL, seq bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), data bytea NOT NULL, PRIMARY KEY (home, seq)) WITH (autovacuum_enabled = off);
ALTER TABLE outbox_0 ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE outbox_1 (LIKE outbox_0 INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE TABLE outbox_2 (LIKE outbox_0 INCLUDING ALL) WITH (autovacuum_enabled = off);
`

// nullSession: plans are made once, on empty tables, and stay right.
var nullSession = map[string]string{
	"application_name":  "barnabas-null",
	"search_path":       "barnabas_null",
	"jit":               "off",
	"plan_cache_mode":   "force_generic_plan",
	"enable_seqscan":    "off",
	"enable_hashjoin":   "off",
	"enable_mergejoin":  "off",
	"enable_bitmapscan": "off",
	"enable_memoize":    "off",
}

// The statements of a batch. Update and delete look each row up by its key,
// whatever the planner believes: a plain join is planned, when the table looks
// empty, as a loop over all instances of the home for each row of the batch.
// A guard divides by zero when a row is missing,
// which aborts the transaction they all are.
var nullStatements = map[string]string{
	nullFence: `
WITH u AS (UPDATE home SET commit_seq = commit_seq + 1, outbox_seq = outbox_seq + 1
           WHERE home = $1::int4 AND epoch = $2::int8 AND commit_seq = $3::int8 RETURNING 1)
SELECT 1 / count(*) FROM u`,
	nullOffsets: `
WITH u AS (UPDATE input_offset o SET next_offset = v.next
           FROM unnest($1::text[], $2::int4[], $3::int8[], $4::int8[]) v(topic, part, first, next)
           WHERE o.topic = v.topic AND o.partition = v.part AND o.next_offset = v.first RETURNING 1)
SELECT 1 / (count(*) = $5::int8)::int FROM u`,
	nullDedupe: `INSERT INTO dedupe (id) SELECT u.id FROM unnest($1::uuid[]) u(id)`,
	nullInsert: `
INSERT INTO instance (home, id, version, definition, business_key, state)
SELECT $1::int4, u.id, 1, 1, u.key, u.state FROM unnest($2::uuid[], $3::text[], $4::bytea[]) u(id, key, state)`,
	nullUpdate: `
WITH u AS (UPDATE instance i SET version = v.seen + 1, state = v.state
           FROM unnest($2::uuid[], $3::int8[], $4::bytea[]) v(id, seen, state),
                LATERAL (SELECT ctid FROM instance WHERE home = $1::int4 AND id = v.id AND version = v.seen OFFSET 0) found
           WHERE i.ctid = found.ctid RETURNING 1)
SELECT 1 / (count(*) = $5::int8)::int FROM u`,
	nullDelete: `
WITH u AS (DELETE FROM instance i
           USING unnest($2::uuid[], $3::int8[]) v(id, seen),
                 LATERAL (SELECT ctid FROM instance WHERE home = $1::int4 AND id = v.id AND version = v.seen OFFSET 0) found
           WHERE i.ctid = found.ctid RETURNING 1)
SELECT 1 / (count(*) = $4::int8)::int FROM u`,
	nullOutbox[0]: `INSERT INTO outbox_0 (home, seq, data) VALUES ($1::int4, $2::int8, $3::bytea)`,
	nullOutbox[1]: `INSERT INTO outbox_1 (home, seq, data) VALUES ($1::int4, $2::int8, $3::bytea)`,
	nullOutbox[2]: `INSERT INTO outbox_2 (home, seq, data) VALUES ($1::int4, $2::int8, $3::bytea)`,
}

// The names of the statements.
const (
	nullFence   = "fence"
	nullOffsets = "offsets"
	nullDedupe  = "dedupe"
	nullInsert  = "insert"
	nullUpdate  = "update"
	nullDelete  = "delete"
)

// nullOutbox are the statements that insert into the outbox table of a slot.
var nullOutbox = [3]string{"outbox_0", "outbox_1", "outbox_2"}

// nullConnect opens a connection to the null pipeline's schema.
func nullConnect(ctx context.Context, database string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	for k, v := range nullSession {
		cfg.RuntimeParams[k] = v
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("reach database: %w", err)
	}
	return conn, nil
}

// nullPrepare readies a connection for batches, in one round trip.
func nullPrepare(ctx context.Context, conn *pgconn.PgConn) error {
	p := conn.StartPipeline(ctx)
	for name, sql := range nullStatements {
		p.SendPrepare(name, sql, nil)
	}
	if err := p.Sync(); err != nil {
		return fmt.Errorf("prepare null statements: %w", err)
	}
	if err := p.Close(); err != nil {
		return fmt.Errorf("prepare null statements: %w", err)
	}
	return nil
}
