package wire

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)

func sampleInstance() [16]byte {
	id, _ := ParseUUID([]byte("0199c5a2-7d3e-7c11-9b1f-0242ac120002"))
	return id
}

func sampleStatus() *Status {
	return &Status{
		Topic: "barnabas.status", Source: "/barnabas", Instance: sampleInstance(), ProcessID: "order", Version: 3,
		BusinessKey: "order-4711", Sequence: 2, State: InstanceActive, Time: noon,
		Events: []byte(`[{"type":"taskCompleted","element":"charge","key":3},{"type":"elementEntered","element":"ship","key":4}]`),
		At:     []Position{{Element: "ship", Key: 4}},
	}
}

func sampleTask() *TaskCommand {
	return &TaskCommand{
		Topic: "barnabas.task.payment", ID: CorrelationID{Instance: sampleInstance(), Home: 3, Task: 7, Attempt: 2},
		Time: noon, Source: "/barnabas", ReplyTo: "barnabas.results", TaskType: "payment", ElementID: "charge",
		ProcessID: "order", BusinessKey: "order-4711", Deadline: noon.Add(time.Minute),
		Headers: []Header{{Key: "region", Value: []byte("eu")}}, Variables: []byte(`{"amount":12.50}`),
	}
}

// unpack gives all records of p.
func unpack(t require.TestingT, p *Pack) []Record {
	var records []Record
	require.NoError(t, Unpack(p.Bytes(), func(r Record) error {
		records = append(records, r)
		return nil
	}))
	require.Len(t, records, p.Count())
	return records
}

func headers(r Record) map[string]string {
	m := make(map[string]string, len(r.Headers))
	for _, h := range r.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

func TestPackGivesBackAnyRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOf(anyRecord()).Draw(t, "records")
		var p Pack
		for _, r := range records {
			p.Add(r)
		}
		got := unpack(t, &p)
		for i := range records {
			require.Equal(t, records[i], got[i])
		}
	})
}

func anyRecord() *rapid.Generator[Record] {
	text := rapid.OneOf(rapid.SampledFrom([]string{"ce_id", "status", "correlationId", "", "X"}), rapid.String())
	blob := rapid.OneOf(rapid.Just([]byte(nil)), rapid.Just([]byte{}), rapid.SliceOf(rapid.Byte()))
	header := rapid.Custom(func(t *rapid.T) Header {
		return Header{Key: text.Draw(t, "name"), Value: blob.Draw(t, "value")}
	})
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			Topic:     text.Draw(t, "topic"),
			Partition: rapid.Int32Range(ByKey, 1<<31-1).Draw(t, "partition"),
			Key:       blob.Draw(t, "key"),
			Value:     blob.Draw(t, "value"),
		}
		if headers := rapid.SliceOf(header).Draw(t, "headers"); len(headers) > 0 {
			r.Headers = headers
		}
		return r
	})
}

func TestPackOfManyHeadersCrossesChunks(t *testing.T) {
	t.Parallel()
	var p Pack
	r := Record{Topic: "t", Key: []byte("k")}
	for i := range 3 * headerChunk {
		r.Headers = append(r.Headers, Header{Key: fmt.Sprint("h", i), Value: []byte{byte(i)}})
	}
	p.Add(r)
	p.Add(r)
	require.Equal(t, []Record{r, r}, unpack(t, &p))
}

func TestPacksCanBeTakenApartAndJoined(t *testing.T) {
	t.Parallel()
	record := func(key string) Record { return Record{Topic: "t", Key: []byte(key), Value: []byte("v")} }
	var all Pack
	start := all.Mark()
	all.Add(record("a1"))
	all.Add(record("a2"))
	afterA := all.Mark()
	all.Add(record("b"))
	afterB := all.Mark()
	all.Add(record("c"))

	keys := func(p *Pack) (keys []string) {
		for _, r := range unpack(t, p) {
			keys = append(keys, string(r.Key))
		}
		return keys
	}
	var kept Pack
	kept.AppendBetween(&all, afterB, all.Mark())
	kept.AppendBetween(&all, afterA, afterA)
	kept.AppendBetween(&all, start, afterA)
	require.Equal(t, []string{"c", "a1", "a2"}, keys(&kept))

	kept.Append(&all)
	require.Equal(t, []string{"c", "a1", "a2", "a1", "a2", "b", "c"}, keys(&kept))

	all.Truncate(afterA)
	require.Equal(t, []string{"a1", "a2"}, keys(&all))
	all.Truncate(start)
	require.Nil(t, all.Bytes())
	require.Zero(t, all.Len())
	all.Add(record("d"))
	require.Equal(t, []string{"d"}, keys(&all))

	kept.Reset()
	kept.Append(&Pack{})
	require.Empty(t, keys(&kept))
}

