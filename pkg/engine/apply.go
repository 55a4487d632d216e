package engine

import (
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

func (e InstanceStarted) apply(_ *bpmn.Process, s *State) {
	s.StartedAt = e.At.UTC().Truncate(time.Microsecond)
	s.BusinessKey, s.Tenant, s.TraceParent = e.BusinessKey, e.Tenant, e.TraceParent
	s.setVariables(0, e.Variables)
}

func (InstanceCompleted) apply(_ *bpmn.Process, s *State)  { s.end = Completed }
func (InstanceTerminated) apply(_ *bpmn.Process, s *State) { s.end = Terminated }

func (InstanceCancelled) apply(_ *bpmn.Process, s *State) {
	s.end = Cancelled
	s.unpark()
}

func (e InstanceParked) apply(_ *bpmn.Process, s *State) {
	s.Parked, s.parkedCause, s.parkedAt = true, e.Cause, micros(e.At)
}

func (InstanceResumed) apply(_ *bpmn.Process, s *State) { s.unpark() }

func (s *State) unpark() { s.Parked, s.parkedCause, s.parkedAt = false, "", 0 }

func (ElementPassed) apply(*bpmn.Process, *State) {}

func (e ElementEntered) apply(p *bpmn.Process, s *State) {
	i := &element{key: e.Key, scope: e.Scope, node: e.Node, flow: e.Flow, locals: e.Variables}
	if p.Nodes[e.Node].Kind == bpmn.ParallelGateway {
		i.arrived = &arrivals{}
	}
	s.insert(i)
}

func (e ElementCompleted) apply(_ *bpmn.Process, s *State)  { s.remove(e.Key) }
func (e ElementTerminated) apply(_ *bpmn.Process, s *State) { s.remove(e.Key) }

func (e TokenArrived) apply(p *bpmn.Process, s *State) {
	s.change(e.Key).arrived.add(flowPosition(&p.Nodes[e.Node], e.Flow))
}

func (e TaskSent) apply(p *bpmn.Process, s *State) {
	i := s.change(e.Key)
	i.task = task{
		phase: taskSent, attempt: e.Attempt, left: e.Left, retries: e.Retries, due: micros(e.Deadline),
	}
	if p.Nodes[e.Node].Task.StaticType == "" {
		i.task.kind = e.Type
	}
}

func (e TaskCompleted) apply(_ *bpmn.Process, s *State) {
	s.endTask(e.Key, e.Attempt, taskDone)
}

// endTask ends the current attempt with an answer that is final for it.
func (s *State) endTask(k Key, number uint32, next taskPhase) {
	i := s.change(k)
	i.task.phase, i.task.due = next, 0
	s.finish(attempt{k, number})
}

func (e TaskFailed) apply(_ *bpmn.Process, s *State) {
	i := s.change(e.Key)
	i.task.phase, i.task.left, i.task.due = taskWaiting, e.Left, micros(e.RetryAt)
	if e.Left == 0 {
		i.task.phase = taskStopped
	}
}

func (e TaskProgressed) apply(_ *bpmn.Process, s *State) {
	s.change(e.Key).task.due = micros(e.Deadline)
}

func (e ErrorThrown) apply(_ *bpmn.Process, s *State) {
	if e.Key != 0 {
		s.endTask(e.Key, e.Attempt, taskStopped)
	}
}

func (e TimerScheduled) apply(_ *bpmn.Process, s *State) {
	i := s.change(e.Key)
	i.waits = append(i.waits, wait{
		node: e.Node, due: micros(e.Due), repetitions: e.Repetitions, interval: e.Interval,
	})
}

func (e TimerFired) apply(_ *bpmn.Process, s *State) { s.change(e.Key).unwait(e.Node) }

func (e MessageSubscribed) apply(_ *bpmn.Process, s *State) {
	i := s.change(e.Key)
	i.waits = append(i.waits, wait{
		node: e.Node, name: e.Name, correlationKey: e.CorrelationKey, interrupting: e.Interrupting,
	})
}

func (e MessageCorrelated) apply(_ *bpmn.Process, s *State) {
	i := s.change(e.Key)
	if i.wait(e.Node).interrupting {
		i.unwait(e.Node)
	}
}

func (e *element) unwait(node int) {
	e.waits = slices.DeleteFunc(e.waits, func(w wait) bool { return w.node == node })
}

func (MessagePublished) apply(*bpmn.Process, *State) {}

func (DecisionEvaluated) apply(*bpmn.Process, *State) {}

func (e VariablesSet) apply(_ *bpmn.Process, s *State) { s.setVariables(e.Scope, e.Variables) }

func (s *State) setVariables(scope Key, v Variables) {
	target := &s.variables
	if scope != 0 {
		target = &s.change(scope).locals
	}
	before := target.size()
	*target = target.Merge(v)
	s.bytes += target.size() - before
}

func (e IncidentRaised) apply(_ *bpmn.Process, s *State) {
	raised := &incident{kind: e.Kind, message: e.Message, since: micros(e.At)}
	if e.Held {
		s.insert(&element{
			key: e.Key, scope: e.Scope, node: e.Node, flow: e.Flow,
			phase: held, triggered: e.Triggered, result: e.Result, incident: raised,
		})
		return
	}
	i := s.change(e.Key)
	if e.Leaving {
		s.bytes += e.Result.size() - i.result.size()
		i.phase, i.result = leaving, e.Result
	}
	i.incident = raised
	s.incidents++
}

func (e IncidentResolved) apply(_ *bpmn.Process, s *State) {
	i := s.change(e.Key)
	if i.phase == held {
		s.remove(e.Key)
		return
	}
	i.incident = nil
	s.incidents--
}
