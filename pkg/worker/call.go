package worker

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// call runs the handler under the task's deadline.
func (c *consumer) call(ctx context.Context, t Task) (variables any, err error) {
	if first := bytes.TrimSpace(t.Variables); len(first) == 0 {
		t.Variables = []byte("{}")
	} else if first[0] != '{' {
		return nil, GiveUp(fmt.Errorf("read task command: the value is %.100q, not a JSON object of variables", t.Variables))
	}
	if !t.Deadline.IsZero() {
		if late := time.Since(t.Deadline); late > 0 {
			return nil, fmt.Errorf("task was taken %s after its deadline %s (by the worker's clock)", late.Round(time.Millisecond), t.Deadline.Format(time.RFC3339))
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.Deadline)
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil {
			variables, err = nil, fmt.Errorf("panic: %v\n\n%s", v, debug.Stack())
			c.log.Error("handler panicked", zap.String("correlationId", t.CorrelationID), zap.Error(err))
		}
	}()
	return c.handler(ctx, t)
}
