package worker

import (
	"context"
	"errors"
	"sync"
)

// Run works until ctx ends; then it takes no more tasks, waits for those running
// (at most Config.DrainTimeout), sends their results, commits and leaves.
//
// It returns nil after a complete drain, an error that says how many tasks were
// left otherwise; and an error at once if Config is wrong. Kafka being away is
// waited out.
func Run(ctx context.Context, config Config) error {
	c := config.withDefaults()
	if err := c.validate(); err != nil {
		return err
	}
	m, err := newMeter(c.Metrics)
	if err != nil {
		return err
	}
	p, err := newProducer(c)
	if err != nil {
		return err
	}
	defer p.close()
	consumers, err := newConsumers(c, &results{producer: p, defaultTopic: c.Names.Results(), log: c.Logger}, m)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, len(consumers))
	for i, consumer := range consumers {
		all.Go(func() { errs[i] = consumer.run(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// newConsumers makes one consumer for each task type.
func newConsumers(c Config, r *results, m *meter) ([]*consumer, error) {
	var consumers []*consumer
	for taskType := range c.Tasks {
		k, err := newConsumer(c, taskType, r, m)
		if err != nil {
			for _, made := range consumers {
				made.source.close()
			}
			return nil, err
		}
		consumers = append(consumers, k)
	}
	return consumers, nil
}
