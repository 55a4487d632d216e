package kafka

import (
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Both header types have the same fields in the same order, so a slice of one
// can be read as a slice of the other: a record has a dozen headers, and copying
// them would be the largest allocation of the hot path. The conversions below
// stop compiling should the types ever differ.
var (
	_ = wire.Header(kgo.RecordHeader{})
	_ = kgo.RecordHeader(wire.Header{})
)

func wireHeaders(headers []kgo.RecordHeader) []wire.Header {
	return unsafe.Slice((*wire.Header)(unsafe.Pointer(unsafe.SliceData(headers))), len(headers))
}

func kafkaHeaders(headers []wire.Header) []kgo.RecordHeader {
	return unsafe.Slice((*kgo.RecordHeader)(unsafe.Pointer(unsafe.SliceData(headers))), len(headers))
}

// consumed converts fetched records that are not before offset next. They keep
// the memory of the whole fetch alive; who keeps a part of one copies it.
func consumed(fetched []*kgo.Record, next int64) []wire.Record {
	records := make([]wire.Record, 0, len(fetched))
	for _, r := range fetched {
		if r.Offset < next {
			continue
		}
		records = append(records, wire.Record{
			Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp,
			Key: r.Key, Value: r.Value, Headers: wireHeaders(r.Headers),
		})
	}
	return records
}
