package orchestrator

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// decisions is an immutable picture of all deployed decisions.
type decisions struct {
	models   map[int64]*decisionModel
	versions map[string][]*decision // by decision id, oldest first
	// byNamespace are the latest models, for those that import them.
	byNamespace map[string]*decisionModel
}

// decisionModel is a deployed DMN model, compiled.
type decisionModel struct {
	store.DecisionModel
	model *dmn.Model
}

// decision is a deployed version of a decision.
type decision struct {
	store.Decision
	deployed engine.DeployedDecision
	of       *decisionModel
}

// with is the picture after more models were deployed.
func (d decisions) with(added []store.DecisionModel, broken func(string, error)) decisions {
	if len(added) == 0 {
		return d
	}
	next := decisions{models: make(map[int64]*decisionModel), versions: make(map[string][]*decision), byNamespace: make(map[string]*decisionModel)}
	for _, m := range d.models {
		next.models[m.ID] = m
	}
	for id, versions := range d.versions {
		next.versions[id] = slices.Clone(versions)
	}
	for _, m := range added {
		if err := next.add(m); err != nil {
			broken(m.Resource, err)
		}
	}
	for _, m := range next.models {
		if latest := next.byNamespace[m.Namespace]; latest == nil || latest.ID < m.ID {
			next.byNamespace[m.Namespace] = m
		}
	}
	return next
}

// add compiles a stored model. It was accepted when it was deployed, so a problem
// now means that this engine is older than the one that deployed it.
func (d decisions) add(m store.DecisionModel) error {
	imports := make([]*dmn.Model, 0, len(m.Imports))
	for _, id := range m.Imports {
		if imported := d.models[id]; imported != nil {
			imports = append(imports, imported.model)
		}
	}
	model, err := dmn.Parse(m.XML, dmn.Config{Imports: imports})
	if err != nil {
		return fmt.Errorf("decision model %d was deployed by a newer engine: %w", m.ID, err)
	}
	kept := &decisionModel{DecisionModel: m, model: model}
	d.models[m.ID] = kept
	for _, version := range m.Decisions {
		d.versions[version.DecisionID] = append(d.versions[version.DecisionID], &decision{
			Decision: version, of: kept,
			deployed: engine.DeployedDecision{ID: version.DecisionID, Version: version.Version, Model: model},
		})
	}
	return nil
}

// latest is the highest version of a decision that fits, nil without one.
func (d decisions) latest(id string, fits func(*decision) bool) *decision {
	for _, version := range slices.Backward(d.versions[id]) {
		if fits(version) {
			return version
		}
	}
	return nil
}

// viewsOf describes the decisions of models.
func (d decisions) viewsOf(models []store.DecisionModel) []DecisionView {
	var list []DecisionView
	for _, m := range models {
		for _, stored := range m.Decisions {
			if found := d.latest(stored.DecisionID, func(v *decision) bool { return v.ID == stored.ID }); found != nil {
				list = append(list, found.view())
			}
		}
	}
	return list
}

// processDecisions are the decisions as a process version sees them.
type processDecisions struct {
	decisions
	together []int64 // ids of those deployed in one go with it
}

// Decision makes processDecisions what the engine looks decisions up in.
func (d processDecisions) Decision(ref engine.DecisionRef) *engine.DeployedDecision {
	found := d.latest(ref.ID, func(v *decision) bool {
		switch ref.Binding {
		case bpmn.BindDeployment:
			return slices.Contains(d.together, v.ID)
		case bpmn.BindVersion:
			return v.Version == ref.Version
		case bpmn.BindVersionTag:
			return v.VersionTag == ref.VersionTag
		}
		return true
	})
	if found == nil {
		return nil
	}
	return &found.deployed
}

// decisionsFor are the decisions for instances of a definition: part of the same
// picture, so fenced as definitions are.
func (d *definitions) decisionsFor(def *definition) engine.Decisions {
	if !def.asks {
		return nil // nobody asks: nothing to allocate
	}
	return processDecisions{d.decisions, def.Decisions}
}

func asksDecisions(p *bpmn.Process) bool {
	return slices.ContainsFunc(p.Nodes, func(n bpmn.Node) bool { return n.Decision != nil })
}

// DecisionView is a deployed version of a decision or decision service.
type DecisionView struct {
	store.Decision
	Resource  string
	ModelName string
}

// Decisions lists the latest version of every deployed decision, in order of ids.
func (o *Orchestrator) Decisions() []DecisionView {
	var list []DecisionView
	for _, versions := range o.catalogue.get().decisions.versions {
		list = append(list, versions[len(versions)-1].view())
	}
	slices.SortFunc(list, func(a, b DecisionView) int { return cmp.Compare(a.DecisionID, b.DecisionID) })
	return list
}

func (d *decision) view() DecisionView {
	return DecisionView{Decision: d.Decision, Resource: d.of.Resource, ModelName: d.of.model.Name}
}

// DecisionRequest asks for a decision. Version 0 with no VersionTag is the latest.
type DecisionRequest struct {
	DecisionID string
	Version    int32
	VersionTag string
	Variables  []byte // a JSON object; nil: none
}

// Evaluate evaluates a deployed decision, whichever engine it was deployed at.
// Nothing is stored or sent.
func (o *Orchestrator) Evaluate(ctx context.Context, req DecisionRequest) (DecisionView, dmn.Result, error) {
	defs, err := o.catalogue.refresh(ctx)
	if err != nil {
		return DecisionView{}, dmn.Result{}, err
	}
	d := defs.decisions.latest(req.DecisionID, func(v *decision) bool {
		return (req.Version == 0 || v.Version == req.Version) && (req.VersionTag == "" || v.VersionTag == req.VersionTag)
	})
	if d == nil {
		return DecisionView{}, dmn.Result{}, &RefusedError{Reason: req.missing(), Missing: true}
	}
	env := expr.Env{Now: o.now(), Seed: uint64(o.now().UnixNano())}
	if req.Variables != nil {
		inputs, err := expr.FromJSON(req.Variables)
		scope, isObject := inputs.AsContext()
		if err != nil || !isObject {
			return DecisionView{}, dmn.Result{}, &RefusedError{Reason: "the variables are not a JSON object", Malformed: true}
		}
		env.Scope = scope
	}
	result, err := d.of.model.Evaluate(d.DecisionID, &env)
	if err != nil {
		return d.view(), result, &RefusedError{Reason: err.Error(), Malformed: true}
	}
	return d.view(), result, nil
}

func (r *DecisionRequest) missing() string {
	switch {
	case r.Version != 0:
		return fmt.Sprintf("no version %d of decision %q is deployed", r.Version, r.DecisionID)
	case r.VersionTag != "":
		return fmt.Sprintf("no decision %q with the version tag %q is deployed", r.DecisionID, r.VersionTag)
	}
	return fmt.Sprintf("no decision %q is deployed", r.DecisionID)
}
