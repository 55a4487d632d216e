package bpmn

import (
	"slices"
	"strings"
	"unicode"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

// mappings reads the inputs and outputs of a node.
func (c *compiler) mappings(n *Node, e *etree.Element) {
	switch c.dialect {
	case Zeebe:
		if io := c.extension(e, "zeebe:ioMapping"); io != nil {
			n.Inputs = c.zeebeMappings(io, "zeebe:input")
			n.Outputs = c.zeebeMappings(io, "zeebe:output")
		}
	case Camunda:
		if io := c.extension(e, "camunda:inputOutput"); io != nil {
			n.Inputs = c.camundaMappings(io, "camunda:inputParameter")
			n.Outputs = c.camundaMappings(io, "camunda:outputParameter")
		}
	}
	n.PropagateResult = c.dialect != Zeebe || len(n.Outputs) == 0
	c.checkMappings(n, e)
}

func (c *compiler) checkMappings(n *Node, e *etree.Element) {
	switch {
	case n.Kind.IsGateway() && len(n.Inputs)+len(n.Outputs) > 0:
		c.problem(e, CodeUnsupported, "gateways have no input or output mappings: move them to the element before or after")
	case (n.Kind.IsStartEvent() || n.Kind.IsBoundaryEvent()) && len(n.Inputs) > 0:
		c.problem(e, CodeUnsupported, "start and boundary events have no input mappings: use output mappings")
	case n.Kind.IsEndEvent() && c.dialect == Camunda && len(n.Outputs) > 0:
		c.problem(e, CodeUnsupported, "end events have no output parameters: move them to the element before")
	}
}

func (c *compiler) zeebeMappings(io *etree.Element, tag string) []Mapping {
	var mappings []Mapping
	for e := range io.SelectElementsSeq(tag) {
		target, source := attr(e, "target"), attr(e, "source")
		switch {
		case source == "":
			c.problem(e, CodeMissing, `the mapping has no source: write an expression, as "=order.total"`)
		case !isPath(target):
			c.problem(e, CodeValue, "the mapping's target %q is not a variable name: use letters, digits and _, with dots for nested values", shorten(target))
		default:
			mappings = append(mappings, Mapping{Target: target, Source: c.expression(e, source)})
		}
	}
	return mappings
}

// isPath tells whether target is names separated by dots.
func isPath(target string) bool {
	for name := range strings.SplitSeq(target, ".") {
		if name == "" || unicode.IsDigit(rune(name[0])) {
			return false
		}
		for _, r := range name {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-$", r) {
				return false
			}
		}
	}
	return true
}

func (c *compiler) camundaMappings(io *etree.Element, tag string) []Mapping {
	var mappings []Mapping
	for e := range io.SelectElementsSeq(tag) {
		name := attr(e, "name")
		switch {
		case name == "":
			c.problem(e, CodeMissing, "the parameter has no name: name the variable it sets")
			continue
		case strings.Contains(name, "."):
			c.problem(e, CodeUnsupported, "the parameter name %q has a dot, which is not supported: choose a name without", shorten(name))
			continue
		}
		mappings = append(mappings, Mapping{Target: name, Source: c.camundaValue(e)})
	}
	return mappings
}

// camundaValue compiles the content of a parameter, list item or map entry: a
// script, a list, a map, or text with expressions.
func (c *compiler) camundaValue(e *etree.Element) expr.Expression {
	if child := firstOf(e, "camunda:script", "camunda:list", "camunda:map"); child != nil {
		return c.camundaComposite(child)
	}
	text := content(e)
	if text == "" {
		return nothing{}
	}
	return c.expression(e, text)
}

func firstOf(e *etree.Element, tags ...string) *etree.Element {
	for _, tag := range tags {
		if child := e.SelectElement(tag); child != nil {
			return child
		}
	}
	return nil
}

func (c *compiler) camundaComposite(e *etree.Element) expr.Expression {
	switch e.Tag {
	case "list":
		var items listExpression
		for _, item := range e.ChildElements() {
			if item.Tag == "value" {
				items = append(items, c.camundaValue(item))
			} else {
				items = append(items, c.camundaComposite(item))
			}
		}
		return items
	case "map":
		var entries mapExpression
		for entry := range e.SelectElementsSeq("camunda:entry") {
			entries = append(entries, mapEntry{attr(entry, "key"), c.camundaValue(entry)})
		}
		return entries
	case "script":
		if resource := attr(e, "resource"); resource != "" {
			c.problem(e, CodeUnsupported, "the script is in the resource %q: write it into the model", shorten(resource))
			return nil
		}
		return c.scriptIn(e, attr(e, "scriptFormat"), content(e))
	}
	c.problem(e, CodeUnsupported, "<%s> is not supported in a parameter: use text, an expression, a list or a map", shorten(e.FullTag()))
	return nil
}

// listExpression gives the list of the values of its items.
type listExpression []expr.Expression

// Evaluate evaluates the items in order.
func (l listExpression) Evaluate(env *expr.Env) (expr.Value, error) {
	items := make([]expr.Value, 0, len(l))
	for _, item := range l {
		value, err := item.Evaluate(env)
		if err != nil {
			return expr.Value{}, err
		}
		items = append(items, value)
	}
	return expr.List(items...), nil
}

// Source is the sources of the items.
func (l listExpression) Source() string {
	sources := make([]string, 0, len(l))
	for _, item := range l {
		sources = append(sources, sourceOf(item))
	}
	return "[" + strings.Join(sources, ", ") + "]"
}

// Names are the variables that the items read.
func (l listExpression) Names() []string { return namesOf(l) }

// mapExpression gives the context of the values of its entries.
type mapExpression []mapEntry

type mapEntry struct {
	key   string
	value expr.Expression
}

// Evaluate evaluates the entries in order.
func (m mapExpression) Evaluate(env *expr.Env) (expr.Value, error) {
	entries := expr.NewContextBuilder(len(m))
	for _, entry := range m {
		value, err := entry.value.Evaluate(env)
		if err != nil {
			return expr.Value{}, err
		}
		entries.Put(entry.key, value)
	}
	return entries.Build(), nil
}

// Source is the keys and sources of the entries.
func (m mapExpression) Source() string {
	sources := make([]string, 0, len(m))
	for _, entry := range m {
		sources = append(sources, entry.key+": "+sourceOf(entry.value))
	}
	return "{" + strings.Join(sources, ", ") + "}"
}

// Names are the variables that the entries read.
func (m mapExpression) Names() []string {
	values := make([]expr.Expression, 0, len(m))
	for _, entry := range m {
		values = append(values, entry.value)
	}
	return namesOf(values)
}

func namesOf(parts []expr.Expression) []string {
	var names []string
	for _, part := range parts {
		names = append(names, languages.Names(part)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sourceOf is empty for an expression that did not compile.
func sourceOf(e expr.Expression) string {
	if e == nil {
		return ""
	}
	return e.Source()
}
