package sim

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/barnabas-project/barnabas/internal/randomprocess"
)

// The notation of processes, as in the engine's transcripts. Lines are
//
//	a -> b -> c                flows; at the end "if EXPRESSION" or "default"
//	charge: service retries=2  a node: kind, then attributes
//	sub: subprocess {          nodes inside until "}"
//
// Nodes are in order of first mention. What is not declared and begins with
// "start" or "end" is a none start or end event. Values with spaces are quoted.

// drawing is a process being read.
type drawing struct {
	root  *drawnNode
	nodes map[string]*drawnNode
	scope *drawnNode
	heads strings.Builder // messages and errors
	flows int
	taken map[string]bool // activity and message name of boundary events
}

type drawnNode struct {
	id, kind string
	attrs    [][2]string
	inside   []*drawnNode
	flows    []drawnFlow // in the scope
	scope    *drawnNode
	fallback string // default flow
}

type drawnFlow struct{ id, from, to, condition string }

// Model makes a BPMN document with one process of its notation.
func Model(processID, text string) []byte {
	d := &drawing{root: &drawnNode{id: processID, kind: "process"}, nodes: make(map[string]*drawnNode), taken: make(map[string]bool)}
	d.scope = d.root
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			d.read(line)
		}
	}
	body := d.contents(d.root)
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"
  xmlns:modeler="http://camunda.org/schema/modeler/1.0" id="defs" targetNamespace="http://barnabas.example"
  modeler:executionPlatform="Camunda Cloud" modeler:executionPlatformVersion="8.6.0">
