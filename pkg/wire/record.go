package wire

import "time"

// Record is a Kafka record, consumed or to be published.
type Record struct {
	Topic string
	// Partition is where the record is or goes; ByKey on outgoing records lets
	// the key decide (murmur2, as Kafka's own clients).
	Partition int32
	Offset    int64     // consumed records only
	Time      time.Time // consumed records only
	Key       []byte
	Value     []byte
	Headers   []Header
}

// ByKey leaves the partition of an outgoing record to its key.
const ByKey int32 = -1

// Header is a record header.
type Header struct {
	Key   string
	Value []byte
}

// Header is the value of the last header of that name, as Kafka's own clients
// read it; ok is false without one.
func (r *Record) Header(name string) (value []byte, ok bool) {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == name {
			return r.Headers[i].Value, true
		}
	}
	return nil, false
}
