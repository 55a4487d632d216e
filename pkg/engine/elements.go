package engine

import "github.com/barnabas-project/barnabas/pkg/bpmn"

// enter lets a token into a node: it is the list of supported BPMN. A problem
// means that nothing was done; the token is then held before the node by an
// incident.
//
// The calls are direct, not by a table of functions, so that a decision stays
// off the heap.
func (d *decision) enter(n *bpmn.Node, t token) *problem {
	switch n.Kind {
	case bpmn.NoneStartEvent, bpmn.MessageStartEvent, bpmn.TimerStartEvent:
		return d.leave(t)
	case bpmn.NoneEndEvent, bpmn.NoneThrowEvent:
		return d.leave(t)
	case bpmn.SendTask, bpmn.MessageThrowEvent, bpmn.MessageEndEvent:
		return d.throwMessage(t)
	case bpmn.ErrorEndEvent:
		return d.throwError(t)
	case bpmn.TerminateEndEvent:
		return d.terminate(t)
	case bpmn.ReceiveTask, bpmn.MessageCatchEvent, bpmn.TimerCatchEvent:
		return d.enterCatch(t)
	case bpmn.TimerBoundaryEvent, bpmn.MessageBoundaryEvent, bpmn.ErrorBoundaryEvent:
		return d.leave(t)
	case bpmn.ServiceTask:
		return d.enterTask(t)
	case bpmn.ScriptTask:
		return d.runScript(t)
	case bpmn.BusinessRuleTask:
		return d.askDecision(t)
	case bpmn.ManualTask:
		return d.leave(t)
	case bpmn.SubProcess:
		return d.enterSubProcess(t)
	case bpmn.ExclusiveGateway:
		return d.leave(t)
	case bpmn.ParallelGateway:
		return d.joinAndFork(t)
	case bpmn.EventBasedGateway:
		return d.awaitFirst(t)
	}
	// The model was deployed by a newer version of this program.
	return newProblem(Defect, "this version does not execute elements of kind %d (%s)", n.Kind, n.ID)
}

// trigger is a timer that fired or a message that arrived for a node.
type trigger struct {
	node      int
	variables Variables
}

// trigger does what a node's timer or message does at the element instance that
// waited for it: the node's own, the activity it is attached to, or the
// event-based gateway before it.
func (d *decision) trigger(e *element, by trigger) {
	if d.p.Nodes[by.node].AttachedTo != bpmn.None {
		d.triggerBoundary(e, by)
	} else {
		d.triggerCatch(e, by)
	}
}
