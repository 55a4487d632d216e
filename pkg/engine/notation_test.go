package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/internal/randomprocess"
	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

// The notation of processes in transcripts. Lines are
//
//	a -> b -> c                flows; at the end "if EXPRESSION" or "default"
//	charge: service type=card  a node: kind, then attributes
//	sub: subprocess {          nodes inside until "}"
//
// Nodes are in order of first mention. What is not declared and begins with
// "start" or "end" is a none start or end event. Values with spaces are quoted.

var kindWords = map[string]bpmn.Kind{
	"start": bpmn.NoneStartEvent, "message-start": bpmn.MessageStartEvent, "timer-start": bpmn.TimerStartEvent,
	"end": bpmn.NoneEndEvent, "message-end": bpmn.MessageEndEvent, "error-end": bpmn.ErrorEndEvent,
	"terminate-end": bpmn.TerminateEndEvent, "service": bpmn.ServiceTask, "send": bpmn.SendTask,
	"receive": bpmn.ReceiveTask, "script": bpmn.ScriptTask, "business-rule": bpmn.BusinessRuleTask, "manual": bpmn.ManualTask,
	"exclusive": bpmn.ExclusiveGateway, "parallel": bpmn.ParallelGateway, "event-based": bpmn.EventBasedGateway,
	"message-catch": bpmn.MessageCatchEvent, "timer-catch": bpmn.TimerCatchEvent,
	"message-throw": bpmn.MessageThrowEvent, "throw": bpmn.NoneThrowEvent,
	"timer-boundary": bpmn.TimerBoundaryEvent, "message-boundary": bpmn.MessageBoundaryEvent,
	"error-boundary": bpmn.ErrorBoundaryEvent, "subprocess": bpmn.SubProcess,
}

type notation struct {
	p      *bpmn.Process
	byID   map[string]int
	scopes []int // enclosing subprocesses
	line   int
}

// parseProcess makes a process of its notation.
func parseProcess(text string) (p *bpmn.Process, err error) {
	n := &notation{
		p:    &bpmn.Process{ID: "test", Start: bpmn.None},
		byID: map[string]int{}, scopes: []int{bpmn.None},
	}
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("process, line %d: %v", n.line, r)
		}
	}()
	for line := range strings.Lines(text) {
		n.line++
		n.read(strings.TrimSpace(line))
	}
	n.complete()
	return n.p, nil
}

func (n *notation) read(line string) {
	id, rest, declares := strings.Cut(line, ": ")
	switch {
	case line == "" || line[0] == '#':
	case line == "}":
		n.scopes = n.scopes[:len(n.scopes)-1]
	case strings.Contains(line, "->"):
		n.flows(line)
	case declares:
		n.declare(&n.p.Nodes[n.node(id)], randomprocess.Words(rest))
	default:
		panic("neither flow nor node: " + line)
	}
}

// node finds or adds a node.
func (n *notation) node(id string) int {
	if i, ok := n.byID[id]; ok {
		return i
	}
	node := bpmn.Node{
		Index: len(n.p.Nodes), ID: id, Scope: n.scopes[len(n.scopes)-1], Default: bpmn.None,
		Start: bpmn.None, AttachedTo: bpmn.None, PropagateResult: true,
	}
	switch {
	case strings.HasPrefix(id, "start"):
		node.Kind = bpmn.NoneStartEvent
	case strings.HasPrefix(id, "end"):
		node.Kind = bpmn.NoneEndEvent
	}
	n.byID[id] = node.Index
	n.p.Nodes = append(n.p.Nodes, node)
	return node.Index
}

func (n *notation) flows(line string) {
	line, condition, _ := strings.Cut(line, " if ")
	line, isDefault := strings.CutSuffix(line, " default")
	ids := strings.Split(line, "->")
	for i := 1; i < len(ids); i++ {
		from, to := n.node(strings.TrimSpace(ids[i-1])), n.node(strings.TrimSpace(ids[i]))
		f := bpmn.Flow{
			Index: len(n.p.Flows), Source: from, Target: to,
			ID: n.p.Nodes[from].ID + "->" + n.p.Nodes[to].ID,
		}
		if last := i == len(ids)-1; last && condition != "" {
			f.Condition = expression(condition)
		} else if last && isDefault {
			n.p.Nodes[from].Default = f.Index
		}
		n.p.Flows = append(n.p.Flows, f)
		n.p.Nodes[from].Outgoing = append(n.p.Nodes[from].Outgoing, f.Index)
		n.p.Nodes[to].Incoming = append(n.p.Nodes[to].Incoming, f.Index)
	}
}

func (n *notation) declare(node *bpmn.Node, attributes []string) {
	kind, ok := kindWords[attributes[0]]
	if !ok {
		panic("unknown kind " + attributes[0])
	}
	node.Kind = kind
	node.Interrupting = strings.HasSuffix(attributes[0], "-boundary")
	switch kind {
	case bpmn.ServiceTask, bpmn.SendTask:
		node.Task = &bpmn.Task{StaticType: node.ID, Retries: 3}
	case bpmn.ErrorEndEvent, bpmn.ErrorBoundaryEvent:
		node.Error = &bpmn.Error{}
	case bpmn.ScriptTask:
		node.Script = &bpmn.Script{}
	case bpmn.BusinessRuleTask:
		node.Decision = &bpmn.CalledDecision{}
	}
	for _, a := range attributes[1:] {
		name, value, _ := strings.Cut(a, "=")
		if name == "{" {
			n.scopes = append(n.scopes, node.Index)
			continue
		}
		n.attribute(node, name, value)
	}
}

