package wire

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCorrelationIDReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := CorrelationID{
			Instance: [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "instance")),
			Home:     rapid.Int32Min(0).Draw(t, "home"),
			Task:     rapid.Uint64().Draw(t, "task"),
			Attempt:  rapid.Uint32().Draw(t, "attempt"),
		}
		text := id.String()
		require.LessOrEqual(t, len(text), maxCorrelationID)
		require.Contains(t, text, uuid.UUID(id.Instance).String()+".")
		got, err := ParseCorrelationID([]byte(text))
		require.NoError(t, err)
		require.Equal(t, id, got)
	})
}

func TestCorrelationIDIsStrict(t *testing.T) {
	t.Parallel()
	const instance = "0199c5a2-7d3e-7c11-9b1f-0242ac120002"
	for _, text := range []string{
		"", instance, instance + ".", instance + ".1", instance + ".1.2", instance + ".1.2.", instance + ".1.2.3.4",
		instance + ".1.2.3 ", instance + ".01.2.3", instance + ".1.+2.3", instance + ".-1.2.3", instance + "..2.3",
		instance + ".2147483648.2.3", instance + ".1.18446744073709551616.3", instance + ".1.2.4294967296",
		"0199C5A2-7d3e-7c11-9b1f-0242ac120002.1.2.3", "0199c5a2x7d3e-7c11-9b1f-0242ac120002.1.2.3",
		"0199c5a27d3e7c119b1f0242ac120002.1.2.3", "{199c5a2-7d3e-7c11-9b1f-0242ac120002.1.2.3",
	} {
		_, err := ParseCorrelationID([]byte(text))
		require.Error(t, err, text)
	}
	for _, text := range []string{instance + ".0.0.0", instance + ".2147483647.18446744073709551615.4294967295"} {
		id, err := ParseCorrelationID([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, text, id.String())
	}
}

func TestParseCorrelationIDDoesNotAllocate(t *testing.T) {
	text := []byte("0199c5a2-7d3e-7c11-9b1f-0242ac120002.3.7.2")
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = ParseCorrelationID(text) }))
}
