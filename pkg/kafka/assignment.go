package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// TopicPartition names an input partition. TopicID tells a topic that was
// created again from its predecessor of the same name.
type TopicPartition struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
}

// Owner decides the inputs of the homes it is given.
type Owner interface {
	// Claim takes a home over, one of homes, and answers for each of its input
	// partitions the offset to begin at; 0 and below: the beginning. No record of
	// the home is taken before. After an error nothing is claimed; it is called
	// again until it succeeds or ctx, the group's session, ends.
	Claim(ctx context.Context, home, homes int32, partitions []TopicPartition) (map[TopicPartition]int64, error)
	// Release gives a home up. It returns when nothing of it is in flight any more;
	// no record of it is taken after the call begins.
	Release(home int32)
	// Take hands over records of one input partition of a claimed home, in order.
	// It must not block. The records keep the memory of a whole fetch alive.
	Take(home int32, records []wire.Record)
}

// topology is what the input topics look like.
type topology struct {
	homes  int32 // partitions of the result topic
	topics map[string]topic
}

type topic struct {
	id         [16]byte
	partitions int32
}

// readTopology asks the cluster. All topics must exist.
func readTopology(ctx context.Context, admin *kadm.Client, results string, others []string) (topology, error) {
	names := append([]string{results}, others...)
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return topology{}, fmt.Errorf("read topics %v: %w", names, translate(err))
	}
	t := topology{topics: make(map[string]topic, len(names))}
	for _, name := range names {
		d, known := details[name]
		if !known || (d.Err == nil && len(d.Partitions) == 0) {
			return topology{}, fmt.Errorf("topic %s is unknown to the cluster", name)
		}
		if d.Err != nil {
			return topology{}, fmt.Errorf("topic %s: %w", name, d.Err)
		}
		t.topics[name] = topic{id: d.ID, partitions: int32(len(d.Partitions))}
	}
	t.homes = t.topics[results].partitions
	return t, nil
}

// inputs are the partitions that belong to a home: of every topic those whose
// number leaves home when divided by the number of homes.
func (t topology) inputs(home int32) []TopicPartition {
	var inputs []TopicPartition
	for name, topic := range t.topics {
		for p := home; p < topic.partitions; p += t.homes {
			inputs = append(inputs, TopicPartition{Topic: name, TopicID: topic.id, Partition: p})
		}
	}
	slices.SortFunc(inputs, func(a, b TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return inputs
}

func (t topology) equal(other topology) bool {
	return t.homes == other.homes && maps.Equal(t.topics, other.topics)
}
