package bpmn

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// unsupportedTriggers are the event definitions that are not executed, and what
// to do instead.
var unsupportedTriggers = map[string]string{
	"signal":      "use a message event; to reach several instances, send a message to each",
	"escalation":  "use an error event, or a message event that does not interrupt",
	"conditional": "use a message event, or a timer and an exclusive gateway",
	"compensate":  "model the undoing as activities after an error boundary event",
	"cancel":      "use an error event",
	"link":        "draw a sequence flow",
}

// definitions are the element's event definitions.
func definitions(e *etree.Element) []*etree.Element {
	var found []*etree.Element
	for _, child := range e.ChildElements() {
		if child.Space == "bpmn" && (strings.HasSuffix(child.Tag, "EventDefinition") || child.Tag == "eventDefinitionRef") {
			found = append(found, child)
		}
	}
	return found
}

// definition is the only event definition of an event whose kind has one.
func definition(e *etree.Element) *etree.Element { return definitions(e)[0] }

// eventKind is the kind of a supported event, 0 after a problem.
func (c *compiler) eventKind(e *etree.Element) Kind {
	found, trigger := definitions(e), ""
	switch len(found) {
	case 0:
	case 1:
		trigger = strings.TrimSuffix(found[0].Tag, "EventDefinition")
	default:
		c.problem(e, CodeUnsupported, "the event has %d event definitions, which is not supported: give it one, and draw an event for each of the others", len(found))
		return 0
	}
	if kind := eventKinds[e.Tag][trigger]; kind != 0 {
		return kind
	}
	switch advice := unsupportedTriggers[trigger]; {
	case trigger == "":
		c.problem(e, CodeMissing, "<%s> has no event definition: make it a message or timer event", e.Tag)
	case trigger == "eventDefinitionRef":
		c.problem(e, CodeUnsupported, "references to event definitions are not supported: put the definition into the event")
	case advice != "":
		c.problem(e, CodeUnsupported, "%s events are not supported: %s", trigger, advice)
	default:
		c.problem(e, CodeStructure, "<%s> cannot be a %s event: use another kind of event", e.Tag, trigger)
	}
	return 0
}

func (c *compiler) messageEvent(n *Node, e *etree.Element) {
	holder := definition(e)
	c.refuseExtensions(holder)
	switch n.Kind {
	case MessageStartEvent:
		n.Message = c.startMessage(e, holder)
	case MessageCatchEvent, MessageBoundaryEvent:
		n.Message = c.awaited(e, holder)
	default:
		task, ok := c.task(e, holder)
		n.Task = task
		if task == nil && ok {
			n.Message = c.published(e, holder)
		}
	}
}

// awaited is a message that an instance waits for; holder refers to it.
func (c *compiler) awaited(e, holder *etree.Element) *Message {
	m := c.message(e, holder)
	if m != nil && m.CorrelationKey == nil && c.dialect == Zeebe {
		c.problem(e, CodeMissing, "the message has no correlation key: give it a subscription with a correlation key, or set the property %s", propertyCorrelationKey)
	}
	return m
}

// published is a message that an instance sends.
func (c *compiler) published(e, holder *etree.Element) *Message {
	m := c.message(e, holder)
	if m == nil {
		return nil
	}
	if text, ok := c.properties(e)[propertyTTL]; ok {
		m.TTL = max(0, c.duration(e, propertyTTL, text))
	}
	return m
}

// startMessage is a message that starts instances. Its name has to be known on
// deployment and it needs no correlation key.
func (c *compiler) startMessage(e, holder *etree.Element) *Message {
	m := c.message(e, holder)
	if m == nil || m.Name == nil {
		return m
	}
	m.CorrelationKey = nil
	value, ok := c.onDeployment(e, "message name", m.Name)
	if !ok {
		return m
	}
	name, isText := value.AsString()
	if !isText || name == "" {
		c.problem(e, CodeValue, "the message name %q, evaluated on deployment without variables, gives %s %q: a message name is a text", shorten(m.Name.Source()), value.Kind(), shorten(value.Text()))
	}
	m.StaticName = name
	return m
}

// message reads the message that holder refers to; it is nil after a problem.
func (c *compiler) message(e, holder *etree.Element) *Message {
	ref := localName(attr(holder, "messageRef"))
	if ref == "" {
		c.problem(e, CodeMissing, "there is no message: choose the message in the model (messageRef)%s", orTaskType(e))
		return nil
	}
	definition := c.messages[ref]
	if definition == nil {
		c.problem(holder, CodeReference, "messageRef=%q is not a message of the model: choose or add the message", shorten(ref))
		return nil
	}
	if !definition.compiled {
		c.compileMessage(definition)
	}
	m := &Message{Name: definition.name, CorrelationKey: definition.key}
	if definition.name != nil {
		m.StaticName = c.staticText(definition.name.Source())
	}
	if text := c.properties(e)[propertyCorrelationKey]; text != "" {
		m.CorrelationKey = c.expression(e, text)
	}
	return m
}

// messageDefinition is a <message>, compiled when it is first referred to:
// many events may use one message.
type messageDefinition struct {
	element  *etree.Element
	compiled bool
	name     expr.Expression
	key      expr.Expression // nil: none
}

func (p *parser) compileMessage(m *messageDefinition) {
	m.compiled = true
	name := attr(m.element, "name")
	if name == "" {
		p.problem(m.element, CodeMissing, "the message has no name: give it one, messages are matched by name")
		return
	}
	m.name = p.expression(m.element, name)
	text := p.properties(m.element)[propertyCorrelationKey]
	if subscription := p.extension(m.element, "zeebe:subscription"); text == "" && subscription != nil {
		text = attr(subscription, "correlationKey")
	}
	if text != "" {
		m.key = p.expression(m.element, text)
	}
}

func orTaskType(e *etree.Element) string {
	if e.Tag == "receiveTask" || strings.HasPrefix(e.Tag, "start") || e.Tag == "boundaryEvent" || e.Tag == "intermediateCatchEvent" {
		return ""
	}
	return ", or give the element a task type"
}

// errorEvent reads an error end or boundary event.
func (c *compiler) errorEvent(n *Node, definition *etree.Element) *Error {
	result := &Error{
		CodeVariable:    attr(definition, "camunda:errorCodeVariable"),
		MessageVariable: attr(definition, "camunda:errorMessageVariable"),
	}
	if n.Kind == ErrorBoundaryEvent && !n.Interrupting {
		c.problem(definition, CodeStructure, `an error boundary event always interrupts: remove cancelActivity="false"`)
	}
	if ref := localName(attr(definition, "errorRef")); ref != "" {
		e := c.errors[ref]
		if e == nil {
			c.problem(definition, CodeReference, "errorRef=%q is not an error of the model: choose or add the error", shorten(ref))
			return result
		}
		result.Code = attr(e, "errorCode")
	}
	switch {
	case !isStatic(result.Code, c.dialect):
		c.problem(definition, CodeUnsupported, "the error code %q is computed, which is not supported: write the code itself", shorten(result.Code))
	case result.Code == "" && n.Kind == ErrorEndEvent:
		c.problem(definition, CodeMissing, "the error end event has no error code: choose an error with a code")
	}
	return result
}
