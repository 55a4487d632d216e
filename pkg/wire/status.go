package wire

import (
	"strconv"
	"time"
)

// Status is what happened to an instance in one decided input, and where the
// instance is now. The record key is the instance id, so an instance's records
// are in order; their sequence has no gaps.
type Status struct {
	Topic       string
	Source      string // ce_source
	Instance    [16]byte
	ProcessID   string
	Version     int // of the process
	BusinessKey string
	Tenant      string // optional
	TraceParent string // optional
	Sequence    uint64
	State       InstanceState
	Time        time.Time
	// Events is the JSON array of what happened, in order; empty is [].
	Events []byte
	// At is where tokens are, at most as many as the sender cares to list;
	// AtTruncated says that there are more.
	At          []Position
	AtTruncated bool
	Incidents   int // open incidents
	// Variables is the JSON object of the root variables, for processes that
	// publish them; empty: left out.
	Variables []byte
}

// Position is an element instance that holds a token.
type Position struct {
	Element string // element id
	Key     uint64 // of the element instance
}

// InstanceState is the state of an instance as its status says it.
type InstanceState string

// The states of instances.
const (
	InstanceActive     InstanceState = "active"
	InstanceCompleted  InstanceState = "completed"
	InstanceTerminated InstanceState = "terminated" // by a terminate end event
	InstanceCancelled  InstanceState = "cancelled"  // from outside
	InstanceParked     InstanceState = "parked"     // stopped by a defect of the engine; its inputs are kept
)

// TypeStatus begins the ce_type of status records; a dot and the state follow.
const TypeStatus = "barnabas.instance"

// AddStatus adds a record of the status topic.
func (p *Pack) AddStatus(s *Status) {
	start := p.begin(s.Topic, ByKey)
	id := AppendUUID(p.room[:0], s.Instance)
	id = strconv.AppendUint(append(id, '.'), s.Sequence, 10)
	p.bytes(id[:uuidLen])
	p.cloudEvent(&event{id: id, kind: statusType(s.State), source: s.Source, subject: id[:uuidLen], time: s.Time})
	p.text(codeProcessID, s.ProcessID)
	p.optional(codeBusinessKey, s.BusinessKey)
	p.optional(codeTenant, s.Tenant)
	p.optional(codeTraceParent, s.TraceParent)
	p.beginValue()
	p.buf = p.appendStatus(p.buf, s, id[:uuidLen])
	p.end(start)
}

// statusType avoids building the usual names anew for each record.
func statusType(state InstanceState) string {
	switch state {
	case InstanceActive:
		return TypeStatus + ".active"
	case InstanceCompleted:
		return TypeStatus + ".completed"
	}
	return TypeStatus + "." + string(state)
}

func (p *Pack) appendStatus(b []byte, s *Status, instance []byte) []byte {
	b = append(b, `{"instanceId":"`...)
	b = append(b, instance...)
	b = append(b, `","processId":`...)
	b = appendString(b, s.ProcessID)
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, int64(s.Version), 10)
	b = append(b, `,"businessKey":`...)
	b = appendString(b, s.BusinessKey)
	if s.Tenant != "" {
		b = append(b, `,"tenant":`...)
		b = appendString(b, s.Tenant)
	}
	b = append(b, `,"sequence":`...)
	b = strconv.AppendUint(b, s.Sequence, 10)
	b = append(b, `,"state":`...)
	b = appendString(b, string(s.State))
	b = append(b, `,"time":"`...)
	b = p.now.append(b, s.Time)
	b = append(b, `","events":`...)
	if len(s.Events) == 0 {
		b = append(b, '[', ']')
	}
	b = append(b, s.Events...)
	b = appendPositions(append(b, `,"at":`...), s.At)
	if s.AtTruncated {
		b = append(b, `,"atTruncated":true`...)
	}
	b = append(b, `,"incidents":`...)
	b = strconv.AppendInt(b, int64(s.Incidents), 10)
	if len(s.Variables) > 0 {
		b = append(b, `,"variables":`...)
		b = append(b, s.Variables...)
	}
	return append(b, '}')
}

func appendPositions(b []byte, at []Position) []byte {
	b = append(b, '[')
	for i := range at {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"element":`...)
		b = appendString(b, at[i].Element)
		b = append(b, `,"key":`...)
		b = strconv.AppendUint(b, at[i].Key, 10)
		b = append(b, '}')
	}
	return append(b, ']')
}
