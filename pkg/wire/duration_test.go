package wire

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDurations(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "1500": 1500 * time.Millisecond, "PT0S": 0, "PT30S": 30 * time.Second, "PT0.5S": time.Second / 2, "PT0,25S": time.Second / 4,
		"PT1.5H": 90 * time.Minute, "P1D": day, "P2W": 14 * day, "P1W2DT3H4M5S": 9*day + 3*time.Hour + 4*time.Minute + 5*time.Second,
		"P1DT12H": 36 * time.Hour, "PT90M": 90 * time.Minute, "P3650D": 3650 * day,
	} {
		got, ok := parseDuration([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", " ", "P", "PT", "P1DT", "P1Y", "P1M", "PT1D", "P1H", "PT1S1M", "P1D1W", "PT1M1M", "PTT1S", "-PT1S", "PT-1S", "PT1.5H1M",
		"1.5", "-1", "1s", "PT1", "pt1s", "P3651D", "99999999999999999999", "PT9999999999999999999999H", "P1D ", "PT.5S", "P1DT1D",
	} {
		_, ok := parseDuration([]byte(text))
		require.False(t, ok, text)
	}
}

func TestDurationReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(maxDuration)).Draw(t, "d"))
		got, ok := parseDuration(appendDuration(nil, want))
		require.True(t, ok)
		require.Equal(t, want, got)
	})
	require.Equal(t, "PT0S", string(appendDuration(nil, -time.Second)))
	require.Equal(t, "PT1.05S", string(appendDuration(nil, 1050*time.Millisecond)))
}

// A float64 can't tell the nanoseconds of ten years apart.
func TestDurationKeepsNanoseconds(t *testing.T) {
	t.Parallel()
	d, ok := ParseDuration("PT315359999.987654321S")
	require.True(t, ok)
	require.Equal(t, maxDuration-12345679, d)
}
