package engine

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// enterCatch waits for the message or timer of a catch event or receive task.
// Behind an event-based gateway it has happened already.
func (d *decision) enterCatch(t token) *problem {
	if t.triggered {
		return d.leave(t)
	}
	d.look(t.scope, t.locals, nil)
	waits, problem := d.prepareWait(nil, t.node)
	if problem != nil {
		return problem
	}
	if waits, problem = d.prepareBoundary(waits, &d.p.Nodes[t.node]); problem != nil {
		return problem
	}
	d.arm(d.stay(t), waits)
	return nil
}

// triggerCatch lets the element instance go on, or the token of the event-based
// gateway by the way of the event.
func (d *decision) triggerCatch(e *element, by trigger) {
	if e.node == by.node {
		d.finish(e, by.variables)
		return
	}
	t := token{
		node: by.node, flow: d.flowTo(e.node, by.node), scope: e.scope, result: by.variables, triggered: true,
	}
	d.closeSubscriptions(e)
	d.append(ElementCompleted{Key: e.key, Node: e.node})
	d.send(t)
}

// prepareWait evaluates what it takes to wait for the event node, in the
// current view. An event without timer and message needs no wait.
func (d *decision) prepareWait(waits []wait, node int) ([]wait, *problem) {
	n := &d.p.Nodes[node]
	var w wait
	var problem *problem
	switch {
	case n.Timer != nil:
		w, problem = d.timerWait(n)
	case n.Message != nil:
		w, problem = d.messageWait(n)
	default:
		return waits, nil
	}
	return append(waits, w), problem
}

func (d *decision) timerWait(n *bpmn.Node) (wait, *problem) {
	v, problem := d.evaluate(n.Timer.Value, TimerError)
	if problem != nil {
		return wait{}, problem
	}
	schedule, err := n.Timer.Schedule(v, d.now)
	if err != nil {
		return wait{}, newProblem(TimerError, "timer of %s: %v", n.ID, err)
	}
	return wait{
		node: n.Index, due: micros(schedule.Due), repetitions: schedule.Repetitions, interval: schedule.Interval,
	}, nil
}

func (d *decision) messageWait(n *bpmn.Node) (wait, *problem) {
	name, key, problem := d.address(n)
	if problem != nil {
		return wait{}, problem
	}
	return wait{
		node: n.Index, name: name, correlationKey: key, interrupting: n.AttachedTo == bpmn.None || n.Interrupting,
	}, nil
}

// address is a message's name and correlation key.
func (d *decision) address(n *bpmn.Node) (name, key string, problem *problem) {
	name = n.Message.StaticName
	if name == "" {
		name, problem = d.evaluateText(n.Message.Name, MessageError, "message name of "+n.ID)
		if problem != nil {
			return "", "", problem
		}
	}
	key, problem = d.correlationKey(n.Message.CorrelationKey, n)
	if problem == nil {
		problem = unmatchable("message name of "+n.ID, name, MaxMessageName)
	}
	if problem == nil {
		problem = unmatchable("correlation key of "+n.ID, key, MaxCorrelationKey)
	}
	return name, key, problem
}

// Bounds of what messages are matched by, in bytes: those of messages that come
// from outside. Both together are the key of a row.
const (
	MaxMessageName    = 256
	MaxCorrelationKey = 2 << 10
)

// unmatchable says why no message can have such a name or correlation key.
func unmatchable(what, text string, most int) *problem {
	if len(text) > most {
		return newProblem(MessageError, "%s has %d bytes; at most %d are possible", what, len(text), most)
	}
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
		return newProblem(MessageError, "%s is %.100q; text without control characters is needed", what, text)
	}
	return nil
}

