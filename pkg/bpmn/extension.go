package bpmn

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// The properties (zeebe:property, camunda:property) that mean something here.
const (
	propertyDeadline        = "barnabas.deadline"         // of tasks: ISO 8601 duration of one attempt
	propertyCorrelationKey  = "barnabas.correlationKey"   // of message events, receive tasks and messages
	propertyTTL             = "barnabas.ttl"              // of events and tasks that publish a message: ISO 8601 duration
	propertyStatusVariables = "barnabas.status.variables" // of processes: "true" or "false"
)

var knownProperties = set(propertyDeadline + " " + propertyCorrelationKey + " " + propertyTTL + " " + propertyStatusVariables)

// refusedExtensions change behaviour in a way that is not supported.
var refusedExtensions = map[string]string{
	"camunda:executionListener":    "execution listeners run code inside the engine: model the work as a service task",
	"camunda:taskListener":         "task listeners run code inside the engine: model the work as a service task",
	"camunda:connector":            `connectors run inside the engine: set the implementation to "External" with a topic and let a worker do the call`,
	"camunda:errorEventDefinition": "error expressions of external tasks are not evaluated: let the worker answer with a BPMN error",
	"zeebe:executionListeners":     "execution listeners are not supported: model the work as a service task",
	"zeebe:taskListeners":          "task listeners are not supported: model the work as a service task",
	"zeebe:publishMessage":         "zeebe:publishMessage is not supported: leave it out, a message event without task type publishes its message",
	"zeebe:conditionalFilter":      "conditional events are not supported: use a message event",
}

// harmlessExtensions are read elsewhere or have no meaning for execution.
var harmlessExtensions = set("camunda:inputOutput camunda:properties camunda:failedJobRetryTimeCycle " +
	"camunda:formData camunda:field camunda:in camunda:out camunda:potentialStarter " +
	"zeebe:taskDefinition zeebe:taskHeaders zeebe:ioMapping zeebe:properties zeebe:subscription zeebe:script " +
	"zeebe:versionTag zeebe:userTaskForm zeebe:formDefinition zeebe:jobPriorityDefinition zeebe:calledDecision")

// single are the extensions of which an element has one.
var single = set("camunda:inputOutput camunda:properties camunda:failedJobRetryTimeCycle " +
	"zeebe:taskDefinition zeebe:taskHeaders zeebe:ioMapping zeebe:properties zeebe:subscription zeebe:script zeebe:versionTag zeebe:calledDecision")

// codeAttributes let Camunda run code of the application inside the engine.
var codeAttributes = []string{"camunda:class", "camunda:delegateExpression", "camunda:expression"}

// extensions are the element's extension elements of the model's dialect.
func (p *parser) extensions(e *etree.Element) iter.Seq[*etree.Element] {
	return func(yield func(*etree.Element) bool) {
		for holder := range e.SelectElementsSeq("bpmn:extensionElements") {
			for _, child := range holder.ChildElements() {
				if child.Space == p.dialect.String() && !yield(child) {
					return
				}
			}
		}
	}
}

// extension is the extension element with the tag, nil without one.
func (p *parser) extension(e *etree.Element, tag string) *etree.Element {
	for child := range p.extensions(e) {
		if child.FullTag() == tag {
			return child
		}
	}
	return nil
}

// refuseExtensions reports what would change the behaviour of the element and
// is not supported, and warns of what it does not know.
func (p *parser) refuseExtensions(e *etree.Element) {
	seen := map[string]bool{}
	for child := range p.extensions(e) {
		tag := child.FullTag()
		switch advice := refusedExtensions[tag]; {
		case advice != "":
			p.problem(child, CodeUnsupported, "%s", advice)
		case !harmlessExtensions[tag]:
			p.warn(child, CodeIgnored, "the extension %s has no effect", shorten(tag))
		case seen[tag] && single[tag]:
			p.problem(child, CodeStructure, "there is a second %s: keep one", tag)
		}
		seen[tag] = true
	}
	for _, name := range slices.Sorted(maps.Keys(p.properties(e))) {
		if strings.HasPrefix(name, "barnabas.") && !knownProperties[name] {
			p.warn(e, CodeIgnored, "the property %q is not known and has no effect", shorten(name))
		}
	}
	if name := codeAttribute(e); name != "" && p.dialect == Camunda {
		p.problem(e, CodeUnsupported, `%s=%q runs code inside the engine, which is not supported: set the implementation to "External" with a topic and let a worker do the work`, name, shorten(attr(e, name)))
	}
}

// codeAttribute is the name of the attribute that has the engine run code, or empty.
func codeAttribute(e *etree.Element) string {
	for _, name := range codeAttributes {
		if _, ok := attribute(e, name); ok {
			return name
		}
	}
	return ""
}

// properties are the element's extension properties; of two with one name the
// last counts.
func (p *parser) properties(e *etree.Element) map[string]string {
	prefix := p.dialect.String()
	found := map[string]string{}
	holder := p.extension(e, prefix+":properties")
	if holder == nil {
		return found
	}
	for property := range holder.SelectElementsSeq(prefix + ":property") {
		name := attr(property, "name")
		if name == "" {
			name = attr(property, "id") // older models of Camunda's
		}
		found[name] = attr(property, "value")
	}
	return found
}
