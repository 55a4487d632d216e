package orchestrator

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// command does what the engine wants done: most commands become a record.
func (b *batch) command(w *work, inst *instance, cmd engine.Command) {
	switch c := cmd.(type) {
	case engine.SendTask:
		b.sendTask(w, inst, &c)
	case engine.PublishMessage:
		b.publishMessage(inst, &c)
	case engine.OpenSubscription:
		b.subscribe(w, inst, &c)
	case engine.CloseSubscription:
		b.unsubscribe(w, inst, &c)
	default:
		panic(fmt.Sprintf("command %T is not known here", cmd))
	}
}

// taskRoute is what the commands of a task node have in common.
type taskRoute struct {
	topic     string
	replyTo   string
	keyByTask bool
	headers   []wire.Header
}

func (b *batch) sendTask(w *work, inst *instance, c *engine.SendTask) {
	node := &inst.def.process.Nodes[c.Node]
	route, err := b.h.o.route(inst.def, node, c.Type)
	if err != nil {
		b.defect(w, inst, err)
		return
	}
	s := inst.state
	b.pack.AddTaskCommand(&wire.TaskCommand{
		Topic:       route.topic,
		ID:          wire.CorrelationID{Instance: s.ID, Home: s.Home, Task: uint64(c.Task), Attempt: c.Attempt},
		KeyByTask:   route.keyByTask,
		Time:        b.now,
		Source:      b.h.o.source,
		ReplyTo:     route.replyTo,
		TaskType:    c.Type,
		ElementID:   node.ID,
		ProcessID:   s.ProcessID,
		BusinessKey: s.BusinessKey,
		Tenant:      s.Tenant,
		TraceParent: s.TraceParent,
		Deadline:    c.Deadline,
		Headers:     route.headers,
		Variables:   c.Variables,
	})
}

func (b *batch) publishMessage(inst *instance, c *engine.PublishMessage) {
	m := wire.PublishedMessage{Topic: b.h.o.topics.messages, Source: b.h.o.source, Time: b.now}
	m.Name, m.CorrelationKey, m.ID, m.Variables = c.Name, c.CorrelationKey, c.MessageID, c.Variables
	m.Tenant, m.TraceParent = inst.state.Tenant, inst.state.TraceParent
	if c.TTL > 0 {
		m.TTL = &c.TTL
	}
	b.pack.AddMessage(&m)
}

func (b *batch) subscribe(w *work, inst *instance, c *engine.OpenSubscription) {
	b.changeSubscription(subscriptionChange{
		w: w, inst: inst, open: true,
		key: store.CorrelationKey{Name: c.Name, Key: c.CorrelationKey},
		sub: subscription{
			instance: inst.state.ID, home: inst.state.Home, element: c.Element, node: c.Node,
			processID: inst.state.ProcessID, stays: !c.Interrupting,
		},
	})
}

func (b *batch) unsubscribe(w *work, inst *instance, c *engine.CloseSubscription) {
	b.changeSubscription(subscriptionChange{
		w: w, inst: inst,
		key: store.CorrelationKey{Name: c.Name, Key: c.CorrelationKey},
		sub: subscription{instance: inst.state.ID, element: c.Element, node: c.Node},
	})
}

// changeSubscription puts the change off to the end of the decisions, when the
// rows not in hand are loaded together; a message for the key makes it happen
// before.
func (b *batch) changeSubscription(ch subscriptionChange) {
	b.pending = append(b.pending, ch)
	b.pendingKeys[ch.key] = true
}

// addStatus adds the status record of a decided input.
func (b *batch) addStatus(inst *instance, events []engine.Event) {
	s := inst.state
	b.events = engine.AppendEvents(b.events[:0], inst.def.process, events, inst.def.process.StatusVariables)
	active, truncated := s.Active(maxStatusPositions)
	b.at = b.at[:0]
	for _, a := range active {
		b.at = append(b.at, wire.Position{Element: inst.def.process.Nodes[a.Node].ID, Key: uint64(a.Key)})
	}
	if len(b.events) > maxStatusEvents {
		b.events = append(b.events[:0], eventsOmitted...)
	}
	status := wire.Status{
		Topic: b.h.o.topics.status, Source: b.h.o.source, Instance: s.ID,
		ProcessID: s.ProcessID, Version: int(s.Version), BusinessKey: s.BusinessKey,
		Tenant: s.Tenant, TraceParent: s.TraceParent, Sequence: s.Sequence, State: instanceState(s), Time: b.now,
		Events: b.events, At: b.at, AtTruncated: truncated, Incidents: s.IncidentCount(),
	}
	if inst.def.process.StatusVariables {
		status.Variables = s.Variables().AppendJSON(nil)
	}
	b.pack.AddStatus(&status)
}

// maxStatusPositions is how many tokens a status record lists.
const maxStatusPositions = 32

// maxStatusEvents is how large the events of one input may be in a status
// record, in bytes: a fork into thousands of branches must not make a record
// that Kafka refuses. Beyond, the record says so instead of listing them.
const maxStatusEvents = 1 << 20

const eventsOmitted = `[{"type":"events-omitted"}]`

func instanceState(s *engine.State) wire.InstanceState {
	switch {
	case s.Ended():
		return wire.InstanceState(s.EndState())
	case s.Parked:
		return wire.InstanceParked
	}
	return wire.InstanceActive
}

// route finds where the commands of a task go. Types written in the model are
// worked out once, when the definition is loaded.
func (o *Orchestrator) route(def *definition, node *bpmn.Node, taskType string) (*taskRoute, error) {
	if node.Task.StaticType != "" {
		return def.routes[node.Index], nil
	}
	return o.newRoute(node, taskType)
}

func (o *Orchestrator) newRoute(node *bpmn.Node, taskType string) (*taskRoute, error) {
	topic, err := o.cfg.Names.Task(taskType)
	if err != nil {
		return nil, fmt.Errorf("element %s: %w", node.ID, err)
	}
	t := o.cfg.TaskType(taskType)
	r := &taskRoute{topic: topic, replyTo: o.topics.results, keyByTask: t.KeyByTask}
	if t.ReplyTo != "" {
		r.replyTo = t.ReplyTo
	}
	for _, h := range node.Task.Headers {
		r.headers = append(r.headers, wire.Header{Key: h.Key, Value: []byte(h.Value)})
	}
	return r, nil
}
