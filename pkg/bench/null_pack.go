package bench

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// pack holds the outgoing records of a batch twice over one copy of their bytes:
// packed as the outbox row keeps them, and as client records whose keys, values
// and headers are slices of those bytes.
type pack struct {
	buf     []byte
	records []kgo.Record
	headers []kgo.RecordHeader

	frame, header0 int
}

// template is what all records of one kind have in common.
type template struct {
	topic   string
	packed  []byte // topic and headers as they stand in a frame
	headers []kgo.RecordHeader
}

// newTemplate takes header names and values in turn.
func newTemplate(topic string, headers ...string) *template {
	t := &template{topic: topic, packed: appendText(nil, topic)}
	for i := 0; i < len(headers); i += 2 {
		t.headers = append(t.headers, kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])})
		t.packed = appendText(append(t.packed, headerCode(headers[i])), headers[i+1])
	}
	return t
}

// headerCode stands for a header's name in a frame.
func headerCode(name string) byte { return name[0]&0x1f<<3 ^ name[len(name)-1] }

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func (p *pack) reset() {
	p.buf, p.records, p.headers = p.buf[:0], p.records[:0], p.headers[:0]
}

// begin starts a record of a template.
func (p *pack) begin(t *template, partition int32, key []byte) {
	p.frame = len(p.buf)
	p.buf = append(p.buf, 0, 0, 0, 0)
	p.buf = append(p.buf, t.packed...)
	p.buf = binary.AppendVarint(p.buf, int64(partition))
	p.buf = append(p.buf, byte(len(key)))
	at := len(p.buf)
	p.buf = append(p.buf, key...)
	p.header0 = len(p.headers)
	p.headers = append(p.headers, t.headers...)
	p.records = append(p.records, kgo.Record{Topic: t.topic, Partition: partition, Key: p.buf[at:]})
}

// startHeader begins a header whose value (at most 255 bytes) is appended to
// buf; endHeader completes it.
func (p *pack) startHeader(name string) (at int) {
	p.buf = append(p.buf, headerCode(name), 0)
	p.headers = append(p.headers, kgo.RecordHeader{Key: name})
	return len(p.buf)
}

func (p *pack) endHeader(at int) {
	p.buf[at-1] = byte(len(p.buf) - at)
	p.headers[len(p.headers)-1].Value = p.buf[at:len(p.buf):len(p.buf)]
}

func (p *pack) text(name, value string) {
	at := p.startHeader(name)
	p.buf = append(p.buf, value...)
	p.endHeader(at)
}

func (p *pack) raw(name string, value []byte) {
	at := p.startHeader(name)
	p.buf = append(p.buf, value...)
	p.endHeader(at)
}

// beginValue ends the headers; what is appended to buf until end is the value.
func (p *pack) beginValue() (at int) {
	p.buf = append(p.buf, 0)
	return len(p.buf)
}

func (p *pack) end(value int, now time.Time) {
	binary.LittleEndian.PutUint32(p.buf[p.frame:], uint32(len(p.buf)-p.frame-4))
	r := &p.records[len(p.records)-1]
	r.Value = p.buf[value:len(p.buf):len(p.buf)]
	r.Headers = p.headers[p.header0:len(p.headers):len(p.headers)]
	r.Timestamp = now
}

// nullRecords writes the records of the null pipeline's instances.
type nullRecords struct {
	home      int32
	command   *template
	active    *template
	completed *template

	now     time.Time
	nowText []byte
}

func newNullRecords(home int32, topics Topics, task string) *nullRecords {
	return &nullRecords{
		home: home,
		command: newTemplate(topics.TaskPrefix+task,
			wire.HeaderCESpecVersion, "1.0", wire.HeaderCEType, "barnabas.task", wire.HeaderCESource, "/barnabas/processes/null",
			wire.HeaderContentType, "application/json", wire.HeaderReplyTo, topics.Results, wire.HeaderReplyPartition, strconv.Itoa(int(home)),
			wire.HeaderTaskType, task, wire.HeaderElementID, "work", wire.HeaderProcessID, "null"),
		active:    newNullStatus(topics.Status, wire.InstanceActive),
		completed: newNullStatus(topics.Status, wire.InstanceCompleted),
	}
}

func newNullStatus(topic string, state wire.InstanceState) *template {
	return newTemplate(topic,
		wire.HeaderCESpecVersion, "1.0", wire.HeaderCEType, wire.TypeStatus+"."+string(state), wire.HeaderCESource, "/barnabas/processes/null",
		wire.HeaderContentType, "application/json", wire.HeaderProcessID, "null")
}

func (r *nullRecords) at(now time.Time) {
	r.now = now
	r.nowText = now.UTC().AppendFormat(r.nowText[:0], "2006-01-02T15:04:05.000000Z")
}

// task writes the command of the instance's current step.
func (r *nullRecords) task(p *pack, i *nullInstance) {
	p.begin(r.command, i.partition, i.text[:])
	at := p.startHeader(wire.HeaderCorrelationID)
	p.buf = wire.CorrelationID{Instance: i.id, Home: r.home, Task: uint64(i.version), Attempt: 1}.AppendTo(p.buf)
	p.endHeader(at)
	p.eventID(i)
	p.raw(wire.HeaderCESubject, i.text[:])
	p.raw(wire.HeaderCETime, r.nowText)
	p.text(wire.HeaderAttempt, "1")
	p.text(wire.HeaderBusinessKey, i.key)
	value := p.beginValue()
	p.buf = append(p.buf, i.vars...)
	p.end(value, r.now)
}

// event writes the status record of an input just decided.
func (r *nullRecords) event(p *pack, i *nullInstance, done bool) {
	t, tail := r.active, nullActive
	if done {
		t, tail = r.completed, nullCompleted
	}
	p.begin(t, i.partition, i.text[:])
	p.eventID(i)
	p.raw(wire.HeaderCESubject, i.text[:])
	p.raw(wire.HeaderCETime, r.nowText)
	p.text(wire.HeaderBusinessKey, i.key)
	value := p.beginValue()
	p.buf = append(p.buf, `{"instanceId":"`...)
	p.buf = append(p.buf, i.text[:]...)
	p.buf = append(p.buf, `","processId":"null","version":1,"businessKey":"`...)
	p.buf = append(p.buf, i.key...)
	p.buf = append(p.buf, `","sequence":`...)
	p.buf = strconv.AppendInt(p.buf, i.version, 10)
	p.buf = append(p.buf, tail[0]...)
	p.buf = append(p.buf, r.nowText...)
	p.buf = append(p.buf, tail[1]...)
	p.end(value, r.now)
}

// What a status value says after the sequence and after the time.
var (
	nullActive = [2]string{`,"state":"active","time":"`,
		`","events":[{"type":"ElementCompleted","element":"start","key":1},{"type":"ElementActivated","element":"work","key":2,"task":"bench-work","attempt":1}],"at":[{"element":"work","key":2}],"incidents":0}`}
	nullCompleted = [2]string{`,"state":"completed","time":"`,
		`","events":[{"type":"ElementCompleted","element":"work","key":2},{"type":"ElementActivated","element":"end","key":3},{"type":"InstanceCompleted"}],"at":[],"incidents":0}`}
)

// eventID writes <instance>.<sequence>.
func (p *pack) eventID(i *nullInstance) {
	at := p.startHeader(wire.HeaderCEID)
	p.buf = append(p.buf, i.text[:]...)
	p.buf = strconv.AppendInt(append(p.buf, '.'), i.version, 10)
	p.endHeader(at)
}
