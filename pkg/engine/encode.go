package engine

import (
	"encoding/binary"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// The stored form of a State. Integers are varints, texts and variables carry
// their length, nodes and flows are indexes into the process. Header:
//
//	version, flags, identity, sequence, texts, times, end, next key,
//	finished attempts, variables, then
//	  small: the element instances
//	  paged: per page its number, count and earliest due time
//
// Part: version, then the element instances of one page. What can be computed
// (children, joins, sizes) is not stored.
const (
	encodingVersion = 1
	// maxInline is how many bytes of element instances the header may hold.
	maxInline = 8 << 10
)

const (
	headerPaged = 1 << iota
	headerParked
)

const (
	elementPhase     = 3 // the two lowest bits
	elementTriggered = 1 << (iota + 1)
	elementLocals
	elementResult
	elementTask
	elementWaits
	elementArrived
	elementIncident
)

// Changes is what has to be written to store a State.
type Changes struct {
	Header []byte   // always
	Parts  []Part   // pages that changed
	Gone   []uint32 // pages to delete
	Paged  bool     // the instance has parts
}

// Part is a stored page of element instances.
type Part struct {
	No   uint32
	Data []byte
}

// Changes encodes what changed since the last Saved. The caller owns the result.
// Called again without Saved in between it gives the same and what came since.
func (s *State) Changes() Changes {
	if !s.paged {
		header := s.appendHeader(make([]byte, 0, s.headerSize()), 0)
		from := len(header)
		header = s.appendInline(header)
		if len(header)-from <= maxInline {
			return Changes{Header: header, Gone: s.gone}
		}
		s.paged = true
	}
	c := Changes{Gone: append([]uint32(nil), s.gone...), Paged: true}
	for _, pg := range s.pages {
		if pg.dirty || !pg.stored {
			data := pg.appendPart(make([]byte, 0, pg.size+64))
			pg.size = len(data)
			c.Parts = append(c.Parts, Part{No: pg.number, Data: data})
		}
	}
	header := s.appendHeader(make([]byte, 0, 256+2*s.variables.size()+16*len(s.pages)), headerPaged)
	c.Header = s.appendDirectory(header)
	return c
}

// headerSize is about how long the header of a small instance gets.
func (s *State) headerSize() int {
	return 80 + len(s.BusinessKey) + len(s.Tenant) + len(s.TraceParent) +
		s.bytes + 4*len(s.variables) + 8*len(s.finished) + 48*s.elements
}

// Saved says that the last Changes are stored.
func (s *State) Saved() {
	s.gone = s.gone[:0]
	for _, pg := range s.pages {
		if s.paged {
			pg.dirty, pg.stored = false, true
		}
	}
}

func (s *State) appendHeader(dst []byte, flags byte) []byte {
	if s.Parked {
		flags |= headerParked
	}
	dst = append(dst, encodingVersion, flags)
	dst = binary.AppendVarint(dst, s.Definition)
	dst = binary.AppendVarint(dst, int64(s.Version))
	dst = binary.AppendUvarint(dst, s.Sequence)
	dst = appendText(dst, s.BusinessKey)
	dst = appendText(dst, s.Tenant)
	dst = appendText(dst, s.TraceParent)
	dst = binary.AppendVarint(dst, micros(s.StartedAt))
	if s.Parked {
		dst = appendText(dst, s.parkedCause)
		dst = binary.AppendVarint(dst, s.parkedAt)
	}
	dst = appendText(dst, string(s.end))
	dst = binary.AppendUvarint(dst, uint64(s.next))
	dst = binary.AppendUvarint(dst, uint64(len(s.finished)))
	for _, a := range s.finished {
		dst = binary.AppendUvarint(dst, uint64(a.task))
		dst = binary.AppendUvarint(dst, uint64(a.number))
	}
	return appendVariables(dst, s.variables)
}

func (s *State) appendInline(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.elements))
	previous := Key(0)
	for _, pg := range s.pages {
		dst = pg.appendElements(dst, previous)
		previous = pg.elements[len(pg.elements)-1].key
	}
	return dst
}

