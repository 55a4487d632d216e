package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// maxRetries bounds what models and workers may ask for.
const maxRetries = math.MaxInt32

// enterTask gives work to a worker.
func (d *decision) enterTask(t token) *problem {
	n := &d.p.Nodes[t.node]
	v := d.look(t.scope, t.locals, nil)
	kind, problem := d.taskType(n)
	if problem != nil {
		return problem
	}
	retries, problem := d.retries(n.Task)
	if problem != nil {
		return problem
	}
	waits, problem := d.prepareBoundary(nil, n)
	if problem != nil {
		return problem
	}
	variables := d.payload(n, v)
	k := d.stay(t)
	d.arm(k, waits)
	d.publishTask(n, TaskSent{Key: k, Node: t.node, Type: kind, Attempt: 1, Left: retries, Retries: retries}, variables)
	return nil
}

func (d *decision) taskType(n *bpmn.Node) (string, *problem) {
	if n.Task.StaticType != "" {
		return n.Task.StaticType, nil
	}
	return d.evaluateText(n.Task.Type, ExpressionError, "task type of "+n.ID)
}

// retries is the number of attempts the model gives a task.
func (d *decision) retries(task *bpmn.Task) (uint32, *problem) {
	if task.RetriesExpr == nil {
		return uint32(max(task.Retries, 1)), nil
	}
	v, problem := d.evaluate(task.RetriesExpr, ExpressionError)
	if problem != nil {
		return 0, problem
	}
	n, ok := v.AsInt()
	if text, isText := v.AsString(); isText {
		parsed, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		n, ok = parsed, err == nil
	}
	if !ok || n < 1 || n > maxRetries {
		return 0, newProblem(ExpressionError, "retries: %s; an integer of at least 1 is needed",
			d.gives(task.RetriesExpr, v))
	}
	return uint32(n), nil
}

// publishTask sends an attempt; its deadline begins now.
func (d *decision) publishTask(n *bpmn.Node, sent TaskSent, variables []byte) {
	sent.Deadline = d.deadline(n)
	d.append(sent)
	d.command(SendTask{
		Task: sent.Key, Node: sent.Node, Type: sent.Type, Attempt: sent.Attempt,
		Deadline: sent.Deadline, Variables: variables,
	})
}

func (d *decision) deadline(n *bpmn.Node) time.Time {
	if n.Task.Deadline <= 0 {
		return time.Time{}
	}
	return instant(micros(d.now.Add(n.Task.Deadline)))
}

// taskResult applies a worker's answer, if it is one to the current attempt.
func (d *decision) taskResult(in TaskResult) *Rejection {
	e, rejection := d.answerable(in)
	if rejection != nil {
		return rejection
	}
	switch in.Status {
	case ResultFailed:
		d.failTask(e, in)
	case ResultBPMNError:
		d.taskError(e, in)
	case ResultProgress:
		return d.progress(e, in)
	default:
		d.append(TaskCompleted{Key: e.key, Node: e.node, Attempt: in.Attempt, Variables: in.Variables})
		d.finish(e, in.Variables)
	}
	d.run()
	return nil
}

// answerable finds the task that a result is for. Only the attempt that a
// worker has now can be answered: not one that failed, passed its deadline or
// waits for somebody to resolve its incident.
func (d *decision) answerable(in TaskResult) (*element, *Rejection) {
	if in.Task == 0 || in.Task >= d.s.next {
		return nil, reject(Unknown, "the instance never had a task %d", in.Task)
	}
	e := d.s.element(in.Task)
	switch {
	case e != nil && e.task.phase == noTask:
		return nil, reject(Unknown, "element instance %d is no task", in.Task)
	case d.s.isFinished(attempt{in.Task, in.Attempt}):
		return nil, reject(Duplicate, "attempt %d of task %d was answered before", in.Attempt, in.Task)
	case e == nil:
		return nil, reject(Late, "task %d has ended", in.Task)
	case in.Attempt == 0 || in.Attempt > e.task.attempt:
		return nil, reject(Unknown, "task %d never had an attempt %d", in.Task, in.Attempt)
	case in.Attempt < e.task.attempt || e.task.phase != taskSent:
		return nil, reject(Late, "attempt %d of task %d is over", in.Attempt, in.Task)
	}
	return e, nil
}

