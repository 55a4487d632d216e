-- +goose Up

-- When each engine that takes part in a consumer group was last heard of. Not logged: a write costs no flush, and after a crash of the
-- database, in which nobody could be heard, nobody counts as silent.
CREATE UNLOGGED TABLE member (
    consumer_group text        NOT NULL,
    engine         text        NOT NULL,
    id             text        NOT NULL, -- as Kafka calls the member; '' before it has joined
    since          timestamptz NOT NULL, -- heard of without a pause
    seen_at        timestamptz NOT NULL,
    PRIMARY KEY (consumer_group, engine)
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE member;