func (d *decision) correlationKey(e expr.Expression, n *bpmn.Node) (string, *problem) {
	if e == nil {
		if d.s.BusinessKey == "" {
			return "", newProblem(MessageError,
				"the message of %s correlates by the business key, and the instance has none", n.ID)
		}
		return d.s.BusinessKey, nil
	}
	v, problem := d.evaluate(e, MessageError)
	if problem != nil {
		return "", problem
	}
	if key := v.Text(); (v.Kind() == expr.KindString || v.Kind() == expr.KindNumber) && key != "" {
		return key, nil
	}
	return "", newProblem(MessageError, "correlation key of %s: %s; a string that is not empty or a number is needed",
		n.ID, d.gives(e, v))
}

// arm starts timers and opens subscriptions for an element instance.
func (d *decision) arm(k Key, waits []wait) {
	for _, w := range waits {
		if w.isTimer() {
			d.append(TimerScheduled{
				Key: k, Node: w.node, Due: instant(w.due), Repetitions: w.repetitions, Interval: w.interval,
			})
			continue
		}
		d.append(MessageSubscribed{
			Key: k, Node: w.node, Name: w.name, CorrelationKey: w.correlationKey, Interrupting: w.interrupting,
		})
		d.command(OpenSubscription{
			Element: k, Node: w.node, Name: w.name, CorrelationKey: w.correlationKey, Interrupting: w.interrupting,
		})
	}
}

// closeSubscriptions takes back what an element instance that ends still waits for.
func (d *decision) closeSubscriptions(e *element) {
	for i := range e.waits {
		if w := &e.waits[i]; !w.isTimer() {
			d.command(CloseSubscription{
				Element: e.key, Node: w.node, Name: w.name, CorrelationKey: w.correlationKey,
			})
		}
	}
}

// messageReceived delivers a message to the subscription it was matched with.
func (d *decision) messageReceived(in MessageReceived) *Rejection {
	if in.Element == 0 || in.Element >= d.s.next {
		return reject(Unknown, "the instance never had an element instance %d", in.Element)
	}
	e := d.s.element(in.Element)
	if e == nil {
		return reject(Late, "element instance %d has ended", in.Element)
	}
	w := e.wait(in.Node)
	if w == nil || w.isTimer() {
		return reject(Late, "element instance %d does not wait for this message (any more)", in.Element)
	}
	d.append(MessageCorrelated{Key: e.key, Node: in.Node, MessageID: in.MessageID})
	d.trigger(e, trigger{node: in.Node, variables: in.Variables})
	d.run()
	return nil
}

// throwMessage publishes a message, or has a worker do it as a task.
func (d *decision) throwMessage(t token) *problem {
	n := &d.p.Nodes[t.node]
	if n.Task != nil {
		return d.enterTask(t)
	}
	if n.Message == nil {
		return d.leave(t)
	}
	v := d.look(t.scope, t.locals, nil)
	name, key, problem := d.address(n)
	if problem != nil {
		return problem
	}
	variables := d.payload(n, v)
	if problem := d.plan(t); problem != nil {
		return problem
	}
	id := d.messageID()
	d.append(MessagePublished{Node: t.node, Scope: t.scope, Name: name, CorrelationKey: key, MessageID: id})
	d.command(PublishMessage{
		Node: t.node, Name: name, CorrelationKey: key, MessageID: id, TTL: n.Message.TTL, Variables: variables,
	})
	d.follow(t)
	return nil
}

// messageID is unique and the same when the input is decided again: instance,
// sequence of the input, number within it.
func (d *decision) messageID() string {
	d.draws++
	id := make([]byte, 0, 64)
	id = hex.AppendEncode(id, d.s.ID[:])
	id = strconv.AppendUint(append(id, '-'), d.s.Sequence+1, 10)
	return string(strconv.AppendUint(append(id, '-'), d.draws, 10))
}

// payload is what a worker or a receiver is given: the input variables if the
// model maps any, else all that the element sees.
func (d *decision) payload(n *bpmn.Node, v *view) []byte {
	variables := v.locals
	if len(n.Inputs) == 0 {
		variables = v.visible()
	}
	return variables.AppendJSON(make([]byte, 0, 2+variables.size()+6*len(variables)))
}
