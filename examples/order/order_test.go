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
	waits, tasks, ends := 0, (&services{}).tasks(), map[End]bool{Incident: true}
	for _, n := range parsed.Processes[0].Nodes {
		if n.Task != nil || n.Message != nil && n.AttachedTo == bpmn.None && len(n.Incoming) > 0 || len(n.Incoming) > 1 && n.Kind == bpmn.ParallelGateway {
			waits++
			require.Contains(t, stages, n.ID)
		}
		if n.Task != nil {
			require.Contains(t, tasks, n.Task.StaticType)
		}
		ends[End(n.ID)] = true
	}
	for _, k := range kinds {
		require.True(t, ends[k.end], "the model has the end %s", k.end)
	}
	require.Equal(t, processID, parsed.Processes[0].ID)
	require.Equal(t, len(stages)-1, waits, "the view shows where tokens may be")
}

func TestGeneratorBeginsWithOneOfEachKindAndRepeatsItself(t *testing.T) {
	t.Parallel()
	a, b, seen, weights := newGenerator("x", 7), newGenerator("x", 7), map[*kind]bool{}, 0
	for i := range 50 {
		order, k := a.next()
		again, _ := b.next()
		require.Equal(t, order, again)
		require.NotEmpty(t, order.ID)
		if seen[k] = true; i == len(kinds)-1 {
			require.Len(t, seen, len(kinds))
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
	require.NoError(t, json.Unmarshal([]byte(`{"instanceId":"i-1","processId":"order","businessKey":"x-1","state":"active",`+text+`}`), &s))
	return s
}

func placedBoard() (*board, *progress) {
	b := newBoard()
	b.place(Order{ID: "x-1", Customer: "olga", Amount: 12}, &kinds[0], time.Now())
	return b, b.ours[0]
}

// ended is the order that has come to its end by a status.
func ended(b *board, s status) *progress {
	p, _ := b.apply(s)
	return p
}

func TestBoardFollowsAnOrder(t *testing.T) {
	t.Parallel()
	b, p := placedBoard()
	at, _ := b.tokens()
	require.Equal(t, map[string]int{justPlaced: 1}, at)
	require.Nil(t, ended(b, told(t, `"sequence":1,"at":[{"element":"reserve"},{"element":"charge"}]`)))
	require.Equal(t, []string{"reserve", "charge"}, p.at)
	require.Nil(t, ended(b, told(t, `"sequence":2,"events":[{"type":"task-failed","element":"charge","message":"503"}],"at":[{"element":"charge"}]`)))
	require.Equal(t, 1, p.failures)
	require.Contains(t, line(p, time.Now()), "… charge  (1 failed: 503)")
	at, _ = b.tokens()
	require.Equal(t, map[string]int{"charge": 1}, at)
	require.Same(t, p, ended(b, told(t, `"sequence":3,"state":"completed","events":[{"type":"element-completed","element":"ship"},{"type":"element-passed","element":"shipped"}]`)))
	require.Equal(t, Shipped, p.end)
	require.False(t, p.proper(), "one attempt failed, of an order where none should")
	_, ends := b.tokens()
	require.Equal(t, map[End]int{Shipped: 1}, ends)
}

func TestBoardTellsWhatComesFromOutside(t *testing.T) {
	t.Parallel()
	b, _ := placedBoard()
	s := told(t, `"sequence":1,"events":[{"type":"instance-started","element":"placed"},{"type":"element-entered","element":"charge"},{"type":"task-failed","element":"charge","message":"503"}]`)
	s.Time = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.Local)
	_, news := b.apply(s)
	require.Len(t, news, 2)
	require.Equal(t, "03:04:05.006  x-1        instance-started     placed", news[0].String())
	require.Equal(t, "03:04:05.006  x-1        task-failed          charge: 503", news[1].String())
	_, news = b.apply(s)
	require.Empty(t, news, "told once")
}

func TestBoardCountsGapsAndIgnoresRepetitionsAndOtherProcesses(t *testing.T) {
	t.Parallel()
	b, p := placedBoard()
	b.apply(told(t, `"sequence":1,"at":[{"element":"charge"}]`))
	b.apply(told(t, `"sequence":1,"at":[]`))
	require.Equal(t, []string{"charge"}, p.at)
	require.Nil(t, ended(b, status{Instance: "i-2", Process: "invoice", Sequence: 1, State: "completed"}))
	require.Zero(t, b.gaps)
	b.apply(told(t, `"sequence":3`))
	require.Equal(t, 1, b.gaps)
}

func TestBoardShowsOrdersOfOthersAndDoesNotCountThem(t *testing.T) {
	t.Parallel()
	b, _ := placedBoard()
	other := told(t, `"sequence":7,"at":[{"element":"ship"}]`)
	other.Instance, other.BusinessKey = "i-2", "own-1"
	require.Nil(t, ended(b, other))
	require.Zero(t, b.gaps, "its beginning was before our time")
	other.Sequence, other.State = 8, "completed"
	require.Equal(t, "own-1", ended(b, other).order.ID)
	require.Zero(t, b.finished)
	require.Len(t, b.ours, 1)
}

func TestIncidentIsAnEndUntilItIsResolved(t *testing.T) {
	t.Parallel()
	b, p := placedBoard()
	require.Same(t, p, ended(b, told(t, `"sequence":1,"incidents":1,"at":[{"element":"charge"}]`)))
	require.Equal(t, Incident, p.end)
	require.Equal(t, 1, b.finished)
	require.Nil(t, ended(b, told(t, `"sequence":2,"incidents":1`)), "told once")
	require.Nil(t, ended(b, told(t, `"sequence":3,"at":[{"element":"charge"}]`)))
	require.Equal(t, End(""), p.end)
	require.Zero(t, b.finished)
	require.Same(t, p, ended(b, told(t, `"sequence":4,"state":"terminated","events":[{"type":"instance-terminated","element":"out-of-stock"}]`)))
	require.Equal(t, OutOfStock, p.end)
	require.Equal(t, 1, b.finished)
}

func TestRateCountsTheLastSeconds(t *testing.T) {
	t.Parallel()
	b, _ := placedBoard()
	now := b.ours[0].placed.Add(time.Minute)
	b.ended = []time.Time{now.Add(-20 * time.Second), now.Add(-4 * time.Second), now}
	require.InDelta(t, 0.4, b.rate(now, 5*time.Second), 1e-9)
	b.ours[0].placed = now.Add(-500 * time.Millisecond)
	require.InDelta(t, 4, b.rate(now, 5*time.Second), 1e-9, "no longer than the first order has been there")
}

func TestVerdictNamesOrdersWithTheWrongEnd(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	d := &demo{Config: Config{Out: &out, Seed: 9}}
	d.board, _ = placedBoard()
	d.board.apply(told(t, `"sequence":2,"state":"terminated","events":[{"type":"instance-terminated","element":"out-of-stock"}]`))
	err := d.verdict()
	require.ErrorContains(t, err, "seed 9: order x-1 should end as shipped")
	require.ErrorContains(t, err, "■ out-of-stock")
	require.ErrorContains(t, err, "1 gaps in the sequence")
	require.Regexp(t, `ordinary +1 +shipped +0 +-`, out.String())
}

func TestTableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	v := newView(io.Discard)
	b, _ := placedBoard()
	_, news := b.apply(told(t, `"sequence":1,"events":[{"type":"instance-started","element":"placed"}],"at":[{"element":"reserve"},{"element":"charge"}]`))
	for range 2 * maxRecent {
		v.show(nil, news)
	}
	for _, height := range []int{5, 14, 16, 24, 60} {
		lines := v.lines(b, time.Now(), height)
		require.LessOrEqual(t, len(lines), max(height-1, 12), "height %d", height)
	}
	text := strings.Join(v.lines(b, time.Now(), 24), "\n")
	require.Contains(t, text, "1 orders placed   1 under way   0 ended")
	require.Regexp(t, `charge +1 +out-of-stock +·`, text)
	require.Contains(t, text, "instance-started     placed")
}

func TestTableIsPaintedInPlace(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	v := &view{out: &out}
	v.paint([]string{"one", "größer als fünf", ""}, 6)
	require.Equal(t, "one\x1b[K\ngröße\x1b[K\n\x1b[K\n\x1b[J", out.String(), "cut to the width")
	out.Reset()
	v.paint([]string{"two"}, 6)
	require.Equal(t, "\x1b[3Atwo\x1b[K\n\x1b[J", out.String(), "goes up over what it has painted")
}
