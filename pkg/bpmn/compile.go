package bpmn

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// compiler compiles one process: it walks the elements once, in document order,
// then connects what refers to each other, then reads what each kind of node needs.
type compiler struct {
	*parser
	process *Process
	// elements[i] is the XML of Nodes[i], flowElements[i] that of Flows[i].
	elements     []*etree.Element
	flowElements []*etree.Element
	node         map[string]int   // flow nodes by id
	flow         map[string]int   // sequence flows by id; None: a flow that leads nowhere
	flawed       map[int]bool     // flows whose condition does not compile
	pending      []*etree.Element // sequence flows, until all nodes are known
	exceeded     bool             // a limit keeps nodes out
}

// process compiles e. After problems the result is incomplete.
func (p *parser) process(e *etree.Element) *Process {
	c := &compiler{parser: p, process: &Process{Dialect: p.dialect, Start: None}, node: map[string]int{}, flow: map[string]int{}, flawed: map[int]bool{}}
	before := len(p.problems)
	c.header(e)
	c.scope(e, None, 0)
	if c.exceeded {
		return c.process // what is left out would be missed everywhere
	}
	for _, flow := range c.pending {
		c.sequenceFlow(flow)
	}
	for i := range c.process.Nodes {
		n := &c.process.Nodes[i]
		c.connect(n, c.elements[i])
		c.read(n, c.elements[i])
	}
	c.validate(e)
	for _, problem := range p.problems[before:] {
		if problem.Severity == SeverityWarning {
			c.process.Warnings = append(c.process.Warnings, problem)
		}
	}
	xmldoc.SortProblems(c.process.Warnings)
	c.process.byID = c.node
	return c.process
}

func (c *compiler) header(e *etree.Element) {
	c.process.ID, c.process.Name = c.identify(e), attr(e, "name")
	switch c.dialect {
	case Camunda:
		c.process.VersionTag = attr(e, "camunda:versionTag")
	case Zeebe:
		if tag := c.extension(e, "zeebe:versionTag"); tag != nil {
			c.process.VersionTag = attr(tag, "value")
		}
	}
	c.refuseExtensions(e)
	if value, ok := c.properties(e)[propertyStatusVariables]; ok {
		c.process.StatusVariables = value == "true"
		if value != "true" && value != "false" {
			c.problem(e, CodeValue, `the property %s is %q: write "true" or "false"`, propertyStatusVariables, value)
		}
	}
}

// scope collects the flow nodes and sequence flows of a process or subprocess.
func (c *compiler) scope(parent *etree.Element, scope, nesting int) {
	for _, e := range parent.ChildElements() {
		switch {
		case e.Space != "bpmn":
			c.problem(e, CodeUnsupported, "<%s> of namespace %q is not BPMN: put foreign elements into <extensionElements>", e.Tag, e.Space)
		case e.Tag == "sequenceFlow":
			c.pending = append(c.pending, e)
		case isFlowNode(e.Tag):
			c.flowNode(e, scope, nesting)
		case !passive[e.Tag]:
			c.problem(e, CodeUnsupported, "<%s> is not supported: remove it or replace it by a supported element", e.Tag)
		}
	}
}

// flowNode adds a node and, before the next sibling, the contents of a
// subprocess: stored instances depend on this order.
func (c *compiler) flowNode(e *etree.Element, scope, nesting int) {
	c.nodes++
	if c.nodes > c.cfg.MaxNodes {
		c.exceeded = true
		c.problem(c.doc.Root, CodeLimit, "the model has more than %d flow nodes: split it into several models", c.cfg.MaxNodes)
		return
	}
	index := len(c.process.Nodes)
	n := Node{Index: index, ID: c.identify(e), Name: attr(e, "name"), Line: c.doc.At(e).Line,
		Scope: scope, Default: None, Start: None, AttachedTo: None, Kind: c.kind(e)}
	c.process.Nodes = append(c.process.Nodes, n)
	c.elements = append(c.elements, e)
	if n.ID != "" {
		c.node[n.ID] = index
	}
	if n.Kind != SubProcess {
		return
	}
	if nesting == c.cfg.MaxNesting {
		c.exceeded = true
		c.problem(e, CodeLimit, "subprocesses are nested deeper than %d: make the process flatter", c.cfg.MaxNesting)
		return
	}
	c.scope(e, index, nesting+1)
}

