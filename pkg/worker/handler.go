package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Handler does a task. What it returns becomes the result variables: anything
// whose JSON is an object, a json.RawMessage as it is, nil for none. A result that
// is larger than a million bytes, or than its topic takes, or that the engine
// would put aside (no UTF-8, nested deeper than 100, a name twice), fails the task.
//
// An error fails the attempt; see Retry, RetryAfter, BPMNError and GiveUp for
// what happens then. A panic is an error with the stack in its message.
//
// ctx ends at the task's deadline, and when the worker has to stop and
// Config.DrainTimeout is over.
type Handler func(ctx context.Context, t Task) (any, error)

// Typed makes a handler of a function with types of its own, by encoding/json.
// Variables that don't fit In fail the task for good: trying again won't help.
func Typed[In, Out any](do func(ctx context.Context, in In, t Task) (Out, error)) Handler {
	return func(ctx context.Context, t Task) (any, error) {
		var in In
		if err := json.Unmarshal(t.Variables, &in); err != nil {
			return nil, GiveUp(fmt.Errorf("read variables of task %s into %T: %w", t.ElementID, in, err))
		}
		return do(ctx, in, t)
	}
}

// encodeVariables gives nil or a JSON object.
func encodeVariables(variables any) ([]byte, error) {
	if variables == nil {
		return nil, nil
	}
	text, raw := variables.(json.RawMessage)
	if !raw {
		var err error
		if text, err = json.Marshal(variables); err != nil {
			return nil, fmt.Errorf("encode result variables: %w", err)
		}
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	if text[0] != '{' || raw && !json.Valid(text) {
		return nil, fmt.Errorf("encode result variables: %T gives %.100q, which is not a JSON object", variables, text)
	}
	if err := (wire.Limits{}).CheckObject("the result", text); err != nil {
		return nil, fmt.Errorf("encode result variables: the engine would not take them: %w", err)
	}
	return text, nil
}
