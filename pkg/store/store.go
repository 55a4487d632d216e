package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store gives access to the database. It is safe for concurrent use.
type Store struct {
	Pool *pgxpool.Pool
}

// Config says how to reach the database.
type Config struct {
	URL      string // postgres://…
	MaxConns int32  // default 16
}

// session is set on every connection. Plans of the batch statements are made
// once and on tables that may be empty at that time: with generic plans and
// only index paths left to choose from they stay right when the tables grow. A
// connection frozen inside a transaction would keep a home's new owner waiting,
// hence the timeout.
var session = map[string]string{
	"application_name":                    "barnabas",
	"jit":                                 "off",
	"plan_cache_mode":                     "force_generic_plan",
	"enable_seqscan":                      "off",
	"enable_hashjoin":                     "off",
	"enable_mergejoin":                    "off",
	"idle_in_transaction_session_timeout": "10s",
	"lock_timeout":                        "15s",
	"timezone":                            "UTC",
}

// Open connects to the database, which must be migrated (Migrate).
func Open(ctx context.Context, cfg Config) (*Store, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	pc.MaxConns = 16
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	pc.MaxConnIdleTime = 5 * time.Minute
	if pc.ConnConfig.ConnectTimeout == 0 { // none in the URL: a host that is gone answers nothing
		pc.ConnConfig.ConnectTimeout = 3 * time.Second
	}
	for k, v := range session {
		pc.ConnConfig.RuntimeParams[k] = v
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach database %s: %w", pc.ConnConfig.Host, err)
	}
	return &Store{Pool: pool}, nil
}

// Close waits for connections in use and closes them all.
func (s *Store) Close() { s.Pool.Close() }

// inTx runs fn in a transaction.
func (s *Store) inTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.Pool, fn)
}
