-- +goose Up

-- Events carry what workers and models say; jsonb refuses texts with \u0000, numbers with more digits than numeric has,
-- and halves of characters, all of which are JSON.
ALTER TABLE history_step ALTER COLUMN events TYPE json;

-- +goose Down
ALTER TABLE history_step ALTER COLUMN events TYPE jsonb;
