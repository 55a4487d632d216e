package engine

import (
	"fmt"
	"slices"
)

// IncidentKind says what is wrong.
type IncidentKind uint8

// The kinds of incidents.
const (
	ExpressionError  IncidentKind = iota + 1 // an expression of the element can't be evaluated
	ConditionError                           // a condition has no boolean value, or no flow can be taken
	MappingError                             // an input or output mapping
	TimerError                               // a timer's expression has no usable value
	MessageError                             // a message's name or correlation key has no usable value
	RetriesExhausted                         // the last attempt of a task failed
	UnhandledError                           // nothing catches a BPMN error
	StepLimit                                // more than MaxSteps elements by one input
	VariablesLimit                           // more than MaxVariableBytes
	Defect                                   // ours: the instance or the element waits for a new version
	DecisionError                            // a decision that is not deployed, or gives nothing that can be used
	incidentKinds                            // how many there are
)

// String is the kind as it appears in status records and the API.
func (k IncidentKind) String() string {
	switch k {
	case ExpressionError:
		return "expression"
	case ConditionError:
		return "condition"
	case MappingError:
		return "mapping"
	case TimerError:
		return "timer"
	case MessageError:
		return "message"
	case RetriesExhausted:
		return "task-retries-exhausted"
	case UnhandledError:
		return "unhandled-error"
	case StepLimit:
		return "step-limit"
	case VariablesLimit:
		return "variables-limit"
	case Defect:
		return "defect"
	case DecisionError:
		return "decision"
	}
	return fmt.Sprintf("incident kind %d", uint8(k))
}

// resolve tries again what incidents stopped, after setting the variables that
// mend it.
func (d *decision) resolve(in ResolveIncident) *Rejection {
	open, rejection := d.resolvable(in)
	if rejection != nil {
		return rejection
	}
	d.look(in.Element, nil, nil)
	for _, m := range in.Variables {
		_, scope, _ := d.view.enclosing(m.Name)
		d.set(scope, m.Name, m.Value)
	}
	if problem := d.checkSize(token{}); problem != nil && len(d.sets) > 0 {
		return reject(Inapplicable, "%s", problem.message)
	}
	if d.s.Parked && in.Element == 0 {
		d.append(InstanceResumed{})
	}
	d.applySets()
	for _, k := range open {
		// A token that went on before may have ended this one.
		if e := d.s.element(k); e != nil && e.incident != nil && !d.isTired() {
			d.tryAgain(e, in)
			d.run()
		}
	}
	return nil
}

// resolvable lists the element instances whose incidents are meant.
func (d *decision) resolvable(in ResolveIncident) ([]Key, *Rejection) {
	if in.Element >= d.s.next {
		return nil, reject(Unknown, "the instance never had an element instance %d", in.Element)
	}
	var open []Key
	for e := range d.s.all() {
		if e.incident != nil && (in.Element == 0 || in.Element == e.key) {
			open = append(open, e.key)
		}
	}
	if len(open) == 0 && (!d.s.Parked || in.Element != 0) {
		return nil, reject(Inapplicable, "there is no incident to resolve")
	}
	return slices.Clip(open), nil
}

// tryAgain runs exactly the transition that the incident stopped. What a trigger
// or worker brought is kept for it, mended by the variables of the same names.
func (d *decision) tryAgain(e *element, in ResolveIncident) {
	d.append(IncidentResolved{Key: e.key, Node: e.node})
	switch e.phase {
	case held:
		d.send(token{
			node: e.node, flow: e.flow, scope: e.scope, result: mend(e.result, in.Variables), triggered: e.triggered,
		})
	case leaving:
		d.finish(e, mend(e.result, in.Variables))
	default:
		left := e.task.retries
		if in.Retries > 0 {
			left = uint32(min(in.Retries, maxRetries))
		}
		d.sendAgain(e, left)
	}
}

// mend replaces the values of variables that are there.
func mend(v, by Variables) Variables {
	for _, m := range by {
		if _, found := v.find(m.Name); found {
			v = v.Set(m.Name, m.Value)
		}
	}
	return v
}
