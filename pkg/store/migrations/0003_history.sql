-- +goose Up

-- What happened, projected from the status topic. Never written by a batch; it may lag behind, and can be built anew
-- from the topic as far as that goes back.
CREATE TABLE history_instance (
    id           uuid        PRIMARY KEY,
    process_id   text        NOT NULL,
    version      int         NOT NULL,
    business_key text        NOT NULL,
    tenant       text        NOT NULL,
    state        text        NOT NULL,
    sequence     bigint      NOT NULL,
    incidents    int         NOT NULL,
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX history_instance_key ON history_instance (business_key) WHERE business_key <> '';
CREATE INDEX history_instance_process ON history_instance (process_id, id);

CREATE TABLE history_step (
    instance uuid        NOT NULL,
    sequence bigint      NOT NULL,
    at       timestamptz NOT NULL,
    events   jsonb       NOT NULL,
    PRIMARY KEY (instance, sequence)
);
