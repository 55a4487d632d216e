package main

import (
	"context"
	"fmt"
	"os"

	"github.com/barnabas-project/barnabas/pkg/dev"
)

type devCommand struct {
	Models []string `arg:"" optional:"" help:"BPMN files to deploy at the start." type:"existingfile"`
}

func (c *devCommand) Run(ctx context.Context, g *globals) error {
	return withStack(ctx, g, func(s *dev.Stack) error {
		return serve(ctx, g, serving{
			brokers: s.Kafka.Brokers(), database: s.Postgres.URL(), group: "barnabas", relay: true, history: true,
			started: func(ctx context.Context, _ *engine) error { return c.welcome(ctx, g, s) },
		})
	})
}

// withStack runs work on the embedded Kafka and Postgres of the data folder.
func withStack(ctx context.Context, g *globals, work func(*dev.Stack) error) (err error) {
	logger, err := g.logger()
	if err != nil {
		return err
	}
	stack, err := dev.Start(ctx, dev.Config{DataDir: g.Data, Logger: logger})
	if err != nil {
		return &awayError{err.Error()}
	}
	defer func() {
		if cerr := stack.Close(); err == nil {
			err = cerr
		}
	}()
	return work(stack)
}

func (c *devCommand) welcome(ctx context.Context, g *globals, s *dev.Stack) error {
	for _, file := range c.Models {
		if _, err := deploy(ctx, g.client(), file); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, `
Barnabas is up. Ctrl-C ends it; data stays in %s.

  REST        http://%s  (description: /openapi.yaml, metrics: /metrics)
  Kafka       %s
  Postgres    %s

Try, in another terminal:

  %[5]s deploy model.bpmn
  %[5]s start <process> -v '{"amount":42}'
  %[5]s instances list
`, g.Data, g.Listen, s.Kafka.Brokers()[0], s.Postgres.URL(), g.self())
	return nil
}
