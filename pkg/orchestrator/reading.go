package orchestrator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// reading compiles the documents of a deployment and collects all that is wrong.
type reading struct {
	resources []Resource
	known     decisions
	now       time.Time

	models    []readModel
	processes []readProcess
	refused   map[string]*xmldoc.Problems // by resource
	order     []string                    // of refused
	warnings  []Warning
	owner     map[string]string // which resource has a process or decision
}

type readModel struct {
	model *dmn.Model
	new   store.NewDecisionModel
}

type readProcess struct {
	process *bpmn.Process
	new     store.NewDefinition
}

func newReading(resources []Resource, known decisions, now time.Time) *reading {
	return &reading{resources: resources, known: known, now: now, refused: map[string]*xmldoc.Problems{}, owner: map[string]string{}}
}

// document is a DMN model that is not compiled yet.
type document struct {
	Resource
	outline dmn.Outline
	at      int // its place: several may have the same name
}

func (r *reading) read() error {
	var models []document
	for i, resource := range r.resources {
		outline, isDMN := dmn.ReadOutline(resource.XML)
		if isDMN || strings.HasSuffix(strings.ToLower(resource.Name), ".dmn") {
			models = append(models, document{resource, outline, i})
			continue
		}
		r.bpmn(resource)
	}
	r.dmn(models)
	if len(r.refused) == 0 {
		return nil
	}
	e := &RefusedModels{}
	for _, name := range r.order {
		e.Resources = append(e.Resources, RefusedModel{Resource: name, Problems: r.refused[name]})
	}
	return e
}

func (r *reading) bpmn(resource Resource) {
	model, err := bpmn.Parse(resource.XML, bpmn.Config{Now: r.now})
	if err != nil {
		r.refuse(resource.Name, err)
		return
	}
	r.warn(resource.Name, model.Warnings)
	for _, p := range model.Processes {
		r.claim("process", p.ID, resource.Name, 0)
		r.processes = append(r.processes, readProcess{p, store.NewDefinition{
			ProcessID: p.ID, VersionTag: p.VersionTag, Resource: resource.Name, XML: resource.XML, Bound: isBound(p),
		}})
	}
}

// isBound tells whether the process asks for decisions of its own deployment.
func isBound(p *bpmn.Process) bool {
	return slices.ContainsFunc(p.Nodes, func(n bpmn.Node) bool { return n.Decision != nil && n.Decision.Binding == bpmn.BindDeployment })
}

// dmn compiles the models, those first that others import.
func (r *reading) dmn(waiting []document) {
	for len(waiting) > 0 {
		var later []document
		for _, d := range waiting {
			if importsOneOf(d, waiting) {
				later = append(later, d)
			} else {
				r.model(d)
			}
		}
		if len(later) == len(waiting) {
			for _, d := range later {
				r.refuse(d.Name, oneProblem("DMN", xmldoc.Problem{Code: dmn.CodeReference, Message: "the models of this deployment import each other in a circle: take what both need into a third"}))
			}
			return
		}
		waiting = later
	}
}

func importsOneOf(d document, others []document) bool {
	return slices.ContainsFunc(others, func(o document) bool {
		return o.at != d.at && slices.Contains(d.outline.Imports, o.outline.Namespace)
	})
}

// model compiles a model of which all imports are compiled.
func (r *reading) model(d document) {
	n := store.NewDecisionModel{Resource: d.Name, XML: d.XML}
	var imports []*dmn.Model
	for _, namespace := range d.outline.Imports {
		if i := slices.IndexFunc(r.models, func(m readModel) bool { return m.model.Namespace == namespace }); i >= 0 {
			n.ImportsNew, imports = append(n.ImportsNew, i), append(imports, r.models[i].model)
		} else if m := r.known.byNamespace[namespace]; m != nil {
			n.Imports, imports = append(n.Imports, m.ID), append(imports, m.model)
		}
	}
	model, err := dmn.Parse(d.XML, dmn.Config{Imports: imports})
	if err != nil {
		r.refuse(d.Name, err)
		return
	}
	n.Namespace = model.Namespace
	for _, decision := range model.Decisions {
		r.claim("decision", decision.ID, d.Name, decision.Line)
		n.Decisions = append(n.Decisions, store.NewDecision{DecisionID: decision.ID, VersionTag: decision.VersionTag, Name: decision.Name})
	}
	r.warn(d.Name, model.Warnings)
	r.models = append(r.models, readModel{model, n})
}

