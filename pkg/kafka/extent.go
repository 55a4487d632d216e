package kafka

import (
	"context"
	"fmt"
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
