package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Task is one attempt at a task.
type Task struct {
	Type        string
	InstanceID  string // the process instance
	ProcessID   string // the id of its process in the model
	ElementID   string // the task's id in the model
	BusinessKey string
	Tenant      string
	Attempt     int // from 1
	// CorrelationID names this attempt: unique, the same on every delivery.
	CorrelationID string
	// Deadline is when the engine gives this attempt up; zero: never. The
	// handler's context ends then.
	Deadline    time.Time
	TraceParent string // W3C trace context
	// Variables are the input variables, a JSON object.
	Variables json.RawMessage

	home    int32
	record  *wire.Record
	results *results
}

// Header is a header of the command: the constants that the model gives to the
// task arrive so. Empty without one.
func (t Task) Header(name string) string {
	value, _ := t.record.Header(name)
	return string(value)
}

// Progress tells the engine that the task goes on: the variables (as a handler's
// result) are set in the process and the deadline starts anew. It returns when
// Kafka has it. It doesn't extend the handler's own context.
func (t Task) Progress(ctx context.Context, variables any) error {
	value, err := encodeVariables(variables)
	if err != nil {
		return err
	}
	stored := make(chan error, 1)
	t.results.send(answer(t, wire.ResultProgress, value), func(err error) { stored <- err })
	select {
	case err := <-stored:
		if err != nil {
			return fmt.Errorf("send progress of task %s: %w", t.CorrelationID, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("send progress of task %s: %w", t.CorrelationID, ctx.Err())
	}
}

// decodeTask reads a command. An error means that nobody can be told: the
// correlation id itself is missing or unreadable.
func decodeTask(r *wire.Record) (Task, error) {
	t := Task{record: r, Variables: r.Value}
	for i := range r.Headers {
		t.setHeader(&r.Headers[i])
	}
	if t.CorrelationID == "" {
		return t, fmt.Errorf("header %s is missing: not a task command", wire.HeaderCorrelationID)
	}
	id, err := wire.ParseCorrelationID([]byte(t.CorrelationID))
	if err != nil {
		return t, fmt.Errorf("header %s is %.100q: %w", wire.HeaderCorrelationID, t.CorrelationID, err)
	}
	t.InstanceID = t.CorrelationID[:36]
	t.Attempt = int(id.Attempt)
	t.home = id.Home
	return t, nil
}

func (t *Task) setHeader(h *wire.Header) {
	switch h.Key {
	case wire.HeaderCorrelationID:
		t.CorrelationID = string(h.Value)
	case wire.HeaderTaskType:
		t.Type = string(h.Value)
	case wire.HeaderElementID:
		t.ElementID = string(h.Value)
	case wire.HeaderProcessID:
		t.ProcessID = string(h.Value)
	case wire.HeaderBusinessKey:
		t.BusinessKey = string(h.Value)
	case wire.HeaderTenant:
		t.Tenant = string(h.Value)
	case wire.HeaderTraceParent:
		t.TraceParent = string(h.Value)
	case wire.HeaderDeadline:
		t.Deadline, _ = time.Parse(time.RFC3339Nano, string(h.Value)) // unreadable: as if there were none
	}
}
