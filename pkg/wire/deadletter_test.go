package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDeadLetterKeepsTheRecord(t *testing.T) {
	t.Parallel()
	r := *record("\x00not json", "correlationId", "42", "correlationId", "43", "X-Own", "\xff")
	r.Partition, r.Offset, r.Time, r.Key = 3, 77, noon.Add(-time.Hour), nil
	var p Pack
	d := DeadLetter{Topic: "barnabas.results.dlq", Record: r, Class: PoisonBadValue, Message: strings.Repeat("m", 5000), FirstFailure: noon, Engine: "engine-1"}
	p.AddDeadLetter(&d)
	got := unpack(t, &p)[0]

	require.Equal(t, "barnabas.results.dlq", got.Topic)
	require.Equal(t, ByKey, got.Partition)
	require.Nil(t, got.Key)
	require.Equal(t, r.Value, got.Value)
	require.Equal(t, r.Headers, got.Headers[:3])
	require.Equal(t, map[string]string{
		"correlationId": "43", "X-Own": "\xff",
		"x-dlq-original-topic": "barnabas.results", "x-dlq-original-partition": "3", "x-dlq-original-offset": "77",
		"x-dlq-original-timestamp": "2026-11-21T11:00:00.123456Z", "x-dlq-error-class": "bad-value",
		"x-dlq-error-message": strings.Repeat("m", 4096), "x-dlq-first-failure": "2026-11-21T12:00:00.123456Z", "x-dlq-engine": "engine-1",
	}, headers(got))

	original, reason, ok := Original(got)
	require.True(t, ok)
	require.Equal(t, []any{r.Topic, r.Partition, r.Offset, r.Time, strings.Repeat("m", 4096)}, []any{original.Topic, original.Partition, original.Offset, original.Time, reason})
	_, _, ok = Original(r)
	require.False(t, ok)

	// Replayed with its headers and failing again: the first failure stays the first.
	again := DeadLetter{Topic: "barnabas.results.dlq", Record: got, Class: PoisonTooLarge, FirstFailure: noon.Add(time.Hour), Engine: "engine-2"}
	p.Reset()
	p.AddDeadLetter(&again)
	second := unpack(t, &p)[0]
	require.Len(t, second.Headers, len(got.Headers)-1, "no header twice; the consumed time is unknown")
	require.Equal(t, "2026-11-21T12:00:00.123456Z", headers(second)["x-dlq-first-failure"])
	require.Equal(t, PoisonTooLarge, headers(second)["x-dlq-error-class"])
	require.Equal(t, "engine-2", headers(second)["x-dlq-engine"])
}

func TestNames(t *testing.T) {
	t.Parallel()
	var n Names
	require.Equal(t, []string{"barnabas.results", "barnabas.messages", "barnabas.control", "barnabas.status", "orders.dlq"},
		[]string{n.Results(), n.Messages(), n.Control(), n.Status(), n.DeadLetter("orders")})
	topic, err := n.Task("payment")
	require.NoError(t, err)
	require.Equal(t, "barnabas.task.payment", topic)

	n = Names{Prefix: "acme.", Map: map[string]string{"results": "answers", "task.order:pay": "pay", "answers.dlq": "dead"}}
	require.Equal(t, "acme.messages", n.Messages())
	require.Equal(t, "answers", n.Results())
	require.Equal(t, "dead", n.DeadLetter(n.Results()))
	topic, err = n.Task("order:pay")
	require.NoError(t, err)
	require.Equal(t, "pay", topic)
	_, err = n.Task("order:ship")
	require.EqualError(t, err, `task type "order:ship": topic "acme.task.order:ship": ':' is not allowed, only a-z A-Z 0-9 . _ -; map task.order:ship to a topic`)
	_, err = n.Task("")
	require.Error(t, err)
	_, err = n.Task(strings.Repeat("x", 240))
	require.ErrorContains(t, err, "1 to 249 characters")
}

func TestReservedHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"correlationId", "status", "ce_own", "x-dlq-", "barnabas-home", "traceparent"} {
		require.True(t, ReservedHeader(name), name)
	}
	for _, name := range []string{"region", "Status", "x-own", ""} {
		require.False(t, ReservedHeader(name), name)
	}
}

// Packs outlive the version that wrote them.
func TestHeaderDictionaryIsFrozen(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ce_id", headerNames[2])
	require.Equal(t, "correlationId", headerNames[9])
	require.Equal(t, "barnabas-origin-key", headerNames[39])
	require.Equal(t, "x-dlq-engine", headerNames[47])
}
