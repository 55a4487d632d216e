package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Extent is what there is of a topic.
type Extent struct {
	ID         [16]byte
	Partitions int32
	First, End map[int32]int64 // offsets of the oldest record and of the next one, by partition
}

// Extents asks the brokers for topics; those that don't exist are left out.
func (a *Admin) Extents(ctx context.Context, names []string) (map[string]Extent, error) {
	if len(names) == 0 {
		return nil, nil
	}
	there, err := readTopics(ctx, a.client, names)
	if err != nil {
		return nil, err
	}
	found := make([]string, 0, len(there))
	extents := make(map[string]Extent, len(there))
	for name, t := range there {
		found = append(found, name)
		extents[name] = Extent{ID: t.id, Partitions: t.partitions, First: make(map[int32]int64), End: make(map[int32]int64)}
	}
	if len(found) == 0 {
		return extents, nil
	}
	first, err := a.admin.ListStartOffsets(ctx, found...)
	if err != nil {
		return nil, fmt.Errorf("look where topics begin: %w", translate(err))
	}
	end, err := a.admin.ListEndOffsets(ctx, found...)
	if err != nil {
		return nil, fmt.Errorf("look where topics end: %w", translate(err))
	}
	for name, e := range extents {
		for p := range e.Partitions {
			from, ok1 := first.Lookup(name, p)
			to, ok2 := end.Lookup(name, p)
			if !ok1 || !ok2 || from.Err != nil || to.Err != nil {
				return nil, fmt.Errorf("look where %s/%d begins and ends: the partition does not answer", name, p)
			}
			e.First[p], e.End[p] = from.Offset, to.Offset
		}
	}
	return extents, nil
}

// Progress is how far a consumer group has come in a topic.
type Progress struct {
	Behind int64 // records that it has not consumed yet
	Lost   int64 // records that expired before it has
}

// Progress asks how far a group has come. What it never committed it begins at
// the beginning.
func (a *Admin) Progress(ctx context.Context, group, topic string) (Progress, error) {
	extents, err := a.Extents(ctx, []string{topic})
	if err != nil {
		return Progress{}, err
	}
	committed, err := a.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // it has not begun
		return Progress{}, fmt.Errorf("look how far group %s is: %w", group, translate(err))
	}
	var p Progress
	for partition := range extents[topic].Partitions {
		first, end := extents[topic].First[partition], extents[topic].End[partition]
		next := first
		if c, found := committed.Lookup(topic, partition); found && c.Err == nil {
			next = c.At
			p.Lost += max(first-next, 0)
		}
		p.Behind += max(end-max(next, first), 0)
	}
	return p, nil
}
