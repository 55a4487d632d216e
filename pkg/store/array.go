package store

import (
	"encoding/binary"
	"math"
)

// array is a one-dimensional Postgres array being built in the binary format.
// The hot path sends arrays of a thousand elements per statement; encoding them
// in place costs a copy and nothing else.
type array struct {
	oid uint32
	n   int32
	buf []byte
}

// Object ids of the element types (pg_type).
const (
	oidBool  = 16
	oidBytea = 17
	oidInt8  = 20
	oidInt4  = 23
	oidText  = 25
	oidUUID  = 2950
)

const arrayHeader = 20

// reset empties the array for elements of the type oid, keeping its memory.
func (a *array) reset(oid uint32) {
	a.oid, a.n = oid, 0
	if cap(a.buf) < arrayHeader {
		a.buf = make([]byte, arrayHeader, 1024)
	}
	a.buf = a.buf[:arrayHeader]
}

// bytes ends the array: dimensions, null flag (always set: allowed, costs
// nothing), element type, length, lower bound.
func (a *array) bytes() []byte {
	h := a.buf
	dims := uint32(1)
	if a.n == 0 {
		dims = 0
		h = h[:12]
	}
	binary.BigEndian.PutUint32(h[0:], dims)
	binary.BigEndian.PutUint32(h[4:], 1)
	binary.BigEndian.PutUint32(h[8:], a.oid)
	if a.n > 0 {
		binary.BigEndian.PutUint32(h[12:], uint32(a.n))
		binary.BigEndian.PutUint32(h[16:], 1)
	}
	return h
}

func (a *array) null() {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, math.MaxUint32)
}

func (a *array) addBytes(v []byte) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(v)))
	a.buf = append(a.buf, v...)
}

func (a *array) addText(v string) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(v)))
	a.buf = append(a.buf, v...)
}

func (a *array) addUUID(v [16]byte) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 16)
	a.buf = append(a.buf, v[:]...)
}

func (a *array) addInt8(v int64) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(v))
}

func (a *array) addInt4(v int32) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 4)
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(v))
}

func (a *array) addBool(v bool) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1)
	b := byte(0)
	if v {
		b = 1
	}
	a.buf = append(a.buf, b)
}

func int8Param(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }
func int4Param(v int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