%s<bpmn:process id=%q isExecutable="true">
%s</bpmn:process>
</bpmn:definitions>
`, d.heads.String(), processID, body)
}

func (d *drawing) read(line string) {
	id, rest, declares := strings.Cut(line, ": ")
	switch {
	case line == "}":
		d.scope = d.scope.scope
	case strings.Contains(line, "->"):
		d.readFlows(line)
	case declares:
		n := d.node(id)
		all := randomprocess.Words(rest)
		n.kind = all[0]
		for _, a := range all[1:] {
			if a == "{" {
				d.scope = n
				continue
			}
			name, value, _ := strings.Cut(a, "=")
			n.attrs = append(n.attrs, [2]string{name, value})
		}
	}
}

func (d *drawing) node(id string) *drawnNode {
	if n := d.nodes[id]; n != nil {
		return n
	}
	n := &drawnNode{id: id, scope: d.scope}
	if strings.HasPrefix(id, "start") {
		n.kind = "start"
	} else if strings.HasPrefix(id, "end") {
		n.kind = "end"
	}
	d.nodes[id] = n
	d.scope.inside = append(d.scope.inside, n)
	return n
}

func (d *drawing) readFlows(line string) {
	line, condition, _ := strings.Cut(line, " if ")
	line, isDefault := strings.CutSuffix(line, " default")
	ids := strings.Split(line, "->")
	for i := 1; i < len(ids); i++ {
		from, to := d.node(strings.TrimSpace(ids[i-1])), d.node(strings.TrimSpace(ids[i]))
		d.flows++
		f := drawnFlow{id: "f" + strconv.Itoa(d.flows), from: from.id, to: to.id}
		if i == len(ids)-1 {
			f.condition = condition
			if isDefault {
				from.fallback = f.id
			}
		}
		from.scope.flows = append(from.scope.flows, f)
	}
}

func (n *drawnNode) attr(name string) string {
	for _, a := range n.attrs {
		if a[0] == name {
			return a[1]
		}
	}
	return ""
}

func (n *drawnNode) has(name string) bool {
	for _, a := range n.attrs {
		if a[0] == name {
			return true
		}
	}
	return false
}

// contents are the elements and flows of a scope.
func (d *drawing) contents(scope *drawnNode) string {
	var b strings.Builder
	for _, n := range scope.inside {
		b.WriteString(d.element(n))
	}
	for _, f := range scope.flows {
		fmt.Fprintf(&b, `<bpmn:sequenceFlow id=%q sourceRef=%q targetRef=%q>`, f.id, f.from, f.to)
		if f.condition != "" {
			fmt.Fprintf(&b, `<bpmn:conditionExpression>%s</bpmn:conditionExpression>`, escaped(f.condition))
		}
		b.WriteString("</bpmn:sequenceFlow>\n")
	}
	return b.String()
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

var elementNames = map[string]string{
	"start": "startEvent", "message-start": "startEvent", "timer-start": "startEvent",
	"end": "endEvent", "error-end": "endEvent", "terminate-end": "endEvent", "message-end": "endEvent",
	"service": "serviceTask", "receive": "receiveTask", "script": "scriptTask", "manual": "manualTask",
	"exclusive": "exclusiveGateway", "parallel": "parallelGateway", "event-based": "eventBasedGateway",
	"message-catch": "intermediateCatchEvent", "timer-catch": "intermediateCatchEvent",
	"message-throw": "intermediateThrowEvent", "throw": "intermediateThrowEvent",
	"timer-boundary": "boundaryEvent", "message-boundary": "boundaryEvent", "error-boundary": "boundaryEvent",
	"subprocess": "subProcess", "business-rule": "manualTask", // decisions are not simulated
}

func (d *drawing) element(n *drawnNode) string {
	name, extra := elementNames[n.kind], ""
	if n.fallback != "" {
		extra += fmt.Sprintf(" default=%q", n.fallback)
	}
	if on := n.attr("on"); on != "" {
		extra += fmt.Sprintf(" attachedToRef=%q", on)
		if n.has("non-interrupting") {
			extra += ` cancelActivity="false"`
		}
	}
	if n.kind == "receive" {
		extra += fmt.Sprintf(" messageRef=%q", d.message(n))
	}
	return fmt.Sprintf("<bpmn:%s id=%q%s>%s%s%s</bpmn:%s>\n", name, n.id, extra, extensions(n), d.contents(n), d.definition(n), name)
}

// message declares the message of a node. An activity can't have two boundary
// events for one message: those of generated processes get names of their own.
func (d *drawing) message(n *drawnNode) string {
	name := n.attr("message")
	if on := n.attr("on"); on != "" && d.taken[on+name] {
		name += "-" + n.id
	} else {
		d.taken[on+name] = on != ""
	}
	fmt.Fprintf(&d.heads, "<bpmn:message id=\"m_%s\" name=%q/>\n", n.id, name)
	return "m_" + n.id
}

// definition is the event definition of an event.
func (d *drawing) definition(n *drawnNode) string {
	switch {
	case n.kind == "receive":
		return ""
	case strings.HasPrefix(n.kind, "message-"):
		return fmt.Sprintf(`<bpmn:messageEventDefinition id="d_%s" messageRef=%q/>`, n.id, d.message(n))
	case n.kind == "terminate-end":
		return fmt.Sprintf(`<bpmn:terminateEventDefinition id="d_%s"/>`, n.id)
	case n.has("duration"):
		return timer(n, "timeDuration", n.attr("duration"))
	case n.has("cycle"):
		return timer(n, "timeCycle", n.attr("cycle"))
	case strings.HasPrefix(n.kind, "error-"):
		ref := ""
		if code := d.code(n); code != "" {
			fmt.Fprintf(&d.heads, "<bpmn:error id=\"e_%s\" errorCode=%q/>\n", n.id, code)
			ref = fmt.Sprintf(` errorRef="e_%s"`, n.id)
		}
		return fmt.Sprintf(`<bpmn:errorEventDefinition id="d_%s"%s/>`, n.id, ref)
	}
	return ""
}

// code is the error code of a node; of two boundary events for one code the second
// gets one of its own.
func (d *drawing) code(n *drawnNode) string {
	code, on := n.attr("code"), n.attr("on")
	if on != "" && d.taken[on+" error "+code] {
		return n.id
	}
	d.taken[on+" error "+code] = on != ""
	return code
}

func timer(n *drawnNode, element, value string) string {
	return fmt.Sprintf(`<bpmn:timerEventDefinition id="d_%s"><bpmn:%s>%s</bpmn:%s></bpmn:timerEventDefinition>`, n.id, element, escaped(value), element)
}

func extensions(n *drawnNode) string {
	var b, mappings, properties strings.Builder
	if n.kind == "service" {
		kind, retries := n.attr("type"), n.attr("retries")
		if kind == "" {
			kind = "work"
		}
		if retries == "" {
			retries = "3"
		}
		fmt.Fprintf(&b, `<zeebe:taskDefinition type=%q retries=%q/>`, kind, retries)
	}
	for _, a := range n.attrs {
		name, target, _ := strings.Cut(a[0], ".")
		switch name {
		case "in":
			fmt.Fprintf(&mappings, `<zeebe:input source="%s" target=%q/>`, escaped(a[1]), target)
		case "out":
			fmt.Fprintf(&mappings, `<zeebe:output source="%s" target=%q/>`, escaped(a[1]), target)
		case "do":
			fmt.Fprintf(&b, `<zeebe:script expression="%s" resultVariable=%q/>`, escaped(a[1]), n.attr("result"))
		case "key":
			fmt.Fprintf(&properties, `<zeebe:property name="barnabas.correlationKey" value="%s"/>`, escaped(a[1]))
		case "deadline":
			fmt.Fprintf(&properties, `<zeebe:property name="barnabas.deadline" value=%q/>`, a[1])
		}
	}
	if mappings.Len() > 0 {
		fmt.Fprintf(&b, `<zeebe:ioMapping>%s</zeebe:ioMapping>`, mappings.String())
	}
	if properties.Len() > 0 {
		fmt.Fprintf(&b, `<zeebe:properties>%s</zeebe:properties>`, properties.String())
	}
	if b.Len() == 0 {
		return ""
	}
	return "<bpmn:extensionElements>" + b.String() + "</bpmn:extensionElements>"
}
