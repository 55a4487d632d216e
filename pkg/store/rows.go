package store

import (
	"bytes"
	"encoding/binary"
)

// Rows is what a batch changes, for those who stand in for the database or look
// over its shoulder. It shares no memory with the batch.
type Rows struct {
	Offsets      []MovedOffset
	Messages     [][16]byte // marked as seen
	Inserts      []InstanceRow
	Updates      []SeenInstance
	Deletes      []SeenInstance // ID and Seen only
	PutParts     []PartRow
	DropParts    []PartRow // without Data
	DropPaged    [][16]byte
	Correlations []CorrelationRow // Version is what was seen, 0: no row
	Dropped      []CorrelationRow // Name, Key and Version only
	Parked       []ParkedRow
	Unparked     [][16]byte
	StartTimers  []SeenStartTimer
	Outbox       []byte // nil: none
}

// MovedOffset is the advance of an input partition.
type MovedOffset struct {
	Topic       string
	Partition   int32
	First, Next int64
}

// SeenInstance is an instance's row as it becomes, if its version is Seen.
type SeenInstance struct {
	Seen int64
	InstanceRow
}

// PartRow is a page of a large instance.
type PartRow struct {
	ID   [16]byte
	No   uint32
	Data []byte
}

// ParkedRow is an input kept for a parked instance.
type ParkedRow struct {
	ID    [16]byte
	Input []byte
}

// SeenStartTimer is a start timer as it becomes, if it is due at Seen.
type SeenStartTimer struct {
	Seen int64
	StartTimerRow
}

// Rows reads the batch.
func (b *Batch) Rows() Rows {
	r := Rows{
		Messages: uuids(&b.dedupe), DropPaged: uuids(&b.dropPaged), Unparked: uuids(&b.unpark),
		PutParts: partRows(&b.putParts), DropParts: partRows(&b.dropParts),
		Correlations: append(correlationRows(&b.openCorr), correlationRows(&b.putCorr)...),
		Outbox:       bytes.Clone(b.outbox),
	}
	b.offsets.read(func(c cells) {
		r.Offsets = append(r.Offsets, MovedOffset{c[0].text(), c[1].int4(), c[2].int8(), c[3].int8()})
	})
	b.inserts.read(func(c cells) {
		r.Inserts = append(r.Inserts, InstanceRow{
			ID: c[0].uuid(), Version: c[1].int8(), Definition: c[2].int8(), Incidents: c[3].int4(),
			Parked: c[4][0] == 1, NextDue: c[5].int8(), BusinessKey: c[6].text(), State: bytes.Clone(c[7]),
		})
	})
	b.updates.read(func(c cells) {
		r.Updates = append(r.Updates, SeenInstance{c[1].int8(), InstanceRow{
			ID: c[0].uuid(), Version: c[2].int8(), Incidents: c[3].int4(), Parked: c[4][0] == 1, NextDue: c[5].int8(), State: bytes.Clone(c[6]),
		}})
	})
	b.deletes.read(func(c cells) {
		r.Deletes = append(r.Deletes, SeenInstance{c[1].int8(), InstanceRow{ID: c[0].uuid()}})
	})
	b.dropCorr.read(func(c cells) {
		r.Dropped = append(r.Dropped, CorrelationRow{Name: c[0].text(), Key: c[1].text(), Version: c[2].int8()})
	})
	b.park.read(func(c cells) {
		r.Parked = append(r.Parked, ParkedRow{c[0].uuid(), bytes.Clone(c[1])})
	})
	b.startTimer.read(func(c cells) {
		r.StartTimers = append(r.StartTimers, SeenStartTimer{c[2].int8(), StartTimerRow{
			Definition: c[0].int8(), Node: c[1].int4(), Due: c[3].int8(), Repetitions: c[4].int4(), Interval: c[5].text(),
		}})
	})
	return r
}

func uuids(c *columns) (ids [][16]byte) {
	c.read(func(c cells) { ids = append(ids, c[0].uuid()) })
	return ids
}

func partRows(c *columns) (rows []PartRow) {
	c.read(func(c cells) {
		row := PartRow{ID: c[0].uuid(), No: uint32(c[1].int4())}
		if len(c) > 2 {
			row.Data = bytes.Clone(c[2])
		}
		rows = append(rows, row)
	})
	return rows
}

// correlationRows reads rows that are opened, or put on top of a version seen.
func correlationRows(c *columns) (rows []CorrelationRow) {
	c.read(func(c cells) {
		row := CorrelationRow{Name: c[0].text(), Key: c[1].text(), NextExpiry: c[2].int8(), Data: bytes.Clone(c[3])}
		if len(c) > 4 {
			row.Version = c[4].int8()
		}
		rows = append(rows, row)
	})
	return rows
}

// cell is an element of an array; nil is null.
type cell []byte

type cells []cell

func (c cell) text() string { return string(c) }

func (c cell) uuid() [16]byte { return [16]byte(c) }

func (c cell) int4() int32 { return int32(binary.BigEndian.Uint32(c)) }

// int8 is 0 for null.
func (c cell) int8() int64 {
	if c == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(c))
}

// read calls each with every row of the columns; the cells are valid until it returns.
func (c *columns) read(each func(cells)) {
	row, at := make(cells, len(c.cols)), make([]int, len(c.cols))
	for range c.rows {
		for i := range c.cols {
			row[i], at[i] = c.cols[i].cell(at[i])
		}
		each(row)
	}
}

// cell gives the element at an offset from the first, and where the next begins.
func (a *array) cell(at int) (cell, int) {
	b := a.buf[arrayHeader+at:]
	n := int32(binary.BigEndian.Uint32(b))
	if n < 0 {
		return nil, at + 4
	}
	return cell(b[4 : 4+n : 4+n]), at + 4 + int(n)
}