// progress keeps the worker's interim variables with the task and renews its deadline.
func (d *decision) progress(e *element, in TaskResult) *Rejection {
	if total := d.s.bytes + in.Variables.size(); total > MaxVariableBytes {
		return reject(Inapplicable, "%s", d.tooLarge(total).message)
	}
	d.append(TaskProgressed{
		Key: e.key, Node: e.node, Attempt: in.Attempt, Deadline: d.deadline(&d.p.Nodes[e.node]),
	})
	if len(in.Variables) > 0 {
		d.append(VariablesSet{Scope: e.key, Variables: in.Variables})
	}
	return nil
}

// failTask uses up an attempt. The next is sent after the delay of the worker,
// else of the model; without one left somebody has to look.
func (d *decision) failTask(e *element, in TaskResult) {
	failed := TaskFailed{
		Key: e.key, Node: e.node, Attempt: in.Attempt, Message: in.ErrorMessage, Left: e.task.left - 1,
	}
	if in.Retries != nil {
		failed.Left = uint32(min(max(*in.Retries, 0), maxRetries))
	}
	if failed.Left == 0 {
		d.append(failed)
		d.stopTask(e, newProblem(RetriesExhausted, "%s", in.ErrorMessage))
		return
	}
	delay := backoff(d.p.Nodes[e.node].Task.Backoff, in.Attempt)
	if in.RetryAfter != nil {
		delay = *in.RetryAfter
	}
	if delay <= 0 {
		d.append(failed)
		d.sendAgain(e, failed.Left)
		return
	}
	failed.RetryAt = instant(micros(d.now.Add(delay)))
	d.append(failed)
}

// backoff is the model's delay after the failure of an attempt, from 1.
func backoff(delays []time.Duration, failed uint32) time.Duration {
	if len(delays) == 0 {
		return 0
	}
	return delays[min(int(failed), len(delays))-1]
}

// sendAgain sends the next attempt with the variables as they are now.
func (d *decision) sendAgain(e *element, left uint32) {
	n := &d.p.Nodes[e.node]
	kind := n.Task.StaticType
	if kind == "" {
		kind = e.task.kind
	}
	variables := d.payload(n, d.look(e.scope, e.locals, nil))
	d.publishTask(n, TaskSent{
		Key: e.key, Node: e.node, Type: kind, Attempt: e.task.attempt + 1, Left: left, Retries: e.task.retries,
	}, variables)
}

// stopTask keeps a task from being sent again until its incident is resolved.
func (d *decision) stopTask(e *element, problem *problem) {
	d.append(IncidentRaised{
		Key: e.key, Node: e.node, Kind: problem.kind, Message: problem.message, At: d.now,
	})
}

// runScript evaluates a script task's expression on the spot. What the script sets
// and its result are the result of the task.
func (d *decision) runScript(t token) *problem {
	n := &d.p.Nodes[t.node]
	d.look(t.scope, t.locals, nil)
	var written scriptVariables
	d.writer = &written
	raw, problem := d.evaluateJSON(n.Script.Expression, ExpressionError)
	d.writer = nil
	switch {
	case problem != nil:
		return problem
	case written.err != nil:
		return newProblem(ExpressionError, "%v", written.err)
	}
	t.result = written.variables
	if n.Script.ResultVariable != "" {
		t.result = t.result.Set(n.Script.ResultVariable, raw)
	}
	return d.leave(t)
}

// scriptVariables collects what a script sets.
type scriptVariables struct {
	variables Variables
	err       error
}

// Set makes scriptVariables an expr.Writer.
func (w *scriptVariables) Set(name string, v expr.Value) {
	raw, err := v.AppendJSON(nil)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("the variable %s that a script sets can't be stored: %w", name, err)
	}
	w.variables = w.variables.Set(name, raw)
}

// Remove leaves null, since variables of an instance are never taken away.
func (w *scriptVariables) Remove(name string) { w.Set(name, expr.Null()) }
