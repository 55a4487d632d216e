package orchestrator

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// Cluster is what Kafka has.
type Cluster interface {
	// Extents tells of those topics that exist, asked of the brokers at each call.
	Extents(ctx context.Context, topics []string) (map[string]kafka.Extent, error)
	// Progress tells how far a consumer group has come in a topic.
	Progress(ctx context.Context, group, topic string) (kafka.Progress, error)
}

// checkTopics compares the stored positions with the topics.
func (r *fsck) checkTopics(ctx context.Context) error {
	if r.Cluster == nil {
		return nil
	}
	before, extents, after, err := r.lookAtTopics(ctx)
	if err != nil {
		return err
	}
	missing := make(map[string]bool)
	for p, next := range before {
		e, exists := extents[p.Topic]
		if !exists && missing[p.Topic] {
			continue
		}
		missing[p.Topic] = !exists
		f := positionFinding(p, next, after[p], e, exists)
		if f.Message == "" {
			continue
		}
		if err := r.report(ctx, f, nil); err != nil {
			return err
		}
	}
	return r.checkStatus(ctx)
}

// checkStatus sees that there is a topic to tell of instances, and how far
// history has come in it.
func (r *fsck) checkStatus(ctx context.Context) error {
	topic := r.Names.Status()
	extents, err := r.Cluster.Extents(ctx, []string{topic})
	if err != nil {
		return err
	}
	if _, exists := extents[topic]; !exists {
		return r.report(ctx, Finding{
			What: "topic", Key: topic, Message: "the cluster does not have the status topic: what happens to instances can't be published, and after it nothing else",
			Advice: "orchestrator topics apply creates it; if it has another name, declare that in --topics-dir",
		}, nil)
	}
	group := cmp.Or(r.Group, "barnabas") + "-history"
	progress, err := r.Cluster.Progress(ctx, group, topic)
	if err != nil {
		return err
	}
	r.checked.HistoryBehind = progress.Behind
	if progress.Lost == 0 {
		return nil
	}
	return r.report(ctx, Finding{
		What: "history", Key: group, Message: fmt.Sprintf("%d status records expired before history took them: their steps are missing from it", progress.Lost),
		Advice: "let engines project history (no --no-history), or reset the group to the beginning of the topic; give the topic a longer retention",
	}, nil)
}

// lookAtTopics reads positions before and after the topics: what was decided by
// then had been written, and what is left behind had been there.
func (r *fsck) lookAtTopics(ctx context.Context) (before map[store.InputPartition]int64, extents map[string]kafka.Extent, after map[store.InputPartition]int64, err error) {
	if before, err = r.Store.Positions(ctx); err != nil {
		return nil, nil, nil, err
	}
	var names []string
	seen := make(map[string]bool)
	for p := range before {
		if !seen[p.Topic] {
			seen[p.Topic] = true
			names = append(names, p.Topic)
		}
	}
	if extents, err = r.Cluster.Extents(ctx, names); err != nil {
		return nil, nil, nil, err
	}
	after, err = r.Store.Positions(ctx)
	return before, extents, after, err
}

// positionFinding says what is wrong with a position; next is it before the topic
// was looked at, later is it after that.
func positionFinding(p store.InputPartition, next, later int64, e kafka.Extent, exists bool) Finding {
	f := Finding{What: "topic", Key: fmt.Sprintf("%s/%d", p.Topic, p.Partition)}
	switch {
	case !exists:
		f.Key = p.Topic
		f.Message = "engines have consumed this topic, but the cluster does not have it: nothing comes in"
		f.Advice = "orchestrator topics apply creates it; if it was renamed, declare its new name in --topics-dir; or these are the brokers of another installation"
	case e.ID != p.TopicID && e.ID != [16]byte{}:
		f.Key = p.Topic
		f.Message = fmt.Sprintf("the topic was deleted and created again since engines consumed it (id %s, was %s): it is read from its beginning", uuid.UUID(e.ID), uuid.UUID(p.TopicID))
		f.Advice = "nothing if that is so; engines notice within 30 s and this goes when they have claimed it"
	case p.Partition >= e.Partitions:
		f.Message = fmt.Sprintf("there is a position in partition %d, but the topic has %d partitions: a topic can't shrink, so these are the brokers of another installation, or it was created again", p.Partition, e.Partitions)
		f.Advice = fmt.Sprintf("give the topic %d partitions at least, or the right brokers", p.Partition+1)
	case next > e.End[p.Partition]:
		f.Message = fmt.Sprintf("the next record to decide is %d, but the partition ends at %d: records were lost in Kafka, and as many that come now would be skipped", next, e.End[p.Partition])
		f.Advice = fmt.Sprintf("stop all engines, set next_offset in input_offset to %d, and ask producers what they have sent since the loss", e.End[p.Partition])
	case later < e.First[p.Partition]:
		f.Message = fmt.Sprintf("the next record to decide is %d, but the partition begins at %d: %d records expired before they were decided", later, e.First[p.Partition], e.First[p.Partition]-later)
		f.Advice = "the engine goes on at the beginning; ask producers for what is gone, and give the topic a longer retention"
	}
	return f
}

// consumed tells whether all that was in the topics at the first call has been
// decided. Without a cluster nobody knows: half the time to settle has to do,
// while engines run.
func (r *fsck) consumed(ctx context.Context) func() (bool, error) {
	began := time.Now()
	var ends map[string]kafka.Extent
	return func() (bool, error) {
		if r.Cluster == nil {
			return !r.signs.Engines || time.Since(began) > r.Settle/2, nil
		}
		positions, extents, _, err := r.lookAtTopics(ctx)
		if err != nil {
			return false, err
		}
		if ends == nil {
			ends = extents
		}
		for p, next := range positions {
			if e := ends[p.Topic]; e.ID == p.TopicID && next < e.End[p.Partition] {
				return false, nil
			}
		}
		return true, nil
	}
}
