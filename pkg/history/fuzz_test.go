package history

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// FuzzStatus takes any value for a status record: a step, or an error.
func FuzzStatus(f *testing.F) {
	f.Fuzz(func(t *testing.T, value []byte) {
		step, err := parse(value)
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = parse(value) }), float64(200+len(value)))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.Positive(t, step.Sequence)
		require.True(t, len(step.Events) == 0 || json.Valid(step.Events))
		_, ok := wire.ParseUUID(wire.AppendUUID(nil, step.Instance))
		require.True(t, ok)
	})
}
