package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic is what the cluster says of a topic.
type topic struct {
	id         [16]byte
	partitions int32
}

// readTopics asks the cluster for topics, never a cache; those that don't exist
// are left out.
func readTopics(ctx context.Context, client *kgo.Client, names []string) (map[string]topic, error) {
	if len(names) == 0 {
		return nil, nil // Kafka would take no names for all topics
	}
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, t)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("read topics %v: %w", names, translate(err))
	}
	topics := make(map[string]topic, len(names))
	for _, t := range response.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) || t.Topic == nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read topic %s: %w", *t.Topic, err)
		}
		topics[*t.Topic] = topic{id: t.TopicID, partitions: int32(len(t.Partitions))}
	}
	return topics, nil
}
