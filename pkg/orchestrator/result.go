package orchestrator

import (
	"time"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// taskResult is a worker's answer, straight from the result topic or forwarded.
type taskResult struct {
	wire.Result
	variables engine.Variables
	// original is the result's record, for forwarding and parking.
	original *wire.Record
}

// newTaskResult reads the variables.
func newTaskResult(r wire.Result, original *wire.Record) (*taskResult, error) {
	v, err := engine.ParseVariables(r.Variables)
	if err != nil {
		return nil, err
	}
	return &taskResult{Result: r, variables: v, original: original}, nil
}

func (in *taskResult) needs(n *needs) { n.instance(in.CorrelationID.Instance) }

// decide applies the result to its instance, or sends it to where that is.
func (in *taskResult) decide(b *batch, w *work) disposition {
	id := in.CorrelationID
	if id.Home != b.h.id {
		if id.Home >= b.h.o.homes() {
			return unknown
		}
		b.control(w, in.kept(b.h.o))
		return forwarded
	}
	inst := b.instance(id.Instance)
	if inst == nil {
		return in.withoutInstance(b, w)
	}
	return b.apply(w, inst, in.input(b.now), in)
}

// withoutInstance tells what a result is whose instance does not run: instance
// ids begin with the time of their making, so that one of the future never was.
func (in *taskResult) withoutInstance(b *batch, w *work) disposition {
	if err := b.unreadable[in.CorrelationID.Instance]; err != nil {
		return b.deadLetter(w, "defect", err.Error())
	}
	if startedAt(in.CorrelationID.Instance).After(b.now.Add(time.Minute)) {
		return unknown
	}
	if b.h.ended.has(in.CorrelationID.Instance) {
		return duplicate
	}
	return late
}

// kept is the result on its way to its instance's home.
func (in *taskResult) kept(*Orchestrator) *wire.Control {
	return &wire.Control{
		Kind: wire.ForwardResult, Instance: in.CorrelationID.Instance, Home: in.CorrelationID.Home, Result: *in.original,
	}
}

func (in *taskResult) input(now time.Time) engine.TaskResult {
	return engine.TaskResult{
		Now: now, Task: engine.Key(in.CorrelationID.Task), Attempt: in.CorrelationID.Attempt,
		Status: resultStatus[in.Status], Variables: in.variables,
		ErrorCode: in.ErrorCode, ErrorMessage: in.ErrorMessage,
		Retries: in.Retries, RetryAfter: in.RetryAfter,
	}
}

var resultStatus = [...]engine.ResultStatus{
	wire.ResultCompleted: engine.ResultCompleted, wire.ResultFailed: engine.ResultFailed,
	wire.ResultBPMNError: engine.ResultBPMNError, wire.ResultProgress: engine.ResultProgress,
}

// control adds a control record that w leads to.
func (b *batch) control(w *work, c *wire.Control) {
	from := b.pack.Mark()
	b.pack.AddControl(b.h.o.topics.control, c)
	b.span(w, from)
}
