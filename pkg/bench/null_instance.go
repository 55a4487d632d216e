package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// nullInstance is an instance of the null pipeline: a chain of tasks.
type nullInstance struct {
	id        [16]byte
	text      [36]byte
	partition int32 // of its key, in the topics of commands and status
	version   int64
	key       string
	vars      []byte
}

func newNullInstance(id [16]byte, key string, vars []byte) *nullInstance {
	i := &nullInstance{id: id, version: 1, key: key, vars: bytes.Clone(vars)}
	wire.AppendUUID(i.text[:0], id)
	return i
}

// appendState encodes what the instance row keeps.
func (i *nullInstance) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, 1), uint64(i.version))
	dst = append(binary.AppendUvarint(dst, uint64(len(i.key))), i.key...)
	return append(binary.AppendUvarint(dst, uint64(len(i.vars))), i.vars...)
}

// idSource makes time-ordered ids (UUIDv7) without asking for randomness each time.
type idSource struct {
	counter uint32
	random  uint32
}

func newIDSource() idSource { return idSource{random: rand.Uint32()} }

func (s *idSource) next(now time.Time) (id [16]byte) {
	s.counter++
	binary.BigEndian.PutUint64(id[:], uint64(now.UnixMilli())<<16)
	id[6] = 0x70 | byte(s.counter>>28)
	id[7] = byte(s.counter >> 20)
	binary.BigEndian.PutUint32(id[8:], s.counter&0xfffff<<10)
	id[8] |= 0x80
	binary.BigEndian.PutUint32(id[12:], s.random)
	return id
}

var errNullInput = errors.New("unexpected record")

// startOf reads a start message.
func startOf(r *kgo.Record) (key string, messageID [16]byte, err error) {
	var name, correlation, id []byte
	for i := range r.Headers {
		switch h := &r.Headers[i]; h.Key {
		case wire.HeaderMessageName:
			name = h.Value
		case wire.HeaderCorrelationKey:
			correlation = h.Value
		case wire.HeaderMessageID:
			id = h.Value
		}
	}
	messageID, ok := wire.ParseUUID(id)
	if len(name) == 0 || len(correlation) == 0 || !ok {
		return "", messageID, fmt.Errorf("%s[%d]@%d: %w", r.Topic, r.Partition, r.Offset, errNullInput)
	}
	return string(correlation), messageID, nil
}

// resultOf reads the correlation id of a result.
func resultOf(r *kgo.Record) (wire.CorrelationID, error) {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == wire.HeaderCorrelationID {
			return wire.ParseCorrelationID(h.Value)
		}
	}
	return wire.CorrelationID{}, fmt.Errorf("%s[%d]@%d: %w", r.Topic, r.Partition, r.Offset, errNullInput)
}
