package bpmn

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// sequenceFlow adds a flow between two nodes of one scope.
func (c *compiler) sequenceFlow(e *etree.Element) {
	id := c.identify(e)
	c.refuseExtensions(e)
	f := Flow{Index: len(c.process.Flows), ID: id, Name: attr(e, "name"), Source: c.end(e, "sourceRef"), Target: c.end(e, "targetRef")}
	condition, ok := c.condition(e)
	f.Condition = condition
	if f.Source == None || f.Target == None {
		c.flow[id] = None
		return
	}
	source, target := &c.process.Nodes[f.Source], &c.process.Nodes[f.Target]
	c.flow[id] = f.Index
	c.flawed[f.Index] = !ok
	c.process.Flows = append(c.process.Flows, f)
	c.flowElements = append(c.flowElements, e)
	source.Outgoing = append(source.Outgoing, f.Index)
	target.Incoming = append(target.Incoming, f.Index)
	c.checkEnds(e, source, target)
}

// end is the node that a sequence flow refers to.
func (c *compiler) end(e *etree.Element, name string) int {
	ref := attr(e, name)
	if ref == "" {
		c.problem(e, CodeReference, "the sequence flow has no %s: connect it to an element", name)
		return None
	}
	index, ok := c.node[ref]
	if !ok {
		c.problem(e, CodeReference, "%s=%q is not a flow node of this process: connect the sequence flow to an event, activity or gateway", name, shorten(ref))
		return None
	}
	return index
}

func (c *compiler) checkEnds(e *etree.Element, source, target *Node) {
	switch {
	case source.Scope != target.Scope:
		c.problem(e, CodeStructure, "the sequence flow crosses the border of a subprocess, from %q to %q: connect elements of the same (sub)process", source.ID, target.ID)
	case source.Kind.IsEndEvent():
		c.problem(e, CodeStructure, "the sequence flow leaves the end event %q: make it an intermediate event or remove the flow", source.ID)
	case target.Kind.IsStartEvent():
		c.problem(e, CodeStructure, "the sequence flow leads to the start event %q: lead it to the element after it", target.ID)
	case target.Kind.IsBoundaryEvent():
		c.problem(e, CodeStructure, "the sequence flow leads to the boundary event %q: lead it to the activity or to the element after the event", target.ID)
	}
}

// condition compiles the flow's condition; ok is false after a problem.
func (c *compiler) condition(e *etree.Element) (condition expr.Expression, ok bool) {
	body := e.SelectElement("bpmn:conditionExpression")
	if body == nil {
		return nil, true
	}
	if resource := attr(body, "camunda:resource"); resource != "" {
		c.problem(body, CodeUnsupported, "the condition is in the resource %q: write it into the model as an expression", shorten(resource))
		return nil, false
	}
	text := content(body)
	if text == "" {
		c.problem(body, CodeCondition, "the condition is empty: write an expression or remove the condition")
		return nil, false
	}
	if language := attr(body, "language"); language != "" {
		condition = c.scriptIn(body, language, text)
		return condition, condition != nil
	}
	if isStatic(text, c.dialect) {
		c.problem(body, CodeCondition, "the condition %q is not an expression: write %s", shorten(text), notation[c.dialect])
		return nil, false
	}
	condition = c.expression(body, text)
	return condition, condition != nil
}

// notation says how to write a condition.
var notation = map[Dialect]string{
	Camunda: "it as ${…}",
	Zeebe:   `"=" in front of it (FEEL)`,
	Plain:   `"=" in front of it (FEEL), or it as ${…}`,
}

