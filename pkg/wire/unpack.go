package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCorrupt means that bytes are not a pack.
var ErrCorrupt = errors.New("not a pack of records")

// Unpack calls each with every record of a pack, in order, and stops at its
// first error. Key, Value and header values alias data; the records stay valid
// as long as data is unchanged. Bytes that are not a pack give an ErrCorrupt;
// records before the damage have been handed out by then.
func Unpack(data []byte, each func(Record) error) error {
	var u Unpacker
	return u.Unpack(data, each)
}

// Unpacker unpacks many packs and keeps the names it saw, so that topics and
// headers are not allocated again. The zero value is ready; it is not safe for
// concurrent use.
type Unpacker struct {
	names   map[string]string
	topic   string   // of the last record
	headers []Header // room for the headers of the next records
}

const (
	maxNames    = 4096 // names kept before starting afresh: task topics may be computed
	headerChunk = 1024 // headers allocated at once
)

// Unpack is as the function Unpack.
func (u *Unpacker) Unpack(data []byte, each func(Record) error) error {
	if len(data) == 0 {
		return nil
	}
	if data[0] != packVersion {
		return fmt.Errorf("%w: version %d, expected %d", ErrCorrupt, data[0], packVersion)
	}
	for rest, n := data[1:], 0; len(rest) > 0; n++ {
		if len(rest) < 4 {
			return fmt.Errorf("%w: record %d is cut off", ErrCorrupt, n)
		}
		size := binary.LittleEndian.Uint32(rest)
		if uint64(size) > uint64(len(rest)-4) {
			return fmt.Errorf("%w: record %d is %d bytes long, %d are left", ErrCorrupt, n, size, len(rest)-4)
		}
		record, ok := u.frame(rest[4 : 4+size])
		if !ok {
			return fmt.Errorf("%w: record %d can't be read", ErrCorrupt, n)
		}
		if err := each(record); err != nil {
			return err
		}
		rest = rest[4+size:]
	}
	return nil
}

// frame reads one record.
func (u *Unpacker) frame(b []byte) (r Record, ok bool) {
	topic, b, ok := cutText(b)
	if !ok {
		return r, false
	}
	if string(topic) != u.topic {
		u.topic = u.name(topic)
	}
	r.Topic = u.topic
	partition, n := binary.Varint(b)
	if n <= 0 || partition < int64(ByKey) || partition > 1<<31-1 {
		return r, false
	}
	r.Partition = int32(partition)
	if r.Key, b, ok = cutBytes(b[n:]); !ok {
		return r, false
	}
	if r.Headers, b, ok = u.cutHeaders(b); !ok || len(b) == 0 {
		return r, false
	}
	if b[0] != 0 {
		r.Value = b[1:len(b):len(b)]
	}
	return r, b[0] == 1 || len(b) == 1
}

// cutHeaders reads headers up to the end mark.
func (u *Unpacker) cutHeaders(b []byte) (headers []Header, rest []byte, ok bool) {
	start := len(u.headers)
	for len(b) > 0 && b[0] != codeEnd {
		var h Header
		if h.Key, b, ok = u.cutName(b); !ok {
			return nil, nil, false
		}
		if h.Value, b, ok = cutBytes(b); !ok {
			return nil, nil, false
		}
		if len(u.headers) == cap(u.headers) {
			begun := u.headers[start:]
			u.headers = make([]Header, 0, max(headerChunk, 2*len(begun)))
			u.headers = append(u.headers, begun...)
			start = 0
		}
		u.headers = append(u.headers, h)
	}
	if len(b) == 0 {
		return nil, nil, false
	}
	if len(u.headers) == start {
		return nil, b[1:], true
	}
	return u.headers[start:len(u.headers):len(u.headers)], b[1:], true
}

func (u *Unpacker) cutName(b []byte) (name string, rest []byte, ok bool) {
	code, rest := b[0], b[1:]
	if code != codeInline {
		ok := int(code) < len(headerNames)
		if ok {
			name = headerNames[code]
		}
		return name, rest, ok
	}
	text, rest, ok := cutText(rest)
	return u.name(text), rest, ok
}

// name gives text as a string, the same one every time.
func (u *Unpacker) name(text []byte) string {
	if name, known := u.names[string(text)]; known {
		return name
	}
	if u.names == nil || len(u.names) >= maxNames {
		u.names = make(map[string]string)
	}
	name := string(text)
	u.names[name] = name
	return name
}

func cutText(b []byte) (text, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return b[n:end], b[end:], true
}

func cutBytes(b []byte) (value, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n)+1 {
		return nil, nil, false
	}
	if size == 0 {
		return nil, b[n:], true
	}
	end := n + int(size-1)
	return b[n:end:end], b[end:], true
}
