package order

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

func TestModelIsValidAndItsTasksHaveWorkers(t *testing.T) {
	t.Parallel()
	parsed, err := bpmn.Parse(Model(), bpmn.Config{})
	require.NoError(t, err)
	require.Len(t, parsed.Processes, 1)
	require.Empty(t, parsed.Warnings)
	require.Empty(t, parsed.Processes[0].Warnings)
	tasks, ends := (&services{}).tasks(), map[End]bool{Incident: true}
	for _, n := range parsed.Processes[0].Nodes {
		if n.Task != nil {
			require.Contains(t, tasks, n.Task.StaticType)
		}
		ends[End(n.ID)] = true
	}
	for _, k := range kinds {
		require.True(t, ends[k.end], "the model has the end %s", k.end)
	}
}

func TestGeneratorBeginsWithOneOfEachKindAndRepeatsItself(t *testing.T) {
	t.Parallel()
	a, b, seen, weights := newGenerator("x", 7), newGenerator("x", 7), map[End]bool{}, 0
	for i := range 50 {
		order, end := a.next()
		again, _ := b.next()
		require.Equal(t, order, again)
		require.NotEmpty(t, order.ID)
		if seen[end] = true; i == len(kinds)-1 {
			require.Len(t, seen, 5)
		}
	}
	for _, k := range kinds {
		weights += k.weight
	}
	require.Equal(t, 100, weights)
}

// told is a status record of order x-1 as the engine writes it.
func told(t *testing.T, text string) status {
	var s status
	require.NoError(t, json.Unmarshal([]byte(`{"businessKey":"x-1","state":"active",`+text+`}`), &s))
	return s
}

func placedBoard() (*board, *progress) {
	b := newBoard()
	b.place(Order{ID: "x-1", Customer: "olga", Amount: 12}, Shipped, time.Now())
	return b, b.inOrder[0]
}

func TestBoardFollowsAnOrder(t *testing.T) {
	t.Parallel()
	b, p := placedBoard()
	require.Nil(t, b.apply(told(t, `"sequence":1,"at":[{"element":"reserve"},{"element":"charge"}]`)))
	require.Equal(t, []string{"reserve", "charge"}, p.at)
	require.Nil(t, b.apply(told(t, `"sequence":2,"events":[{"type":"task-failed","element":"charge","message":"503"}],"at":[{"element":"charge"}]`)))
	require.Equal(t, 1, p.failures)
	require.Contains(t, line(p, time.Now()), "… charge  (1 failed: 503)")
	require.Same(t, p, b.apply(told(t, `"sequence":3,"state":"completed","events":[{"type":"element-completed","element":"ship"},{"type":"element-passed","element":"shipped"}]`)))
	require.Equal(t, Shipped, p.end)
	require.Equal(t, "1 orders, 0 under way   1 shipped", summary(b))
}

func TestBoardCountsGapsAndIgnoresRepetitionsAndStrangers(t *testing.T) {
	t.Parallel()
	b, p := placedBoard()
	b.apply(told(t, `"sequence":1,"at":[{"element":"charge"}]`))
	b.apply(told(t, `"sequence":1,"at":[]`))
	require.Equal(t, []string{"charge"}, p.at)
	require.Nil(t, b.apply(status{BusinessKey: "another", Sequence: 1, State: "completed"}))
	require.Zero(t, b.gaps)
	b.apply(told(t, `"sequence":3`))
	require.Equal(t, 1, b.gaps)
}

func TestIncidentIsAnEndUntilItIsResolved(t *testing.T) {
	t.Parallel()
	b, p := placedBoard()
	require.Same(t, p, b.apply(told(t, `"sequence":1,"incidents":1,"at":[{"element":"charge"}]`)))
	require.Equal(t, Incident, p.end)
	require.Nil(t, b.apply(told(t, `"sequence":2,"incidents":1`)), "told once")
	require.Nil(t, b.apply(told(t, `"sequence":3,"at":[{"element":"charge"}]`)))
	require.Equal(t, End(""), p.end)
	require.Same(t, p, b.apply(told(t, `"sequence":4,"state":"terminated","events":[{"type":"instance-terminated","element":"out-of-stock"}]`)))
	require.Equal(t, OutOfStock, p.end)
	require.Equal(t, 1, b.finished)
}

func TestVerdictNamesOrdersWithTheWrongEnd(t *testing.T) {
	t.Parallel()
	d := &demo{Config: Config{Out: io.Discard, Seed: 9}}
	d.board, _ = placedBoard()
	d.board.apply(told(t, `"sequence":2,"state":"terminated","events":[{"type":"instance-terminated","element":"out-of-stock"}]`))
	err := d.verdict()
	require.ErrorContains(t, err, "seed 9: order x-1 should end as shipped")
	require.ErrorContains(t, err, "■ out-of-stock")
	require.ErrorContains(t, err, "1 gaps in the sequence")
}

func TestTableIsDrawnInPlaceOnATerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	v := &view{out: &out, terminal: true, rows: 1, width: 42}
	b, p := placedBoard()
	v.draw(b, time.Now())
	require.NotContains(t, out.String(), "\x1b[4A")
	require.Contains(t, out.String(), "x-1          olga            12    0.0s  p\x1b[K\n", "cut to the width")
	v.ended(p)
	v.draw(b, time.Now())
	require.Contains(t, out.String(), "\x1b[4A1 orders, 1 under way\x1b[K\n", "goes up over what it has drawn")
	require.Equal(t, 8, strings.Count(out.String(), "\n"), "ended prints no line")
}
