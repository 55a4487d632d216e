package order

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
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

func TestRunTellsWhenTheModelIsRefused(t *testing.T) {
	t.Parallel()
	refused := errors.New("no such element")
	err := Run(t.Context(), Config{Deploy: func(context.Context, string, []byte) error { return refused }})
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "deploy order.bpmn")
}
