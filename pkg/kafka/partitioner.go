package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// partitioner sends a record to the partition it names, and by its key (murmur2,
// as Kafka's own clients) if it names none; keyless ones batch by batch anywhere.
// The client refuses a partition that the topic hasn't got, as far as it knows
// by now: it looks again within MetadataMaxAge.
type partitioner struct{ byKey kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.byKey.ForTopic(topic)}
}

type topicPartitioner struct{ kgo.TopicPartitioner }

// RequiresConsistency makes n of Partition all partitions, not those writable now.
func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.TopicPartitioner.RequiresConsistency(r)
}

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.TopicPartitioner.Partition(r, n)
}

// OnNewBatch lets keyless records move on to another partition.
func (p topicPartitioner) OnNewBatch() {
	if sticky, ok := p.TopicPartitioner.(kgo.TopicPartitionerOnNewBatch); ok {
		sticky.OnNewBatch()
	}
}
