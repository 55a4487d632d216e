package store

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

// compressed begins outbox data in S2 form. Packs begin with their version
// number, which is far from it.
const compressed = 0xF2

// compressFrom is the size from which compressing pays for itself.
const compressFrom = 1 << 10

// maxOutboxRow bounds what a damaged row can make us allocate. No engine writes
// more: a batch ends at orchestrator.DefaultBatchBytes, with a step that may be as
// long again.
const maxOutboxRow = 256 << 20

// compressor packs the records of a batch closer: headers repeat from record to
// record, so that a tenth or less is left, and Postgres writes, logs and keeps
// that much less.
type compressor struct{ scratch []byte }

// compress returns data, or its compressed form, which is valid until the next
// call.
func (c *compressor) compress(data []byte) []byte {
	if len(data) < compressFrom {
		return data
	}
	if n := s2.MaxEncodedLen(len(data)) + 1; len(c.scratch) < n {
		c.scratch = make([]byte, n)
	}
	c.scratch[0] = compressed
	return c.scratch[:1+len(s2.Encode(c.scratch[1:], data))]
}

// decompress undoes compress, if that has at most so many bytes.
func decompress(data []byte, limit int) ([]byte, error) {
	if len(data) == 0 || data[0] != compressed {
		return data, nil
	}
	if n, err := s2.DecodedLen(data[1:]); err != nil || n > limit {
		return nil, fmt.Errorf("compressed row of %d bytes: %w", n, s2.ErrCorrupt)
	}
	return s2.Decode(nil, data[1:])
}
