package orchestrator

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Deploy stores the processes of a model and begins to use them.
func (o *Orchestrator) Deploy(ctx context.Context, resource string, xml []byte) (Deployment, error) {
	if err := o.cfg.Limits.CheckName("resource", resource); err != nil {
		return Deployment{}, malformed(err)
	}
	model, err := bpmn.Parse(xml, bpmn.Config{Now: o.now()})
	if err != nil {
		return Deployment{}, err
	}
	news := make([]store.NewDefinition, len(model.Processes))
	for i, p := range model.Processes {
		timers, err := o.checkDeployable(p)
		if err != nil {
			return Deployment{}, &RefusedError{Reason: err.Error()}
		}
		news[i] = store.NewDefinition{ProcessID: p.ID, VersionTag: p.VersionTag, Resource: resource, XML: xml, StartTimers: timers}
	}
	if err := o.ensureTopics(ctx, model); err != nil {
		return Deployment{}, err
	}
	defs, err := o.store.Deploy(ctx, news)
	if err != nil {
		return Deployment{}, err
	}
	if _, err := o.catalogue.refresh(ctx); err != nil {
		return Deployment{}, fmt.Errorf("deployed, but not yet in use here: %w", err)
	}
	return Deployment{Definitions: defs, Model: model}, nil
}

// checkDeployable says what keeps this engine from running a valid process, and
// evaluates its timer start events.
func (o *Orchestrator) checkDeployable(p *bpmn.Process) ([]store.NewStartTimer, error) {
	for i := range p.Nodes {
		if err := checkHeaders(&p.Nodes[i]); err != nil {
			return nil, err
		}
	}
	if err := o.prepare(&definition{process: p}); err != nil {
		return nil, err
	}
	return o.startTimersOf(p)
}

// checkHeaders refuses task headers that could be taken for those of the protocol.
func checkHeaders(n *bpmn.Node) error {
	if n.Task == nil {
		return nil
	}
	for _, h := range n.Task.Headers {
		if wire.ReservedHeader(h.Key) {
			return fmt.Errorf("%s: task header %q is one that every command has or that begins like one of them; give it another name", n.ID, h.Key)
		}
	}
	return nil
}

func (o *Orchestrator) ensureTopics(ctx context.Context, m *bpmn.Model) error {
	if o.cfg.EnsureTopics == nil {
		return nil
	}
	var types []string
	for _, p := range m.Processes {
		for i := range p.Nodes {
			if t := p.Nodes[i].Task; t != nil && t.StaticType != "" {
				types = append(types, t.StaticType)
			}
		}
	}
	slices.Sort(types)
	return o.cfg.EnsureTopics(ctx, slices.Compact(types))
}

// Deployment is what Deploy stored.
type Deployment struct {
	Definitions []store.Definition
	Model       *bpmn.Model
}

// startTimersOf evaluates the timer start events of a process to deploy.
func (o *Orchestrator) startTimersOf(p *bpmn.Process) ([]store.NewStartTimer, error) {
	var timers []store.NewStartTimer
	for _, n := range p.TimerStarts {
		node := &p.Nodes[n]
		v, err := node.Timer.Value.Evaluate(&expr.Env{Now: o.now()})
		if err != nil {
			return nil, fmt.Errorf("timer start event %s: %w", node.ID, err)
		}
		s, err := node.Timer.Schedule(v, o.now())
		if err != nil {
			return nil, fmt.Errorf("timer start event %s: %w", node.ID, err)
		}
		timers = append(timers, store.NewStartTimer{
			Home: o.timerHome(p.ID, node.ID), Node: int32(n),
			Due: ceilMillis(s.Due), Repetitions: int32(s.Repetitions), Interval: s.Interval,
		})
	}
	return timers, nil
}

// timerHome spreads timer start events over the homes.
func (o *Orchestrator) timerHome(ids ...string) int32 {
	h := fnv.New32a()
	for _, id := range ids {
		_, _ = h.Write([]byte(id)) // never fails
	}
	return int32(h.Sum32() % uint32(max(o.homes(), 1)))
}