func TestDamagedPackIsAnError(t *testing.T) {
	t.Parallel()
	var p Pack
	p.AddStatus(sampleStatus())
	p.AddTaskCommand(sampleTask())
	whole := p.Bytes()
	each := func(Record) error { return nil }
	require.NoError(t, Unpack(nil, each))
	for end := 2; end < len(whole); end++ {
		if err := Unpack(whole[:end], each); err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
		} else {
			require.NoError(t, Unpack(whole[end:end], each))
			require.Less(t, end, len(whole), "only a cut between records may pass")
		}
	}
	require.ErrorContains(t, Unpack([]byte{9}, each), "version 9, expected 1")
	require.ErrorContains(t, Unpack(whole[:len(whole)-1], each), "record 1 is")
}

func FuzzUnpack(f *testing.F) {
	var p Pack
	p.AddStatus(sampleStatus())
	p.AddTaskCommand(sampleTask())
	p.Add(Record{Topic: "t", Partition: 4, Headers: []Header{{Key: "own", Value: nil}}})
	f.Add(p.Bytes())
	f.Add([]byte{packVersion, 4, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var again Pack
		err := Unpack(data, func(r Record) error {
			again.Add(r)
			return nil
		})
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		var first, second []Record
		collect := func(to *[]Record) func(Record) error {
			return func(r Record) error { *to = append(*to, r); return nil }
		}
		require.NoError(t, Unpack(data, collect(&first)))
		require.NoError(t, Unpack(again.Bytes(), collect(&second)))
		require.Equal(t, first, second)
	})
}

func TestTaskCommandRecord(t *testing.T) {
	t.Parallel()
	var p Pack
	p.AddTaskCommand(sampleTask())
	spread := sampleTask()
	spread.KeyByTask, spread.Variables = true, nil
	spread.Headers = []Header{{Key: "status", Value: []byte("x")}, {Key: "ce_own", Value: []byte("x")}}
	p.AddTaskCommand(spread)
	r := unpack(t, &p)

	const instance, id = "0199c5a2-7d3e-7c11-9b1f-0242ac120002", "0199c5a2-7d3e-7c11-9b1f-0242ac120002.3.7.2"
	require.Equal(t, "barnabas.task.payment", r[0].Topic)
	require.Equal(t, ByKey, r[0].Partition)
	require.Equal(t, instance, string(r[0].Key))
	require.Equal(t, `{"amount":12.50}`, string(r[0].Value))
	require.Equal(t, map[string]string{
		"correlationId": id, "attempt": "2", "replyTo": "barnabas.results", "replyPartition": "3", "taskType": "payment",
		"elementId": "charge", "processId": "order", "businessKey": "order-4711", "deadline": "2026-11-21T12:01:00.123456Z",
		"ce_specversion": "1.0", "ce_id": id, "ce_type": "barnabas.task", "ce_source": "/barnabas", "ce_subject": instance,
		"ce_time": "2026-11-21T12:00:00.123456Z", "content-type": "application/json", "region": "eu",
	}, headers(r[0]))

	require.Equal(t, id, string(r[1].Key))
	require.Equal(t, `{}`, string(r[1].Value))
	require.NotContains(t, headers(r[1]), "status")
	require.NotContains(t, headers(r[1]), "ce_own")
}

func TestStatusRecord(t *testing.T) {
	t.Parallel()
	s := sampleStatus()
	s.ProcessID, s.BusinessKey = "ord\"er", "Grüße\x00\xff\n"
	var p Pack
	p.AddStatus(s)
	r := unpack(t, &p)[0]

	require.Equal(t, "0199c5a2-7d3e-7c11-9b1f-0242ac120002", string(r.Key))
	h := headers(r)
	require.Equal(t, "0199c5a2-7d3e-7c11-9b1f-0242ac120002.2", h["ce_id"])
	require.Equal(t, "barnabas.instance.active", h["ce_type"])
	require.Equal(t, string(r.Key), h["ce_subject"])
	var got map[string]any
	require.NoError(t, json.Unmarshal(r.Value, &got))
	require.Equal(t, map[string]any{
		"instanceId": string(r.Key), "processId": "ord\"er", "version": 3.0, "businessKey": "Grüße\x00\ufffd\n", "sequence": 2.0,
		"state": "active", "time": "2026-11-21T12:00:00.123456Z", "incidents": 0.0,
		"events": []any{
			map[string]any{"type": "taskCompleted", "element": "charge", "key": 3.0},
			map[string]any{"type": "elementEntered", "element": "ship", "key": 4.0},
		},
		"at": []any{map[string]any{"element": "ship", "key": 4.0}},
	}, got)
}

func BenchmarkPackAddStatus(b *testing.B) {
	s, p := sampleStatus(), Pack{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%3000 == 0 {
			p.Reset()
		}
		s.Sequence++
		p.AddStatus(s)
	}
	b.SetBytes(int64(p.Len() / p.Count()))
}

func BenchmarkPackAddTask(b *testing.B) {
	c, p := sampleTask(), Pack{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%3000 == 0 {
			p.Reset()
		}
		c.ID.Task++
		p.AddTaskCommand(c)
	}
}

func BenchmarkUnpackStatus(b *testing.B) {
	var p Pack
	for range 3000 {
		p.AddStatus(sampleStatus())
	}
	var u Unpacker
	b.ReportAllocs()
	records := 0
	for b.Loop() {
		_ = u.Unpack(p.Bytes(), func(Record) error { records++; return nil })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
}
