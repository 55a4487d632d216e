package store

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Presence tells the other engines of a consumer group that this one lives, and
// finds those that died: they are silent while this one is heard. All times are
// the database's.
type Presence struct {
	Store  *Store
	Group  string
	Engine string // unlike any other process's that ever was
	// Silence is for how long a living engine is never silent; default 2.5 s, at
	// least several times what lies between two beats.
	Silence time.Duration
}

func (p Presence) silence() time.Duration { return cmp.Or(p.Silence, 2500*time.Millisecond) }

// Beat notes that this engine lives, as the member of the group that Kafka calls
// by this id ("": none yet), and lists the ids of members that are silent. None is
// while this engine itself has not been heard for as long, without a pause of half
// of that: when the database was away, or this engine was, others could not be
// heard either.
func (p Presence) Beat(ctx context.Context, member string) (silent []string, err error) {
	rows, err := p.Store.Pool.Query(ctx, `
WITH forgotten AS (DELETE FROM member WHERE seen_at < now() - interval '1 hour' AND engine <> $2),
mine AS (
	INSERT INTO member AS m (consumer_group, engine, id, since, seen_at) VALUES ($1, $2, $3, now(), now())
	ON CONFLICT (consumer_group, engine) DO UPDATE SET id = excluded.id, seen_at = now(),
		since = CASE WHEN m.seen_at < now() - $4::bigint / 2 * interval '1 microsecond' THEN now() ELSE m.since END
	RETURNING since)
SELECT m.id FROM member m, mine WHERE m.consumer_group = $1 AND m.engine <> $2 AND m.id <> ''
	AND greatest(m.seen_at, mine.since) < now() - $4::bigint * interval '1 microsecond'
ORDER BY m.id`, p.Group, p.Engine, member, p.silence().Microseconds())
	if err != nil {
		return nil, fmt.Errorf("note that engine %s lives: %w", p.Engine, err)
	}
	silent, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("note that engine %s lives: %w", p.Engine, err)
	}
	return silent, nil
}

// Forget drops a silent member, once it is no member any more. One that has been
// heard of since stays.
func (p Presence) Forget(ctx context.Context, member string) error {
	_, err := p.Store.Pool.Exec(ctx, `
DELETE FROM member WHERE consumer_group = $1 AND id = $2 AND seen_at < now() - $3::bigint * interval '1 microsecond'`,
		p.Group, member, p.silence().Microseconds())
	if err != nil {
		return fmt.Errorf("forget member %s: %w", member, err)
	}
	return nil
}
