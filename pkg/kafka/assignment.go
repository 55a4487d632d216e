package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

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
	// Owns tells whether a claimed home is still decided here. It is not when
	// somebody else has claimed it since.
	Owns(home int32) bool
	// Take hands over records of one input partition of a claimed home, in order.
	// It must not block. The records keep the memory of a whole fetch alive.
	Take(home int32, records []wire.Record)
}

// topology is what the input topics look like.
type topology struct {
	homes  int32 // partitions of the result topic
	topics map[string]topic
}

// readTopology asks the cluster. All topics must exist.
func readTopology(ctx context.Context, client *kgo.Client, results string, others []string) (topology, error) {
	names := append([]string{results}, others...)
	topics, err := readTopics(ctx, client, names)
	if err != nil {
		return topology{}, err
	}
	for _, name := range names {
		if topics[name].partitions == 0 {
			return topology{}, fmt.Errorf("topic %s is unknown to the cluster", name)
		}
	}
	return topology{homes: topics[results].partitions, topics: topics}, nil
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
