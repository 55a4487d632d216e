package engine

import "github.com/barnabas-project/barnabas/pkg/bpmn"

// behaviour is what a kind of flow node does.
type behaviour struct {
	// enter lets a token in. A problem means that nothing was done: the token
	// is held before the element with an incident.
	enter func(*decision, token) *problem
	// trigger is what the node's timer or message does at the element instance
	// that waited for it: the node's own, the activity it is attached to, or
	// the event-based gateway before it. Nil: the node waits for nothing.
	trigger func(*decision, *element, trigger)
}

// trigger is a timer that fired or a message that arrived.
type trigger struct {
	node      int
	variables Variables
}

// behaviourOf is the list of supported BPMN.
func behaviourOf(kind bpmn.Kind) behaviour {
	switch kind {
	case bpmn.NoneStartEvent, bpmn.MessageStartEvent, bpmn.TimerStartEvent:
		return behaviour{enter: (*decision).leave}
	case bpmn.NoneEndEvent, bpmn.NoneThrowEvent:
		return behaviour{enter: (*decision).leave}
	case bpmn.MessageThrowEvent, bpmn.MessageEndEvent:
		return behaviour{enter: (*decision).throwMessage}
	case bpmn.ErrorEndEvent:
		return behaviour{enter: (*decision).throwError}
	case bpmn.TerminateEndEvent:
		return behaviour{enter: (*decision).terminate}
	case bpmn.ServiceTask, bpmn.SendTask:
		return behaviour{enter: (*decision).enterTask}
	case bpmn.ReceiveTask, bpmn.MessageCatchEvent, bpmn.TimerCatchEvent:
		return behaviour{enter: (*decision).enterCatch, trigger: (*decision).triggerCatch}
	case bpmn.ScriptTask:
		return behaviour{enter: (*decision).runScript}
	case bpmn.ManualTask:
		return behaviour{enter: (*decision).leave}
	case bpmn.SubProcess:
		return behaviour{enter: (*decision).enterSubProcess}
	case bpmn.ExclusiveGateway:
		return behaviour{enter: (*decision).leave}
	case bpmn.ParallelGateway:
		return behaviour{enter: (*decision).joinAndFork}
	case bpmn.EventBasedGateway:
		return behaviour{enter: (*decision).awaitFirst}
	case bpmn.TimerBoundaryEvent, bpmn.MessageBoundaryEvent, bpmn.ErrorBoundaryEvent:
		return behaviour{enter: (*decision).leave, trigger: (*decision).triggerBoundary}
	}
	return behaviour{enter: unsupported}
}

// unsupported holds a token before a kind of node that this version does not
// know: the model was deployed by a newer one.
func unsupported(d *decision, t token) *problem {
	n := &d.p.Nodes[t.node]
	return newProblem(Defect, "this version does not execute elements of kind %d (%s)", n.Kind, n.ID)
}
