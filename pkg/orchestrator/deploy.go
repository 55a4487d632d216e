package orchestrator

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// Resource is a BPMN or DMN document to deploy, by its file name.
type Resource struct {
	Name string
	XML  []byte
}

// Deployment is what a deployment stored.
type Deployment struct {
	Definitions []store.Definition
	Decisions   []DecisionView
	Warnings    []Warning
}

// Warning is something odd in a model that was deployed all the same.
type Warning struct {
	Resource string
	xmldoc.Problem
}

// RefusedModels is the error of documents that can't be deployed: all that is
// wrong with all of them. Nothing was deployed.
type RefusedModels struct{ Resources []RefusedModel }

// RefusedModel is what is wrong with one document.
type RefusedModel struct {
	Resource string
	Problems *xmldoc.Problems
}

// Error lists the problems of each document.
func (e *RefusedModels) Error() string {
	var texts []string
	for _, r := range e.Resources {
		texts = append(texts, r.Resource+": "+r.Problems.Error())
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives the problems of each document.
func (e *RefusedModels) Unwrap() []error {
	var all []error
	for _, r := range e.Resources {
		all = append(all, r.Problems)
	}
	return all
}

// Deploy stores the processes or decisions of one model and begins to use them.
func (o *Orchestrator) Deploy(ctx context.Context, resource string, xml []byte) (Deployment, error) {
	return o.DeployAll(ctx, []Resource{{Name: resource, XML: xml}})
}

// DeployAll stores the processes and decisions of several models in one go, all or
// none, and begins to use them. Models may import each other in any order.
func (o *Orchestrator) DeployAll(ctx context.Context, resources []Resource) (Deployment, error) {
	for _, r := range resources {
		if err := o.cfg.Limits.CheckName("resource", r.Name); err != nil {
			return Deployment{}, malformed(err)
		}
	}
	known, err := o.catalogue.refresh(ctx)
	if err != nil {
		return Deployment{}, err
	}
	r := newReading(resources, known.decisions, o.now())
	if err := r.read(); err != nil {
		return Deployment{}, err
	}
	for i := range r.processes {
		p := &r.processes[i]
		if p.new.StartTimers, err = o.checkDeployable(p.process); err != nil {
			return Deployment{}, &RefusedError{Reason: err.Error()}
		}
	}
	if err := o.ensureTopics(ctx, r.processes); err != nil {
		return Deployment{}, err
	}
	deployed, err := o.store.Deploy(ctx, r.deployment())
	if err != nil {
		return Deployment{}, err
	}
	now, err := o.catalogue.refresh(ctx)
	if err != nil {
		return Deployment{}, fmt.Errorf("deployed, but not yet in use here: %w", err)
	}
	return Deployment{
		Definitions: deployed.Definitions, Decisions: now.decisions.viewsOf(deployed.Models),
		Warnings: append(r.warnings, now.missingDecisions(deployed.Definitions)...),
	}, nil
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

func (o *Orchestrator) ensureTopics(ctx context.Context, processes []readProcess) error {
	if o.cfg.EnsureTopics == nil {
		return nil
	}
	var types []string
	for _, p := range processes {
		for i := range p.process.Nodes {
			if t := p.process.Nodes[i].Task; t != nil && t.StaticType != "" {
				types = append(types, t.StaticType)
			}
		}
	}
	slices.Sort(types)
	return o.cfg.EnsureTopics(ctx, slices.Compact(types))
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
