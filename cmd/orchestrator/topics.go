package main

import (
	"context"
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/topics"
)

type topicsCommand struct {
	Plan  topicsPlan  `cmd:"" help:"Compare the topics declared with those of the cluster."`
	Apply topicsApply `cmd:"" help:"Create what is missing and alter what differs, unless data could be lost."`
}

type topicsPlan struct{}

func (c *topicsPlan) Run(ctx context.Context, g *globals) error {
	return withPlan(ctx, g, func(_ *kafka.Admin, plan []kafka.Change) error { return printPlan(g, plan) })
}

type topicsApply struct {
	Grow bool `help:"Add partitions too: moves keys, so drain the topics first."`
}

func (c *topicsApply) Run(ctx context.Context, g *globals) error {
	return withPlan(ctx, g, func(a *kafka.Admin, plan []kafka.Change) error {
		if err := a.Apply(ctx, plan, c.Grow); err != nil {
			return err
		}
		if err := printPlan(g, plan); err != nil {
			return err
		}
		refused := 0
		for _, ch := range plan {
			if ch.Refused(c.Grow) {
				refused++
			}
		}
		if refused > 0 {
			return &refusedError{fmt.Sprintf("%d changes were not made, see above; the others were", refused)}
		}
		return nil
	})
}

func withPlan(ctx context.Context, g *globals, work func(*kafka.Admin, []kafka.Change) error) error {
	if len(g.Brokers) == 0 {
		return &usageError{"topics needs --brokers; the embedded Kafka of dev creates its topics itself"}
	}
	logger, err := g.logger()
	if err != nil {
		return err
	}
	set, err := topics.Load(g.Topics)
	if err != nil {
		return &usageError{err.Error()}
	}
	a, err := kafka.NewAdmin(kafka.Config{Brokers: g.Brokers, Logger: logger})
	if err != nil {
		return &usageError{err.Error()}
	}
	defer a.Close()
	plan, err := a.Plan(ctx, set.All())
	if err != nil {
		return &awayError{fmt.Sprintf("%v; name brokers that answer with --brokers", err)}
	}
	return work(a, plan)
}

func printPlan(g *globals, plan []kafka.Change) error {
	return g.print(plan, func() {
		rows := [][]string{{"TOPIC", "ACTION", "DETAIL"}}
		for _, c := range plan {
			rows = append(rows, []string{c.Topic, string(c.Action), c.Detail})
		}
		table(rows)
	})
}