// claim notes which document has an id, and refuses a second one.
func (r *reading) claim(what, id, resource string, line int) {
	key := what + " " + id
	if first, taken := r.owner[key]; taken {
		r.refuse(resource, oneProblem("", xmldoc.Problem{ElementID: id, Line: line, Code: dmn.CodeIdentity,
			Message: fmt.Sprintf("the %s is also in %s: deploy them one after the other, or give one of them another id", what, first)}))
		return
	}
	r.owner[key] = resource
}

func oneProblem(format string, p xmldoc.Problem) error {
	return &xmldoc.Problems{Format: format, List: []xmldoc.Problem{p}}
}

func (r *reading) refuse(resource string, err error) {
	var problems *xmldoc.Problems
	if !errors.As(err, &problems) {
		problems = &xmldoc.Problems{List: []xmldoc.Problem{{Message: err.Error()}}}
	}
	if r.refused[resource] == nil {
		r.refused[resource] = &xmldoc.Problems{Format: problems.Format}
		r.order = append(r.order, resource)
	}
	r.refused[resource].List = append(r.refused[resource].List, problems.List...)
}

func (r *reading) warn(resource string, problems []xmldoc.Problem) {
	for _, p := range problems {
		r.warnings = append(r.warnings, Warning{resource, p})
	}
}

func (r *reading) deployment() store.NewDeployment {
	var n store.NewDeployment
	for _, m := range r.models {
		n.Models = append(n.Models, m.new)
	}
	for _, p := range r.processes {
		n.Processes = append(n.Processes, p.new)
	}
	return n
}

// missingDecisions warns of decisions that processes name and that are not deployed:
// they may be before a task is reached.
func (d *definitions) missingDecisions(deployed []store.Definition) []Warning {
	var warnings []Warning
	for _, stored := range deployed {
		def := d.byID[stored.ID]
		if def == nil {
			continue
		}
		for i := range def.process.Nodes {
			n := &def.process.Nodes[i]
			ref, static := staticRef(n.Decision)
			if static && d.decisionsFor(def).Decision(ref) == nil {
				warnings = append(warnings, Warning{stored.Resource, xmldoc.Problem{
					ElementID: n.ID, Line: n.Line, Severity: xmldoc.SeverityWarning, Code: bpmn.CodeReference,
					Message: ref.Missing(n.ID),
				}})
			}
		}
	}
	return warnings
}

// staticRef is what a task refers to, if the model says it without computing.
func staticRef(called *bpmn.CalledDecision) (ref engine.DecisionRef, ok bool) {
	if called == nil || called.StaticID == "" {
		return ref, false
	}
	ref = engine.DecisionRef{ID: called.StaticID, Binding: called.Binding}
	switch called.Binding {
	case bpmn.BindVersion:
		number, isNumber := expr.ParseNumber(constant(called.Version))
		version, isWhole := number.AsInt()
		ref.Version = int32(version)
		return ref, isNumber && isWhole && version > 0 && version == int64(ref.Version)
	case bpmn.BindVersionTag:
		ref.VersionTag = constant(called.VersionTag)
		return ref, ref.VersionTag != ""
	}
	return ref, true
}

// constant is the text of an expression that needs no variables, else empty.
func constant(e expr.Expression) string {
	v, err := e.Evaluate(&expr.Env{})
	if err != nil {
		return ""
	}
	return v.Text()
}