func (s *State) appendDirectory(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s.pages)))
	number := uint32(0)
	for _, pg := range s.pages {
		dst = binary.AppendUvarint(dst, uint64(pg.number-number))
		dst = binary.AppendUvarint(dst, uint64(len(pg.elements)))
		dst = binary.AppendVarint(dst, pg.earliest())
		number = pg.number
	}
	return dst
}

func (pg *page) appendPart(dst []byte) []byte {
	dst = append(dst, encodingVersion)
	dst = binary.AppendUvarint(dst, uint64(len(pg.elements)))
	return pg.appendElements(dst, Key(pg.number)*pageSize)
}

// appendElements encodes each key as the distance from the one before.
func (pg *page) appendElements(dst []byte, previous Key) []byte {
	for _, e := range pg.elements {
		dst = binary.AppendUvarint(dst, uint64(e.key-previous))
		dst = e.append(dst)
		previous = e.key
	}
	return dst
}

func (e *element) flags() uint64 {
	return uint64(e.phase) |
		bit(e.triggered, elementTriggered) |
		bit(len(e.locals) > 0, elementLocals) |
		bit(len(e.result) > 0, elementResult) |
		bit(e.task.phase != noTask, elementTask) |
		bit(len(e.waits) > 0, elementWaits) |
		bit(e.arrived != nil, elementArrived) |
		bit(e.incident != nil, elementIncident)
}

func bit(set bool, bit uint64) uint64 {
	if set {
		return bit
	}
	return 0
}

func (e *element) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.node))
	dst = binary.AppendUvarint(dst, uint64(e.scope))
	dst = binary.AppendUvarint(dst, uint64(e.flow-bpmn.None))
	dst = binary.AppendUvarint(dst, e.flags())
	if len(e.locals) > 0 {
		dst = appendVariables(dst, e.locals)
	}
	if len(e.result) > 0 {
		dst = appendVariables(dst, e.result)
	}
	if e.task.phase != noTask {
		dst = e.task.append(dst)
	}
	if len(e.waits) > 0 {
		dst = appendWaits(dst, e.waits)
	}
	if e.arrived != nil {
		dst = e.arrived.append(dst)
	}
	if e.incident != nil {
		dst = append(dst, byte(e.incident.kind))
		dst = appendText(dst, e.incident.message)
		dst = binary.AppendVarint(dst, e.incident.since)
	}
	return dst
}

func (t *task) append(dst []byte) []byte {
	dst = append(dst, byte(t.phase))
	dst = binary.AppendUvarint(dst, uint64(t.attempt))
	dst = binary.AppendUvarint(dst, uint64(t.left))
	dst = binary.AppendUvarint(dst, uint64(t.retries))
	dst = binary.AppendVarint(dst, t.due)
	return appendText(dst, t.kind)
}

func appendWaits(dst []byte, waits []wait) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(waits)))
	for i := range waits {
		w := &waits[i]
		dst = binary.AppendUvarint(dst, uint64(w.node))
		dst = binary.AppendVarint(dst, w.due)
		if w.isTimer() {
			dst = binary.AppendVarint(dst, int64(w.repetitions))
			dst = appendText(dst, w.interval)
			continue
		}
		dst = appendText(dst, w.name)
		dst = appendText(dst, w.correlationKey)
		dst = appendFlag(dst, w.interrupting)
	}
	return dst
}

func (a *arrivals) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(a.marks)))
	for _, m := range a.marks {
		dst = binary.LittleEndian.AppendUint64(dst, m)
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.surplus)))
	for _, position := range a.surplus {
		dst = binary.AppendUvarint(dst, uint64(position))
	}
	return dst
}

func appendVariables(dst []byte, v Variables) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	for _, m := range v {
		dst = appendText(dst, m.Name)
		dst = binary.AppendUvarint(dst, uint64(len(m.Value)))
		dst = append(dst, m.Value...)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendFlag(dst []byte, flag bool) []byte {
	if flag {
		return append(dst, 1)
	}
	return append(dst, 0)
}