func (n *notation) attribute(node *bpmn.Node, name, value string) {
	kind, target, _ := strings.Cut(name, ".")
	switch kind {
	case "in":
		node.Inputs = append(node.Inputs, bpmn.Mapping{Target: target, Source: expression(value)})
	case "out":
		node.Outputs = append(node.Outputs, bpmn.Mapping{Target: target, Source: expression(value)})
		node.PropagateResult = false
	case "propagate": // after out: the camunda dialect
		node.PropagateResult = true
	case "on":
		node.AttachedTo = n.byID[value]
		activity := &n.p.Nodes[node.AttachedTo]
		activity.Boundary = append(activity.Boundary, node.Index)
	case "non-interrupting":
		node.Interrupting = false
	case "type", "retries", "backoff", "deadline":
		taskAttribute(node, name, value)
	case "message", "key", "ttl":
		messageAttribute(node, name, value)
	case "date":
		node.Timer = &bpmn.Timer{Kind: bpmn.TimerDate, Value: expression(value)}
	case "duration":
		node.Timer = &bpmn.Timer{Kind: bpmn.TimerDuration, Value: expression(value)}
	case "cycle":
		node.Timer = &bpmn.Timer{Kind: bpmn.TimerCycle, Value: expression(value)}
	case "code":
		node.Error.Code = value
	case "code-variable":
		node.Error.CodeVariable = value
	case "message-variable":
		node.Error.MessageVariable = value
	case "do":
		node.Script.Expression = expression(value)
	case "javascript":
		node.Script.Expression = javaScript(value)
	case "decision", "version", "tag", "binding", "map":
		decisionAttribute(node.Decision, name, value)
	case "result":
		if node.Decision != nil {
			node.Decision.ResultVariable = value
			break
		}
		node.Script.ResultVariable = value
	default:
		panic("unknown attribute " + name)
	}
}

func decisionAttribute(called *bpmn.CalledDecision, name, value string) {
	switch name {
	case "decision":
		called.StaticID = value
		if strings.HasPrefix(value, "=") {
			called.StaticID, called.ID = "", expression(value)
		}
	case "version":
		called.Binding, called.Version = bpmn.BindVersion, expression(value)
	case "tag":
		called.Binding, called.VersionTag = bpmn.BindVersionTag, expression(value)
	case "binding":
		called.Binding = map[string]bpmn.Binding{"latest": bpmn.BindLatest, "deployment": bpmn.BindDeployment}[value]
	case "map": // the camunda dialect
		called.Result = map[string]bpmn.DecisionResult{
			"singleEntry": bpmn.SingleEntry, "singleResult": bpmn.SingleResult, "collectEntries": bpmn.CollectEntries, "resultList": bpmn.ResultList,
		}[value]
	}
}

func taskAttribute(node *bpmn.Node, name, value string) {
	if node.Task == nil { // message events done by a worker
		node.Task = &bpmn.Task{Retries: 3}
	}
	switch name {
	case "type":
		node.Task.StaticType = value
		if strings.HasPrefix(value, "=") {
			node.Task.StaticType, node.Task.Type = "", expression(value)
		}
	case "retries":
		if strings.HasPrefix(value, "=") {
			node.Task.RetriesExpr = expression(value)
			return
		}
		node.Task.Retries, _ = strconv.Atoi(value)
	case "backoff":
		for _, v := range strings.Split(value, ",") {
			node.Task.Backoff = append(node.Task.Backoff, mustDuration(v))
		}
	case "deadline":
		node.Task.Deadline = mustDuration(value)
	}
}

func messageAttribute(node *bpmn.Node, name, value string) {
	if node.Message == nil {
		node.Message, node.Task = &bpmn.Message{}, nil
	}
	switch name {
	case "message":
		node.Message.StaticName = value
		if strings.HasPrefix(value, "=") {
			node.Message.StaticName, node.Message.Name = "", expression(value)
		}
	case "key":
		node.Message.CorrelationKey = expression(value)
	case "ttl":
		node.Message.TTL = mustDuration(value)
	}
}

// complete fills in what follows from the whole.
func (n *notation) complete() {
	for i := range n.p.Nodes {
		node := &n.p.Nodes[i]
		if node.Kind == 0 {
			panic("what is " + node.ID + "?")
		}
		if node.AttachedTo != bpmn.None {
			node.Scope = n.p.Nodes[node.AttachedTo].Scope
		}
		if node.Scope == bpmn.None {
			n.rootStart(node)
		} else if node.Kind == bpmn.NoneStartEvent {
			n.p.Nodes[node.Scope].Start = i
		}
	}
}

func (n *notation) rootStart(node *bpmn.Node) {
	switch node.Kind {
	case bpmn.NoneStartEvent:
		n.p.Start = node.Index
	case bpmn.MessageStartEvent:
		n.p.MessageStarts = append(n.p.MessageStarts, node.Index)
	case bpmn.TimerStartEvent:
		n.p.TimerStarts = append(n.p.TimerStarts, node.Index)
	}
}

func mustDuration(iso string) time.Duration {
	from := time.Unix(0, 0)
	to, ok := expr.String(iso).AsDuration(from)
	if !ok {
		panic("not a duration: " + iso)
	}
	return to.Sub(from)
}

func javaScript(text string) expr.Expression {
	e, err := languages.CompileScript("javascript", text)
	if err != nil {
		panic(err)
	}
	return e
}
