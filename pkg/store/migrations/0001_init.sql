-- +goose Up

-- Deployed models. Rows are immutable; the highest version of a process id is the latest.
CREATE TABLE definition (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    process_id  text        NOT NULL,
    version     int         NOT NULL CHECK (version > 0),
    version_tag text        NOT NULL DEFAULT '',
    resource    text        NOT NULL,                 -- file name as deployed
    checksum    bytea       NOT NULL,                 -- sha256 of xml: an unchanged model makes no new version
    xml         bytea       NOT NULL,
    deployed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (process_id, version)
);

-- One row. generation counts deployments; a batch decided with an older catalogue of definitions aborts (BN002).
CREATE TABLE catalogue (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation bigint  NOT NULL
);
INSERT INTO catalogue (generation) VALUES (0);

-- Ownership of homes. commit_seq numbers the batches, outbox_seq the outbox rows of the home.
CREATE TABLE home (
    home       int    PRIMARY KEY CHECK (home >= 0),
    epoch      bigint NOT NULL,
    owner      text   NOT NULL,
    commit_seq bigint NOT NULL DEFAULT 0,
    outbox_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The next offset to consume of every input partition. Moves only in a batch's transaction.
-- topic_id tells a topic that was deleted and created again from the one the offset belongs to.
CREATE TABLE input_offset (
    topic       text   NOT NULL,
    partition   int    NOT NULL CHECK (partition >= 0),
    topic_id    uuid   NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Running instances. state is the encoded header and, while small, everything (engine.State).
-- next_due (unix milliseconds) is a lower bound of the earliest due time.
-- fillfactor 50 keeps updates on the page (HOT): no column of an index changes in an ordinary step.
CREATE TABLE instance (
    home         int    NOT NULL,
    id           uuid   NOT NULL,
    version      bigint NOT NULL CHECK (version > 0),
    definition   bigint NOT NULL,
    incidents    int    NOT NULL DEFAULT 0,
    parked       boolean NOT NULL DEFAULT false,
    next_due     bigint,
    business_key text   NOT NULL DEFAULT '',
    state        bytea  NOT NULL,
    PRIMARY KEY (home, id)
) WITH (fillfactor = 50);
ALTER TABLE instance ALTER COLUMN state SET COMPRESSION lz4;
CREATE INDEX instance_due ON instance (home, next_due) WHERE next_due IS NOT NULL;
CREATE INDEX instance_incident ON instance (home, id) WHERE incidents > 0;

-- Pages of large instances: 64 element instances each.
CREATE TABLE instance_part (
    home int   NOT NULL,
    id   uuid  NOT NULL,
    no   int   NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (home, id, no)
) WITH (fillfactor = 50);

-- Inputs of a parked instance, in the order they came.
CREATE TABLE parked_input (
    home  int    NOT NULL,
    id    uuid   NOT NULL,
    no    bigint GENERATED ALWAYS AS IDENTITY,
    input bytea  NOT NULL,
    PRIMARY KEY (home, id, no)
);

-- Subscriptions and buffered messages of one (name, correlation key): the one row on which
-- "a subscription opens" and "a message arrives" serialise. next_expiry in unix milliseconds.
CREATE TABLE correlation (
    name        text   NOT NULL,
    key         text   NOT NULL,
    version     bigint NOT NULL CHECK (version > 0),
    next_expiry bigint,
    home        int    NOT NULL,                      -- which owner sweeps expired messages: the writer's
    data        bytea  NOT NULL,
    PRIMARY KEY (name, key)
) WITH (fillfactor = 50);
CREATE INDEX correlation_expiry ON correlation (home, next_expiry) WHERE next_expiry IS NOT NULL;

-- Ids of messages seen. at is for retention only.
CREATE TABLE dedupe (
    id uuid        PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dedupe_at ON dedupe USING brin (at);

-- Timer start events of the latest versions. home: which owner fires it.
CREATE TABLE start_timer (
    home        int    NOT NULL,
    definition  bigint NOT NULL,
    node        int    NOT NULL,
    due         bigint NOT NULL,                      -- unix milliseconds
    repetitions int    NOT NULL,                      -- that follow after this one; -1: endless
    interval    text   NOT NULL,
    PRIMARY KEY (definition, node)
);
CREATE INDEX start_timer_due ON start_timer (home, due);

-- Outgoing records: one row holds all records of a batch (wire.Pack). Rows of a home commit in the order of seq.
-- The three tables rotate; a retired one is truncated, so there are no updates, deletes or dead rows.
CREATE TABLE outbox_0 (home int NOT NULL, seq bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), data bytea NOT NULL, PRIMARY KEY (home, seq)) WITH (autovacuum_enabled = off);
CREATE TABLE outbox_1 (LIKE outbox_0 INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE TABLE outbox_2 (LIKE outbox_0 INCLUDING ALL) WITH (autovacuum_enabled = off);
ALTER TABLE outbox_0 ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE outbox_1 ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE outbox_2 ALTER COLUMN data SET STORAGE EXTERNAL;

-- One row: which outbox table is written to.
CREATE TABLE outbox_active (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    slot     int NOT NULL CHECK (slot BETWEEN 0 AND 2)
);
INSERT INTO outbox_active (slot) VALUES (0);

-- A relay's lease on a home, and how far the home's outbox is published and acknowledged.
-- term counts the holders; a holder writes only WHERE term is its own.
CREATE TABLE relay_shard (
    home          int         PRIMARY KEY,
    holder        text        NOT NULL DEFAULT '',
    term          bigint      NOT NULL DEFAULT 0,
    expires_at    timestamptz NOT NULL DEFAULT '-infinity',
    published_seq bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- guard raises the SQLSTATE when a set-based statement hit another number of rows than the batch has.
-- +goose StatementBegin
CREATE FUNCTION guard(hit bigint, want bigint, code text, what text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF hit IS DISTINCT FROM want THEN
        RAISE EXCEPTION '% of % rows: %', hit, want, what USING ERRCODE = code;
    END IF;
    RETURN hit;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION guard;
DROP TABLE relay_shard, outbox_active, outbox_2, outbox_1, outbox_0, start_timer, dedupe, correlation,
    parked_input, instance_part, instance, input_offset, home, catalogue, definition;
