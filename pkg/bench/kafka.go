package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics names the topics a measurement uses.
type Topics struct {
	Messages   string
	Results    string
	Status     string
	TaskPrefix string // a task's topic is this and its type
}

// withPrefix gives the topics of a prefix such as "barnabas.".
func withPrefix(prefix string) Topics {
	return Topics{Messages: prefix + "messages", Results: prefix + "results", Status: prefix + "status", TaskPrefix: prefix + "task."}
}

func newClient(brokers []string, opts ...kgo.Opt) (*kgo.Client, error) {
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...), kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("open Kafka client: %w", err)
	}
	return c, nil
}

// fetch hands over what arrives, partition by partition, until ctx is done.
func fetch(ctx context.Context, c *kgo.Client, to func(partition int32, rs []*kgo.Record)) error {
	for {
		fetches := c.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return nil //nolint:nilerr // the end of the run, not a failure
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return fmt.Errorf("fetch %s[%d]: %w", errs[0].Topic, errs[0].Partition, errs[0].Err)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				to(p.Partition, p.Records)
			}
		})
	}
}

// createTopics creates the topics that are missing and waits until all have leaders.
func createTopics(ctx context.Context, brokers []string, partitions int, topics []string) error {
	c, err := newClient(brokers, kgo.MetadataMinAge(lookEvery)) // else what it saw of topics stays for 5 s
	if err != nil {
		return err
	}
	defer c.Close()
	admin := kadm.NewClient(c)
	created, err := admin.CreateTopics(ctx, int32(partitions), -1, nil, topics...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, t := range created {
		if t.Err != nil && !errors.Is(t.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", t.Topic, t.Err)
		}
	}
	return waitForLeaders(ctx, admin, topics)
}

// lookEvery is how often new topics are looked for.
const lookEvery = 50 * time.Millisecond

func waitForLeaders(ctx context.Context, admin *kadm.Client, topics []string) error {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		details, err := admin.ListTopics(ctx, topics...)
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		if ledTopics(details) == len(topics) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for topics %v: %w", topics, ctx.Err())
		case <-every.C:
		}
	}
}

// ledTopics counts the topics whose partitions all have leaders.
func ledTopics(details kadm.TopicDetails) (n int) {
topics:
	for _, d := range details {
		if d.Err != nil || len(d.Partitions) == 0 {
			continue
		}
		for _, p := range d.Partitions {
			if p.Leader < 0 || p.Err != nil {
				continue topics
			}
		}
		n++
	}
	return n
}

// deleteTopics removes topics and waits until they are gone.
func deleteTopics(ctx context.Context, brokers []string, topics []string) error {
	c, err := newClient(brokers)
	if err != nil {
		return err
	}
	defer c.Close()
	admin := kadm.NewClient(c)
	deleted, err := admin.DeleteTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	for _, t := range deleted {
		if t.Err != nil && !errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", t.Topic, t.Err)
		}
	}
	return nil
}