// passive are the elements inside a process or subprocess that say nothing
// about execution, or that are read together with the element they belong to.
var passive = set("documentation extensionElements auditing monitoring property incoming outgoing " +
	"laneSet textAnnotation association group dataObject dataObjectReference dataStoreReference " +
	"ioSpecification dataInputAssociation dataOutputAssociation supportedInterfaceRef " +
	"resourceRole performer humanPerformer potentialOwner correlationSubscription " +
	"multiInstanceLoopCharacteristics standardLoopCharacteristics")

func set(words string) map[string]bool {
	members := map[string]bool{}
	for _, word := range strings.Fields(words) {
		members[word] = true
	}
	return members
}

// kinds are the supported flow nodes other than events.
var kinds = map[string]Kind{
	"task":              ManualTask,
	"manualTask":        ManualTask,
	"serviceTask":       ServiceTask,
	"sendTask":          SendTask,
	"receiveTask":       ReceiveTask,
	"scriptTask":        ScriptTask,
	"businessRuleTask":  BusinessRuleTask,
	"exclusiveGateway":  ExclusiveGateway,
	"parallelGateway":   ParallelGateway,
	"eventBasedGateway": EventBasedGateway,
	"subProcess":        SubProcess,
}

// eventKinds are the supported events by the tag of their definition, "" for none.
var eventKinds = map[string]map[string]Kind{
	"startEvent":             {"": NoneStartEvent, "message": MessageStartEvent, "timer": TimerStartEvent},
	"endEvent":               {"": NoneEndEvent, "message": MessageEndEvent, "error": ErrorEndEvent, "terminate": TerminateEndEvent},
	"intermediateCatchEvent": {"message": MessageCatchEvent, "timer": TimerCatchEvent},
	"intermediateThrowEvent": {"": NoneThrowEvent, "message": MessageThrowEvent},
	"boundaryEvent":          {"message": MessageBoundaryEvent, "timer": TimerBoundaryEvent, "error": ErrorBoundaryEvent},
}

// unsupportedNodes are the flow nodes that are not executed, and what to do instead.
var unsupportedNodes = map[string]string{
	"userTask":               "use a service task whose worker asks the user, or a receive task",
	"callActivity":           "use an embedded subprocess, or start the other process with a message",
	"transaction":            "use a subprocess with error boundary events",
	"adHocSubProcess":        "use a subprocess with a start event and sequence flows",
	"inclusiveGateway":       "use exclusive gateways on the branches of a parallel gateway",
	"complexGateway":         "use exclusive and parallel gateways",
	"implicitThrowEvent":     "use an intermediate throw event",
	"event":                  "use a start, intermediate, boundary or end event",
	"choreographyTask":       "choreographies are not executed",
	"subChoreography":        "choreographies are not executed",
	"callChoreography":       "choreographies are not executed",
	"globalTask":             "use a task of the process",
	"globalUserTask":         "use a task of the process",
	"globalScriptTask":       "use a task of the process",
	"globalManualTask":       "use a task of the process",
	"globalBusinessRuleTask": "use a task of the process",
}

func isFlowNode(tag string) bool {
	return kinds[tag] != 0 || eventKinds[tag] != nil || unsupportedNodes[tag] != ""
}

// kind is the node's kind, 0 after reporting that it is not supported.
func (c *compiler) kind(e *etree.Element) Kind {
	if advice := unsupportedNodes[e.Tag]; advice != "" {
		c.problem(e, CodeUnsupported, "<%s> is not supported: %s", e.Tag, advice)
		return 0
	}
	c.refuseMarkers(e)
	if eventKinds[e.Tag] != nil {
		return c.eventKind(e)
	}
	if e.Tag == "subProcess" && c.boolean(e, "triggeredByEvent", false) {
		c.problem(e, CodeUnsupported, "event subprocesses are not supported: use a boundary event on a subprocess")
		return 0
	}
	return kinds[e.Tag]
}

