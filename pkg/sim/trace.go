package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// event is one line of a trace.
type event struct {
	what    string
	who     string
	home    int32
	n       int64
	d       time.Duration
	fate    fate
	err     error
	alone   bool
	records []wire.Record
}

// trace is what happened, and the hash of it.
type trace struct {
	keep  bool
	lines []string
	hash  uint64
}

// log adds a line to the trace.
func (w *World) log(e event) {
	t := &w.trace
	w.done++
	t.text(e.what)
	t.text(e.who)
	t.number(uint64(w.step))
	t.number(uint64(e.home))
	t.number(uint64(e.n))
	t.number(uint64(e.d))
	t.number(uint64(e.fate))
	if e.err != nil {
		t.text(e.err.Error())
	}
	if t.keep {
		t.lines = append(t.lines, w.line(e))
	}
}

// text and number are FNV-1a.
func (t *trace) text(s string) {
	for i := range len(s) {
		t.hash = (t.hash ^ uint64(s[i])) * 1099511628211
	}
}

func (t *trace) number(n uint64) { t.hash = (t.hash ^ n) * 1099511628211 }

func (w *World) line(e event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6d %s %-4s %s", w.step, time.Now().Format("15:04:05.000"), e.who, e.what)
	if e.home >= 0 && e.what != "time passes" {
		fmt.Fprintf(&b, " %d", e.home)
	}
	if e.n > 0 {
		fmt.Fprintf(&b, " (%d)", e.n)
	}
	if e.d > 0 {
		fmt.Fprintf(&b, " %s", e.d)
	}
	if e.fate != succeeds {
		b.WriteString(": " + fateNames[e.fate])
	}
	if e.err != nil {
		b.WriteString(": " + e.err.Error())
	}
	for _, r := range e.records {
		if kind, is := r.Header(wire.HeaderControl); is {
			id, _ := r.Header(wire.HeaderInstance)
			element, _ := r.Header(wire.HeaderElement)
			message, _ := r.Header(wire.HeaderMessageID)
			fmt.Fprintf(&b, " %s to %s element %s message %s", kind, id[9:18], element, message)
			continue
		}
		if id, _ := r.Header(wire.HeaderCEID); len(id) > 36 {
			fmt.Fprintf(&b, " %s", id[9:])
		}
	}
	if e.alone {
		b.WriteString(" (nobody waits for it)")
	}
	return b.String()
}

// note adds what an instance did to the trace, if that is kept.
func (w *World) note(d *decision, sequence uint64) {
	if !w.trace.keep {
		return
	}
	text := fmt.Sprintf("%6s %s %s/%d at home %d:", "", d.id.ProcessID, uuid.UUID(d.id.ID).String()[9:18], sequence, d.id.Home)
	switch in := d.in.(type) {
	case engine.TaskResult:
		text += fmt.Sprintf(" takes the result of task %d, attempt %d;", in.Task, in.Attempt)
	case engine.MessageReceived:
		text += fmt.Sprintf(" takes message %q at element %d;", in.MessageID, in.Element)
	case engine.Start:
		text += fmt.Sprintf(" started by message %q;", in.MessageID)
	}
	for _, e := range d.events {
		switch e := e.(type) {
		case engine.TaskSent:
			text += fmt.Sprintf(" task %d sent, attempt %d;", e.Key, e.Attempt)
		case engine.MessageSubscribed:
			text += fmt.Sprintf(" %d waits for message %s/%s;", e.Key, e.Name, e.CorrelationKey)
		case engine.IncidentRaised:
			text += fmt.Sprintf(" incident at %d: %s;", e.Key, e.Message)
		case engine.InstanceCompleted:
			text += " completed;"
		}
	}
	w.trace.lines = append(w.trace.lines, text)
}
