-- +goose Up

-- Relay processes of their own that are alive: how many share the homes.
CREATE TABLE relay (
    holder     text        PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE relay;
