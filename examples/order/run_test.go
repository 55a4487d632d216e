package order

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
)

func TestOrdersComeToTheirProperEnds(t *testing.T) {
	t.Parallel()
	config := startEngine(t).config()
	var out bytes.Buffer
	config.Out, config.Orders = &out, 20
	require.NoError(t, Run(t.Context(), config), out.String())
	for _, end := range []End{Shipped, Rejected, OutOfStock, PaymentTimedOut, Incident} {
		require.Contains(t, out.String(), "■ "+string(end))
	}
	require.Regexp(t, `card fails twice +\d+ +shipped after 2 failed attempts +[1-9]`, out.String())
	require.Contains(t, out.String(), "(2 failed: payment provider: 503")
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	config := startEngine(t).config()
	ctx, cancel := context.WithCancel(t.Context())
	config.Out, config.Orders = cancelAtFirst{cancel}, 1000
	require.NoError(t, Run(ctx, config))
}

// cancelAtFirst ends the demo when it tells of the first order.
type cancelAtFirst struct{ cancel func() }

func (c cancelAtFirst) Write(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}

// With Settled the services stay: an order stuck with a broken card is shipped
// once somebody gives it another, and orders of others are worked on too.
func TestIncidentIsMendedByAnotherCard(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	config, lines, verdict := e.config(), make(chan string, 1000), make(chan error, 1)
	config.Out, config.Orders, config.Settled = lineWriter(lines), len(kinds), func(err error) { verdict <- err }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, config) }()

	stuck, _, _ := strings.Cut(waitFor(t, lines, "■ incident"), " ")
	require.NoError(t, <-verdict)
	incidents, err := e.orchestrator.Incidents(ctx, store.InstanceQuery{})
	require.NoError(t, err)
	require.Len(t, incidents, 1)
	require.Equal(t, "charge", incidents[0].Element)
	_, err = e.orchestrator.Resolve(ctx, orchestrator.ResolveRequest{
		Instance: incidents[0].Instance, Element: incidents[0].Key, Variables: []byte(`{"card":"card-1234"}`),
	})
	require.NoError(t, err)
	require.Contains(t, waitFor(t, lines, "instance-completed"), stuck)

	m, err := newMessages(e.brokers, config.Names.Messages())
	require.NoError(t, err)
	defer m.close()
	require.NoError(t, m.publish(ctx, message{name: "order-placed", key: "own-1"}, Order{ID: "own-1", PaymentWithin: "PT5M"}))
	require.Contains(t, waitFor(t, lines, "instance-completed"), "own-1")
	cancel()
	require.NoError(t, <-ended)
}

type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func waitFor(t *testing.T, lines <-chan string, part string) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case l := <-lines:
			if strings.Contains(l, part) {
				return l
			}
		case <-deadline:
			require.FailNow(t, "not told of "+part)
		}
	}
}

func TestRunTellsWhenTheModelIsRefused(t *testing.T) {
	t.Parallel()
	refused := errors.New("no such element")
	err := Run(t.Context(), Config{Deploy: func(context.Context, string, []byte) error { return refused }})
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "deploy order.bpmn")
}
