package bpmn

import (
	"slices"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// CalledDecision is the deployed decision that a business rule task asks for.
type CalledDecision struct {
	ID expr.Expression // a literal unless the model computes it
	// StaticID is ID when it is a literal, else empty.
	StaticID string
	Binding  Binding
	// Version, a whole number from 1, is there for BindVersion, VersionTag, a text,
	// for BindVersionTag; both may be computed.
	Version    expr.Expression
	VersionTag expr.Expression
	// Result is the shape in which the result is stored.
	Result DecisionResult
	// ResultVariable "" drops the result (camunda: but output parameters see it as
	// decisionResult).
	ResultVariable string
}

// Binding says which version of a decision is meant.
type Binding uint8

// The bindings of both dialects.
const (
	BindLatest     Binding = iota // the latest when the task is reached
	BindDeployment                // that which was deployed in one go with the process
	BindVersion                   // that of a number (camunda)
	BindVersionTag                // the latest with a version tag
)

// DecisionResult is the shape of a decision's result. All but ResultValue are
// camunda's, made of one context per matching rule.
type DecisionResult uint8

// The shapes of results.
const (
	ResultValue    DecisionResult = iota // the decision's value as it is (zeebe)
	SingleEntry                          // the only output of the only rule
	SingleResult                         // the outputs of the only rule, a context
	CollectEntries                       // the only output of every rule, a list
	ResultList                           // the outputs of every rule, a list of contexts
)

// The words of the attributes.
var (
	camundaBindings = map[string]Binding{"": BindLatest, "latest": BindLatest, "deployment": BindDeployment, "version": BindVersion, "versionTag": BindVersionTag}
	zeebeBindings   = map[string]Binding{"": BindLatest, "latest": BindLatest, "deployment": BindDeployment, "versionTag": BindVersionTag}
	decisionResults = map[string]DecisionResult{"": ResultList, "singleEntry": SingleEntry, "singleResult": SingleResult, "collectEntries": CollectEntries, "resultList": ResultList}
)

// missingDecision is the advice for a business rule task that nobody decides.
var missingDecision = map[Dialect]string{
	Plain:   "the business rule task has no task type: set the attribute implementation, a worker has to make the decision",
	Camunda: `the business rule task has neither a decision nor a topic: give it a decisionRef, or set its implementation to "External" with a topic`,
	Zeebe:   "the business rule task has neither a called decision nor a task type: give it one of them",
}

// businessRuleTask asks for a decision or, with a task type, is a service task.
func (c *compiler) businessRuleTask(n *Node, e *etree.Element) {
	called, ok := c.calledDecision(e)
	if called != nil || !ok {
		n.Decision = called
		return
	}
	task, ok := c.task(e, e)
	if task == nil && ok {
		c.problem(e, CodeMissing, "%s", missingDecision[c.dialect])
		return
	}
	n.Kind, n.Task = ServiceTask, task
}

// calledDecision is nil without one; ok is false after a problem.
func (c *compiler) calledDecision(e *etree.Element) (called *CalledDecision, ok bool) {
	switch c.dialect {
	case Camunda:
		if _, found := attribute(e, "camunda:decisionRef"); found {
			return c.camundaDecision(e)
		}
	case Zeebe:
		if holder := c.extension(e, "zeebe:calledDecision"); holder != nil {
			return c.zeebeDecision(e, holder)
		}
	}
	return nil, true
}

func (c *compiler) camundaDecision(e *etree.Element) (*CalledDecision, bool) {
	called, ok := c.decisionID(e, "decisionRef", attr(e, "camunda:decisionRef"))
	if !ok {
		return nil, false
	}
	if topic := attr(e, "camunda:topic"); topic != "" {
		c.warn(e, CodeIgnored, "the topic %q has no effect, since the task has a decisionRef: keep one of them", shorten(topic))
	}
	if tenant := attr(e, "camunda:decisionRefTenantId"); tenant != "" {
		c.warn(e, CodeIgnored, "decisionRefTenantId has no effect: decisions are not kept by tenant")
	}
	called.Binding = oneOf(c, e, "decisionRefBinding", attr(e, "camunda:decisionRefBinding"), camundaBindings)
	called.Result = oneOf(c, e, "mapDecisionResult", attr(e, "camunda:mapDecisionResult"), decisionResults)
	called.ResultVariable = attr(e, "camunda:resultVariable")
	switch called.Binding {
	case BindVersion:
		called.Version = c.bound(e, "decisionRefVersion", attr(e, "camunda:decisionRefVersion"))
	case BindVersionTag:
		called.VersionTag = c.bound(e, "decisionRefVersionTag", attr(e, "camunda:decisionRefVersionTag"))
	}
	return called, true
}

func (c *compiler) zeebeDecision(e, holder *etree.Element) (*CalledDecision, bool) {
	if c.extension(e, "zeebe:taskDefinition") != nil {
		c.problem(e, CodeStructure, "the business rule task has both a called decision and a task definition: keep one of them")
		return nil, false
	}
	called, ok := c.decisionID(holder, "decisionId", attr(holder, "decisionId"))
	if !ok {
		return nil, false
	}
	called.ResultVariable = attr(holder, "resultVariable")
	if called.ResultVariable == "" {
		c.problem(holder, CodeMissing, "the called decision has no result variable: name the variable that gets the result")
	}
	called.Binding = oneOf(c, holder, "bindingType", attr(holder, "bindingType"), zeebeBindings)
	if called.Binding == BindVersionTag {
		called.VersionTag = c.bound(holder, "versionTag", attr(holder, "versionTag"))
	}
	return called, true
}

func (c *compiler) decisionID(e *etree.Element, name, text string) (*CalledDecision, bool) {
	if text == "" {
		c.problem(e, CodeMissing, "%s is empty: give the id of a decision, or an expression for it", name)
		return nil, false
	}
	return &CalledDecision{ID: c.expression(e, text), StaticID: c.staticText(text)}, true
}

// bound compiles what a binding needs to be told.
func (c *compiler) bound(e *etree.Element, name, text string) expr.Expression {
	if text == "" {
		c.problem(e, CodeMissing, "the binding says which version by %s, which is missing: add it, or bind to the latest", name)
		return nil
	}
	return c.expression(e, text)
}

// oneOf reads an attribute that is one of some words.
func oneOf[T any](c *compiler, e *etree.Element, name, value string, words map[string]T) T {
	v, ok := words[value]
	if !ok {
		var known []string
		for word := range words {
			if word != "" {
				known = append(known, word)
			}
		}
		slices.Sort(known)
		c.problem(e, CodeValue, "%s is %q: use one of %v", name, shorten(value), known)
	}
	return v
}
