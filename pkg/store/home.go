package store

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// InputPartition names an input partition. TopicID tells a topic that was
// created again from its predecessor of the same name.
type InputPartition struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
}

// Compare orders input partitions by topic and number.
func (p InputPartition) Compare(other InputPartition) int {
	return cmp.Or(cmp.Compare(p.Topic, other.Topic), cmp.Compare(p.Partition, other.Partition))
}

// Claimed is what a new owner of a home begins with.
type Claimed struct {
	Fence     Fence
	Positions map[InputPartition]int64 // next offset to consume; 0: the beginning
}

// Claim makes owner the owner of a home: every transaction of an earlier owner
// that has not committed yet will roll back. It waits for one that is just
// committing.
func (s *Store) Claim(ctx context.Context, home int32, owner string, partitions []InputPartition) (Claimed, error) {
	c := Claimed{Positions: make(map[InputPartition]int64, len(partitions))}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		f, err := claimHome(ctx, tx, home, owner)
		if err != nil {
			return err
		}
		c.Fence = f
		for _, p := range partitions {
			if c.Positions[p], err = claimPosition(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Claimed{}, fmt.Errorf("claim home %d: %w", home, err)
	}
	return c, nil
}

func claimHome(ctx context.Context, tx pgx.Tx, home int32, owner string) (Fence, error) {
	f := Fence{Home: home}
	err := tx.QueryRow(ctx, `
		INSERT INTO home AS h (home, epoch, owner) VALUES ($1, 1, $2)
		ON CONFLICT (home) DO UPDATE SET epoch = h.epoch + 1, owner = excluded.owner
		RETURNING epoch, commit_seq, outbox_seq, (SELECT slot FROM outbox_active), (SELECT generation FROM catalogue)`,
		home, owner).Scan(&f.Epoch, &f.CommitSeq, &f.OutboxSeq, &f.Slot, &f.Generation)
	return f, err
}

// claimPosition gives the stored position; a topic that is not the one the
// position belongs to starts from its beginning.
func claimPosition(ctx context.Context, tx pgx.Tx, p InputPartition) (next int64, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO input_offset AS o (topic, partition, topic_id, next_offset) VALUES ($1, $2, $3, 0)
		ON CONFLICT (topic, partition) DO UPDATE SET topic_id = excluded.topic_id,
			next_offset = CASE WHEN o.topic_id = excluded.topic_id THEN o.next_offset ELSE 0 END
		RETURNING next_offset`, p.Topic, p.Partition, p.TopicID).Scan(&next)
	if err != nil {
		return 0, fmt.Errorf("position of %s/%d: %w", p.Topic, p.Partition, err)
	}
	return next, nil
}

// ReadFence reads the home's place in its line of batches, to learn whether a
// commit whose answer was lost took place. ErrFenced: owned by somebody else.
func (s *Store) ReadFence(ctx context.Context, mine Fence) (Fence, error) {
	f := mine
	err := s.Pool.QueryRow(ctx, `
		SELECT epoch, commit_seq, outbox_seq, (SELECT slot FROM outbox_active) FROM home WHERE home = $1`,
		mine.Home).Scan(&f.Epoch, &f.CommitSeq, &f.OutboxSeq, &f.Slot)
	if err != nil {
		return f, fmt.Errorf("read home %d: %w", mine.Home, err)
	}
	if f.Epoch != mine.Epoch {
		return f, ErrFenced
	}
	return f, nil
}