// markers are what changes how often or when an activity or gateway runs.
var markers = []struct{ attribute, harmless, advice string }{
	{"isForCompensation", "false", "model the undoing as activities after an error boundary event"},
	{"instantiate", "false", "a message start event starts instances"},
	{"eventGatewayType", "Exclusive", "use the exclusive event-based gateway, or a parallel gateway with catch events"},
	{"startQuantity", "1", "remove it, and use a parallel gateway to wait for several tokens"},
	{"completionQuantity", "1", "remove it, and use a parallel gateway for several tokens"},
}

func (c *compiler) refuseMarkers(e *etree.Element) {
	for _, marker := range markers {
		if value, ok := attribute(e, marker.attribute); ok && value != marker.harmless {
			c.problem(e, CodeUnsupported, "%s=%q is not supported: %s", marker.attribute, value, marker.advice)
		}
	}
	if loop := e.SelectElement("bpmn:multiInstanceLoopCharacteristics"); loop != nil {
		c.problem(loop, CodeUnsupported, "multi-instance is not supported: model the repetition as a loop with an exclusive gateway")
	}
	if loop := e.SelectElement("bpmn:standardLoopCharacteristics"); loop != nil {
		c.problem(loop, CodeUnsupported, "the loop marker is not supported: model the repetition as a loop with an exclusive gateway")
	}
}

// read compiles what the node's kind needs.
func (c *compiler) read(n *Node, e *etree.Element) {
	if n.Kind == 0 {
		return
	}
	c.refuseExtensions(e)
	c.mappings(n, e)
	switch n.Kind {
	case ServiceTask:
		c.serviceTask(n, e)
	case SendTask:
		c.sendTask(n, e)
	case ReceiveTask:
		n.Message = c.awaited(e, e)
	case BusinessRuleTask:
		c.businessRuleTask(n, e)
	case ScriptTask:
		c.scriptTask(n, e)
	case MessageStartEvent, MessageCatchEvent, MessageBoundaryEvent, MessageThrowEvent, MessageEndEvent:
		c.messageEvent(n, e)
	case TimerStartEvent, TimerCatchEvent, TimerBoundaryEvent:
		n.Timer = c.timer(n, definition(e))
	case ErrorEndEvent, ErrorBoundaryEvent:
		n.Error = c.errorEvent(n, definition(e))
	}
	c.warnIdle(n, e)
}

// warnIdle reports what is read for some kinds of nodes but not for this one.
func (c *compiler) warnIdle(n *Node, e *etree.Element) {
	if c.refused {
		return // the reason may be what is reported already
	}
	publishes := n.Message != nil && (n.Kind == SendTask || n.Kind == MessageThrowEvent || n.Kind == MessageEndEvent)
	properties := c.properties(e)
	for _, property := range []struct {
		name string
		used bool
	}{
		{propertyDeadline, n.Task != nil},
		{propertyCorrelationKey, n.Message != nil && n.Kind != MessageStartEvent},
		{propertyTTL, publishes},
		{propertyStatusVariables, false},
	} {
		if _, ok := properties[property.name]; ok && !property.used {
			c.warn(e, CodeIgnored, "the property %s has no effect on this element", property.name)
		}
	}
	if idle := c.extension(e, "zeebe:calledDecision"); idle != nil && n.Decision == nil {
		c.warn(idle, CodeIgnored, "zeebe:calledDecision has no effect on this element: business rule tasks call decisions")
	}
	for _, tag := range []string{"zeebe:taskDefinition", "zeebe:taskHeaders", "camunda:failedJobRetryTimeCycle"} {
		if idle := c.extension(e, tag); idle != nil && n.Task == nil {
			c.warn(idle, CodeIgnored, "%s has no effect on this element, which is no task of a worker", tag)
		}
	}
}
