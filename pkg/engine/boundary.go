package engine

import "github.com/barnabas-project/barnabas/pkg/bpmn"

// prepareBoundary evaluates what it takes to wait for the boundary events of an
// activity. Error events wait for nothing: the error looks for them.
func (d *decision) prepareBoundary(waits []wait, n *bpmn.Node) ([]wait, *problem) {
	for _, b := range n.Boundary {
		var problem *problem
		if waits, problem = d.prepareWait(waits, b); problem != nil {
			return nil, problem
		}
	}
	return waits, nil
}

// triggerBoundary starts a token at the boundary event: instead of the activity
// if the event is interrupting, else beside it.
func (d *decision) triggerBoundary(e *element, by trigger) {
	t := token{node: by.node, flow: bpmn.None, scope: e.scope, result: by.variables, triggered: true}
	if d.p.Nodes[by.node].Interrupting {
		d.interrupt(e)
	}
	d.send(t)
}

// bpmnError is an error on its way to whoever catches it.
type bpmnError struct {
	code, message string
	variables     Variables
}

// throwError is an error end event: the error is caught by the nearest enclosing
// subprocess that can, whose token goes on at the boundary event.
func (d *decision) throwError(t token) *problem {
	n := &d.p.Nodes[t.node]
	activity, catcher := d.catcher(d.s.element(t.scope), n.Error.Code)
	if activity == nil {
		return newProblem(UnhandledError, "nothing catches the error %q of %s", n.Error.Code, n.ID)
	}
	d.append(ErrorThrown{Node: t.node, Scope: t.scope, Code: n.Error.Code, Catcher: catcher})
	d.append(ElementPassed{Node: t.node, Scope: t.scope, Flow: t.flow})
	d.catch(activity, catcher, bpmnError{code: n.Error.Code})
	return nil
}

// taskError is a BPMN error by a worker. Nothing that catches it is an incident
// that a retry may resolve, never a silent end.
func (d *decision) taskError(e *element, in TaskResult) {
	activity, catcher := d.catcher(e, in.ErrorCode)
	d.append(ErrorThrown{
		Key: e.key, Node: e.node, Scope: e.scope, Attempt: in.Attempt,
		Code: in.ErrorCode, Message: in.ErrorMessage, Catcher: catcher,
	})
	if activity == nil {
		d.stopTask(e, newProblem(UnhandledError, "nothing catches the error %q: %s", in.ErrorCode, in.ErrorMessage))
		return
	}
	d.catch(activity, catcher, bpmnError{in.ErrorCode, in.ErrorMessage, in.Variables})
}

// catcher walks outward from an activity to the first that has an error boundary
// event for code; at each, one for the very code goes before one for all.
func (d *decision) catcher(e *element, code string) (*element, int) {
	for ; e != nil; e = d.s.element(e.scope) {
		if b := d.errorBoundary(e.node, code); b != bpmn.None {
			return e, b
		}
	}
	return nil, bpmn.None
}

func (d *decision) errorBoundary(node int, code string) int {
	all := bpmn.None
	for _, b := range d.p.Nodes[node].Boundary {
		n := &d.p.Nodes[b]
		switch {
		case n.Kind != bpmn.ErrorBoundaryEvent:
		case n.Error.Code == code:
			return b
		case n.Error.Code == "" && all == bpmn.None:
			all = b
		}
	}
	return all
}

// catch interrupts the activity and goes on at the boundary event, with the
// error's variables, code and message.
func (d *decision) catch(activity *element, boundary int, thrown bpmnError) {
	definition := d.p.Nodes[boundary].Error
	result := thrown.variables
	if name := definition.CodeVariable; name != "" {
		result = result.Set(name, appendString(nil, thrown.code))
	}
	if name := definition.MessageVariable; name != "" {
		result = result.Set(name, appendString(nil, thrown.message))
	}
	t := token{node: boundary, flow: bpmn.None, scope: activity.scope, result: result, triggered: true}
	d.interrupt(activity)
	d.send(t)
}
