package engine

import (
	"strconv"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// object appends the members of one JSON object to dst.
type object struct{ dst []byte }

func event(dst []byte, kind string) object {
	return object{append(append(append(dst, `{"type":"`...), kind...), '"')}
}

func (o object) name(name string) []byte {
	return append(append(append(o.dst, ',', '"'), name...), '"', ':')
}

// text leaves an empty text out.
func (o object) text(name, value string) object {
	if value == "" {
		return o
	}
	return object{appendString(o.name(name), value)}
}

// number leaves 0 out.
func (o object) number(name string, value uint64) object {
	if value == 0 {
		return o
	}
	return object{strconv.AppendUint(o.name(name), value, 10)}
}

// time leaves the zero time out.
func (o object) time(name string, t time.Time) object {
	if t.IsZero() {
		return o
	}
	dst := append(o.name(name), '"')
	return object{append(t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.999999Z07:00"), '"')}
}

// at says which element, and which instance of it.
func (o object) at(p *bpmn.Process, node int, k Key) object {
	return o.text("element", p.Nodes[node].ID).number("key", uint64(k))
}

func (o object) within(scope Key) object { return o.number("scope", uint64(scope)) }

func (o object) by(p *bpmn.Process, flow int) object {
	if flow == bpmn.None {
		return o
	}
	return o.text("flow", p.Flows[flow].ID)
}

func (o object) variables(v Variables, with bool) object {
	if !with || len(v) == 0 {
		return o
	}
	return object{v.AppendJSON(o.name("variables"))}
}

func (o object) end() []byte { return append(o.dst, '}') }

func (e InstanceStarted) appendJSON(dst []byte, p *bpmn.Process, with bool) []byte {
	return event(dst, "instance-started").at(p, e.Node, 0).text("messageId", e.MessageID).
		variables(e.Variables, with).end()
}

func (InstanceCompleted) appendJSON(dst []byte, _ *bpmn.Process, _ bool) []byte {
	return event(dst, "instance-completed").end()
}

func (e InstanceTerminated) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "instance-terminated").at(p, e.Node, 0).end()
}

func (e InstanceCancelled) appendJSON(dst []byte, _ *bpmn.Process, _ bool) []byte {
	return event(dst, "instance-cancelled").text("reason", e.Reason).end()
}

func (e InstanceParked) appendJSON(dst []byte, _ *bpmn.Process, _ bool) []byte {
	return event(dst, "instance-parked").text("kind", Defect.String()).text("message", e.Cause).end()
}

func (InstanceResumed) appendJSON(dst []byte, _ *bpmn.Process, _ bool) []byte {
	return event(dst, "instance-resumed").end()
}

func (e ElementPassed) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "element-passed").at(p, e.Node, 0).within(e.Scope).by(p, e.Flow).end()
}

func (e ElementEntered) appendJSON(dst []byte, p *bpmn.Process, with bool) []byte {
	return event(dst, "element-entered").at(p, e.Node, e.Key).within(e.Scope).by(p, e.Flow).
		variables(e.Variables, with).end()
}

func (e ElementCompleted) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "element-completed").at(p, e.Node, e.Key).end()
}

func (e ElementTerminated) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "element-terminated").at(p, e.Node, e.Key).end()
}

func (e TokenArrived) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "token-arrived").at(p, e.Node, e.Key).by(p, e.Flow).end()
}

func (e TaskSent) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "task-sent").at(p, e.Node, e.Key).text("taskType", e.Type).
		number("attempt", uint64(e.Attempt)).time("deadline", e.Deadline).end()
}

func (e TaskCompleted) appendJSON(dst []byte, p *bpmn.Process, with bool) []byte {
	return event(dst, "task-completed").at(p, e.Node, e.Key).number("attempt", uint64(e.Attempt)).
		variables(e.Variables, with).end()
}

func (e TaskFailed) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "task-failed").at(p, e.Node, e.Key).number("attempt", uint64(e.Attempt)).
		text("message", e.Message).number("retriesLeft", uint64(e.Left)).time("retryAt", e.RetryAt).end()
}

func (e TaskProgressed) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "task-progressed").at(p, e.Node, e.Key).number("attempt", uint64(e.Attempt)).
		time("deadline", e.Deadline).end()
}

func (e ErrorThrown) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	o := event(dst, "error-thrown").at(p, e.Node, e.Key).within(e.Scope).number("attempt", uint64(e.Attempt)).
		text("errorCode", e.Code).text("message", e.Message)
	if e.Catcher != bpmn.None {
		o = o.text("caughtBy", p.Nodes[e.Catcher].ID)
	}
	return o.end()
}

func (e TimerScheduled) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "timer-scheduled").at(p, e.Node, e.Key).time("due", e.Due).end()
}

func (e TimerFired) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "timer-fired").at(p, e.Node, e.Key).end()
}

func (e MessageSubscribed) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "message-subscribed").at(p, e.Node, e.Key).text("messageName", e.Name).
		text("correlationKey", e.CorrelationKey).end()
}

func (e MessageCorrelated) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "message-correlated").at(p, e.Node, e.Key).text("messageId", e.MessageID).end()
}

func (e MessagePublished) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "message-published").at(p, e.Node, 0).within(e.Scope).text("messageName", e.Name).
		text("correlationKey", e.CorrelationKey).text("messageId", e.MessageID).end()
}

func (e DecisionEvaluated) appendJSON(dst []byte, p *bpmn.Process, with bool) []byte {
	o := event(dst, "decision-evaluated").at(p, e.Node, 0).within(e.Scope).text("decisionId", e.Decision).
		number("version", uint64(e.Version))
	if len(e.Tables) > 0 {
		list := append(o.name("tables"), '[')
		for i, t := range e.Tables {
			if i > 0 {
				list = append(list, ',')
			}
			list = t.appendJSON(list, with)
		}
		o.dst = append(list, ']')
	}
	return o.number("omitted", uint64(e.Omitted)).end()
}

func (t TableEvaluated) appendJSON(dst []byte, with bool) []byte {
	dst = appendString(append(dst, `{"decisionId":`...), t.Decision)
	o := object{dst}.text("hitPolicy", t.HitPolicy)
	rules := append(o.name("rules"), '[')
	for i, r := range t.Rules {
		if i > 0 {
			rules = append(rules, ',')
		}
		rules = strconv.AppendUint(rules, uint64(r), 10)
	}
	o.dst = append(rules, ']')
	if with && len(t.Inputs) > 0 {
		o.dst = t.Inputs.AppendJSON(o.name("inputs"))
	}
	return o.end()
}

func (e VariablesSet) appendJSON(dst []byte, _ *bpmn.Process, with bool) []byte {
	return event(dst, "variables-set").within(e.Scope).variables(e.Variables, with).end()
}

func (e IncidentRaised) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "incident-raised").at(p, e.Node, e.Key).within(e.Scope).
		text("kind", e.Kind.String()).text("message", e.Message).end()
}

func (e IncidentResolved) appendJSON(dst []byte, p *bpmn.Process, _ bool) []byte {
	return event(dst, "incident-resolved").at(p, e.Node, e.Key).end()
}
