package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecompress reads outbox rows: what was compressed comes back, what is
// damaged is an error, and neither takes more memory than a row may have.
func FuzzDecompress(f *testing.F) {
	const limit = 1 << 20 // few bytes can stand for many
	f.Fuzz(func(t *testing.T, data []byte) {
		if plain, err := decompress(data, limit); err == nil {
			require.LessOrEqual(t, len(plain), max(limit, len(data)))
		}
		for len(data) > 0 && len(data) < compressFrom {
			data = append(data, data...)
		}
		if len(data) == 0 || data[0] == compressed {
			return // no pack begins so
		}
		var c compressor
		plain, err := decompress(c.compress(data), len(data))
		require.NoError(t, err)
		require.Equal(t, data, plain)
	})
}
