package order

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/topics"
)

// engine is a real one, in this process.
type engine struct {
	brokers      []string
	topics       *topics.Set
	admin        *kafka.Admin
	orchestrator *orchestrator.Orchestrator
}

func startEngine(t *testing.T) *engine {
	declared, err := topics.Load("")
	require.NoError(t, err)
	declared.Prefix = devtest.TopicPrefix(t)
	e := &engine{brokers: devtest.Kafka(t), topics: declared}
	config := kafka.Config{Brokers: e.brokers, ClientID: "engine"}
	e.admin, err = kafka.NewAdmin(config)
	require.NoError(t, err)
	t.Cleanup(e.admin.Close)
	require.NoError(t, e.admin.Ensure(t.Context(), declared.All()))

	url := devtest.Postgres(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	s, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	p, err := kafka.NewProducer(config)
	require.NoError(t, err)
	names := declared.Names()
	publisher := relay.New(relay.Config{
		Store: s, Producer: p, Holder: "engine", Names: names,
		Homes: func() []int32 { return e.orchestrator.Homes() },
	})
	e.orchestrator, err = orchestrator.New(t.Context(), orchestrator.Config{ID: "engine", Store: s, Relay: publisher, Names: names})
	require.NoError(t, err)
	homes, err := kafka.NewHomes(kafka.HomesConfig{
		Config: config, Group: declared.Prefix + "engine", Results: names.Results(),
		Others: []string{names.Control(), names.Messages()}, Control: names.Control(),
	}, e.orchestrator)
	require.NoError(t, err)
	e.orchestrator.UseConsumer(homes)
	inBackground(t, publisher.Run, homes.Run, e.orchestrator.Run)
	return e
}

// inBackground runs parts until the test ends, and waits for them then.
func inBackground(t *testing.T, parts ...func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range parts {
		all.Go(func() { _ = run(ctx) }) // ends with ctx
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
}

// deploy creates the topics of the model's task types and deploys it.
func (e *engine) deploy(ctx context.Context, resource string, xml []byte) error {
	parsed, err := bpmn.Parse(xml, bpmn.Config{})
	if err != nil {
		return err
	}
	var types []string
	for i := range parsed.Processes[0].Nodes {
		if task := parsed.Processes[0].Nodes[i].Task; task != nil {
			types = append(types, task.StaticType)
		}
	}
	if err := e.admin.Ensure(ctx, e.topics.ForTaskTypes(types...)); err != nil {
		return err
	}
	_, err = e.orchestrator.Deploy(ctx, resource, xml)
	return err
}

func (e *engine) config() Config {
	return Config{
		Brokers: e.brokers, Names: e.topics.Names(), Deploy: e.deploy,
		Interval: 10 * time.Millisecond, Pace: 20 * time.Millisecond, Patience: 30 * time.Second,
	}
}
