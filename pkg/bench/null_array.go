package bench

import "encoding/binary"

// array is a one-dimensional Postgres array in the binary format, encoded in
// place: a thousand elements cost a copy and nothing else.
type array struct {
	oid uint32
	n   uint32
	buf []byte
}

// Object ids of the element types.
const (
	oidBytea = 17
	oidInt8  = 20
	oidInt4  = 23
	oidText  = 25
	oidUUID  = 2950
)

// arrayHeader is dimensions, null flag, element type, length, lower bound.
const arrayHeader = 20

func newArray(oid uint32) array {
	return array{oid: oid, buf: make([]byte, arrayHeader, 4096)}
}

func (a *array) reset() {
	a.n = 0
	a.buf = a.buf[:arrayHeader]
}

// bytes is the encoded array, which must have elements.
func (a *array) bytes() []byte {
	binary.BigEndian.PutUint32(a.buf[0:], 1)
	binary.BigEndian.PutUint32(a.buf[4:], 0)
	binary.BigEndian.PutUint32(a.buf[8:], a.oid)
	binary.BigEndian.PutUint32(a.buf[12:], a.n)
	binary.BigEndian.PutUint32(a.buf[16:], 1)
	return a.buf
}

func (a *array) add(v []byte) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(v)))
	a.buf = append(a.buf, v...)
}

func (a *array) addText(v string) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(v)))
	a.buf = append(a.buf, v...)
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

func int8Param(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }
func int4Param(v int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