// connect resolves what a node refers to by id, once all nodes and flows are known.
func (c *compiler) connect(n *Node, e *etree.Element) {
	if ref := attr(e, "default"); ref != "" {
		c.defaultFlow(n, e, ref)
	}
	if !n.Kind.IsBoundaryEvent() {
		return
	}
	ref := localName(attr(e, "attachedToRef"))
	n.Interrupting = c.boolean(e, "cancelActivity", true)
	host, ok := c.node[ref]
	if !ok {
		c.problem(e, CodeReference, "attachedToRef=%q is not an activity of this process: attach the boundary event to an activity", shorten(ref))
		return
	}
	activity := &c.process.Nodes[host]
	switch {
	case activity.Kind != 0 && !activity.Kind.IsActivity():
		c.problem(e, CodeStructure, "the boundary event is attached to %q, which is no activity: attach it to a task or subprocess", ref)
	case activity.Scope != n.Scope:
		c.problem(e, CodeStructure, "the boundary event is attached to %q of another (sub)process: move it to where that activity is", ref)
	default:
		n.AttachedTo = host
		activity.Boundary = append(activity.Boundary, n.Index)
	}
}

func (c *compiler) defaultFlow(n *Node, e *etree.Element, ref string) {
	if n.Kind != 0 && n.Kind != ExclusiveGateway && !n.Kind.IsActivity() {
		c.problem(e, CodeStructure, "only activities and exclusive gateways have a default flow: remove default=%q", shorten(ref))
		return
	}
	index, ok := c.flow[ref]
	switch {
	case !ok:
		c.problem(e, CodeReference, "default=%q is not a sequence flow of this process: choose an outgoing flow of the element", shorten(ref))
	case index == None: // reported where the flow is
	case c.process.Flows[index].Source != n.Index:
		c.problem(e, CodeStructure, "the default flow %q does not leave this element: choose one of its outgoing flows", ref)
	default:
		n.Default = index
	}
}

// checkConditions applies the rules of conditions to the node's outgoing flows.
func (c *compiler) checkConditions(n *Node) {
	if n.Default != None && c.process.Flows[n.Default].Condition != nil {
		c.problem(c.flowElements[n.Default], CodeCondition, "the default flow has a condition, which would never be looked at: remove the condition or the default mark")
	}
	switch {
	case n.Kind == ExclusiveGateway:
		c.checkExclusive(n)
	case n.Kind == 0 || n.Kind.IsActivity() && c.dialect != Zeebe:
	default:
		for _, f := range n.Outgoing {
			if c.process.Flows[f].Condition != nil {
				c.problem(c.flowElements[f], CodeCondition, "a sequence flow that leaves %q (%s) cannot have a condition: remove it or put an exclusive gateway before the flow", n.ID, n.Kind)
			}
		}
	}
}

// checkExclusive makes the only flow without condition the default, in the
// dialects where models rely on that.
func (c *compiler) checkExclusive(n *Node) {
	var open []int
	for _, f := range n.Outgoing {
		if c.process.Flows[f].Condition == nil && f != n.Default && !c.flawed[f] {
			open = append(open, f)
		}
	}
	e := c.elements[n.Index]
	switch {
	case len(n.Outgoing) == 0:
		c.problem(e, CodeStructure, "the exclusive gateway has no outgoing sequence flow: connect it to what follows")
	case len(n.Outgoing) == 1:
		if c.dialect == Camunda && len(open) == 0 && n.Default == None && !c.flawed[n.Outgoing[0]] {
			c.problem(c.flowElements[n.Outgoing[0]], CodeCondition, "the only flow that leaves the exclusive gateway has a condition: remove the condition or add another flow")
		}
	case len(open) == 1 && n.Default == None && c.dialect != Zeebe:
		n.Default = open[0]
		c.warn(c.flowElements[open[0]], CodeAssumption, "the flow has no condition and is taken as the default flow of %q: mark it as default", n.ID)
	default:
		for _, f := range open {
			c.problem(c.flowElements[f], CodeCondition, "the flow leaves the exclusive gateway %q without a condition: add one or make the flow the gateway's default", n.ID)
		}
	}
}

// localName drops the prefix of a qualified name.
func localName(ref string) string {
	return ref[strings.LastIndexByte(ref, ':')+1:]
}
