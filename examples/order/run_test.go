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
	require.Contains(t, out.String(), "all 20 orders came to their proper end: 20 orders, 0 under way")
	require.Contains(t, out.String(), "(2 failed: payment provider: 503")
}

func TestRunWithoutALimitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	config := startEngine(t).config()
	ctx, cancel := context.WithCancel(t.Context())
	config.Out = cancelAtFirst{cancel}
	require.NoError(t, Run(ctx, config))
}

// cancelAtFirst ends the demo when it tells of the first order.
type cancelAtFirst struct{ cancel func() }

func (c cancelAtFirst) Write(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}

// An order stuck with a broken card is shipped once somebody gives it another.
func TestIncidentIsMendedByAnotherCard(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	config, lines := e.config(), make(chan string, 1000)
	config.Out = lineWriter(lines)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, config) }()

	stuck := waitFor(t, lines, "■ incident")
	incidents, err := e.orchestrator.Incidents(ctx, store.InstanceQuery{})
	require.NoError(t, err)
	require.NotEmpty(t, incidents)
	require.Equal(t, "charge", incidents[0].Element)
	for _, i := range incidents {
		_, err = e.orchestrator.Resolve(ctx, orchestrator.ResolveRequest{Instance: i.Instance, Element: i.Key, Variables: []byte(`{"card":"card-1234"}`)})
		require.NoError(t, err)
	}
	id, _, _ := strings.Cut(stuck, " ")
	require.Contains(t, waitFor(t, lines, id), "■ shipped")
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
