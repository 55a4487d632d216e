package wire

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"
)

// Pack holds records in order, as one outbox row. Its bytes are:
//
//	pack    = version (1 byte, 1), frame*
//	frame   = length of the rest (4 bytes), text topic, varint partition, bytes key,
//	          header*, 0, null (1 byte: 0 means no value), value (to the end of the frame)
//	header  = code (1 byte: 1, then text name; or the name's place in the dictionary), bytes value
//	text    = uvarint length, bytes
//	bytes   = uvarint length + 1 (0: null), bytes
//
// Numbers are little-endian. Frames stand for themselves: any selection of
// frames after a version byte is a pack.
//
// The zero Pack is empty and ready. The adders copy what they are given. A Pack
// is not safe for concurrent use.
type Pack struct {
	buf   []byte
	count int

	// A batch is decided at one moment, and most deadlines are equally far from
	// it, so their texts are worth keeping.
	now, due moment

	room [maxCorrelationID]byte // for an id that a record holds several times
}

// packVersion begins every pack.
const packVersion = 1

// Mark is a place between two records of a pack.
type Mark struct{ bytes, records int }

// Reset empties the pack and keeps its memory.
func (p *Pack) Reset() { p.buf, p.count = p.buf[:0], 0 }

// Grow makes room for n bytes in all, so that a pack of a known size is not
// moved while it grows.
func (p *Pack) Grow(n int) { p.buf = slices.Grow(p.buf, max(n-len(p.buf), 0)) }

// Bytes is the encoded pack, valid until the next change; nil when empty.
func (p *Pack) Bytes() []byte {
	if p.count == 0 {
		return nil
	}
	return p.buf
}

// Len is the size of Bytes.
func (p *Pack) Len() int { return len(p.Bytes()) }

// Count is the number of records.
func (p *Pack) Count() int { return p.count }

// Mark is the place after the last record.
func (p *Pack) Mark() Mark { return Mark{bytes: max(len(p.buf), 1), records: p.count} }

// Truncate takes back what was added after m.
func (p *Pack) Truncate(m Mark) {
	if m.records < p.count {
		p.buf, p.count = p.buf[:m.bytes], m.records
	}
}

// Append adds all records of other.
func (p *Pack) Append(other *Pack) { p.AppendBetween(other, Mark{bytes: 1}, other.Mark()) }

// AppendBetween adds the records of other between two of its marks, in one copy.
func (p *Pack) AppendBetween(other *Pack, from, to Mark) {
	if from.records == to.records {
		return
	}
	p.version()
	p.buf = append(p.buf, other.buf[from.bytes:to.bytes]...)
	p.count += to.records - from.records
}

// Add adds any record. Offset and Time are not kept.
func (p *Pack) Add(r Record) {
	start := p.begin(r.Topic, r.Partition)
	p.bytes(r.Key)
	p.original(&r)
	p.end(start)
}

func (p *Pack) version() {
	if len(p.buf) == 0 {
		p.buf = append(p.buf, packVersion)
	}
}

// begin starts a frame; end completes it.
func (p *Pack) begin(topic string, partition int32) (start int) {
	p.version()
	start = len(p.buf)
	p.buf = append(p.buf, 0, 0, 0, 0)
	p.buf = appendText(p.buf, topic)
	p.buf = binary.AppendVarint(p.buf, int64(partition))
	return start
}

func (p *Pack) end(start int) {
	binary.LittleEndian.PutUint32(p.buf[start:], uint32(len(p.buf)-start-4))
	p.count++
}

// beginValue ends the headers; what is appended now is the value.
func (p *Pack) beginValue() { p.buf = append(p.buf, codeEnd, 1) }

// value ends the headers and appends the whole value; nil stays nil.
func (p *Pack) value(b []byte) {
	p.beginValue()
	if b == nil {
		p.buf[len(p.buf)-1] = 0
	}
	p.buf = append(p.buf, b...)
}

// bytes appends a key or header value; nil stays nil.
func (p *Pack) bytes(b []byte) {
	if b == nil {
		p.buf = append(p.buf, 0)
		return
	}
	p.buf = binary.AppendUvarint(p.buf, uint64(len(b))+1)
	p.buf = append(p.buf, b...)
}

func appendText(dst []byte, text string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

func (p *Pack) anyHeader(name string, value []byte) {
	if code, known := headerCodes[name]; known {
		p.buf = append(p.buf, code)
	} else {
		p.buf = appendText(append(p.buf, codeInline), name)
	}
	p.bytes(value)
}

// text appends a header of the dictionary.
func (p *Pack) text(code byte, value string) {
	p.buf = append(p.buf, code)
	p.string(value)
}

// string is bytes for text.
func (p *Pack) string(s string) {
	p.buf = binary.AppendUvarint(p.buf, uint64(len(s))+1)
	p.buf = append(p.buf, s...)
}

// raw is text for bytes; nil stays nil.
func (p *Pack) raw(code byte, value []byte) {
	p.buf = append(p.buf, code)
	p.bytes(value)
}

// optional appends a header unless its value is empty.
func (p *Pack) optional(code byte, value string) {
	if value != "" {
		p.text(code, value)
	}
}

// short begins a header whose value is written in place and is at most 126
// bytes long; endShort completes it.
func (p *Pack) short(code byte) (start int) {
	p.buf = append(p.buf, code, 0)
	return len(p.buf)
}

func (p *Pack) endShort(start int) { p.buf[start-1] = byte(len(p.buf) - start + 1) }

func (p *Pack) number(code byte, n int64) {
	start := p.short(code)
	p.buf = strconv.AppendInt(p.buf, n, 10)
	p.endShort(start)
}

func (p *Pack) unsigned(code byte, n uint64) {
	start := p.short(code)
	p.buf = strconv.AppendUint(p.buf, n, 10)
	p.endShort(start)
}

func (p *Pack) uuid(code byte, id [16]byte) {
	start := p.short(code)
	p.buf = AppendUUID(p.buf, id)
	p.endShort(start)
}

// time appends a header with t; last is where its text is kept for the next record.
func (p *Pack) time(code byte, last *moment, t time.Time) {
	start := p.short(code)
	p.buf = last.append(p.buf, t)
	p.endShort(start)
}

// timeForm is how times are written: RFC 3339 in UTC with microseconds.
const timeForm = "2006-01-02T15:04:05.000000Z"

// moment is a time and its text.
type moment struct {
	time time.Time
	text []byte
}

// append appends the text of t, formatting it only if it isn't the last one.
func (m *moment) append(dst []byte, t time.Time) []byte {
	if t != m.time || m.text == nil {
		m.time, m.text = t, t.UTC().AppendFormat(m.text[:0], timeForm)
	}
	return append(dst, m.text...)
}
