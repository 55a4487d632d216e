package dmn

import (
	"cmp"

	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// Config bounds what Parse accepts. The zero value means the defaults.
type Config struct {
	MaxBytes      int // of the document, default 10 MiB
	MaxDepth      int // of nested XML elements, default 100
	MaxElements   int // XML elements, default 200,000
	MaxAttribute  int // bytes of one attribute's value, default 256 KiB
	MaxExpression int // bytes of one expression, default 64 KiB
	MaxTypeSize   int // components of an item definition, those of its components included, default 5,000
	// Imports are the models that the document may import, found by namespace.
	Imports []*Model
	// Tolerant keeps a model in which some logic is unusable (an expression that
	// does not compile, a Java function): what is wrong becomes a warning of the
	// model, and the value of that logic is null. Otherwise the model is refused.
	Tolerant bool
}

func (c Config) withDefaults() Config {
	c.MaxBytes = cmp.Or(c.MaxBytes, 10<<20)
	c.MaxDepth = cmp.Or(c.MaxDepth, 100)
	c.MaxElements = cmp.Or(c.MaxElements, 200_000)
	c.MaxAttribute = cmp.Or(c.MaxAttribute, 256<<10)
	c.MaxExpression = cmp.Or(c.MaxExpression, 64<<10)
	c.MaxTypeSize = cmp.Or(c.MaxTypeSize, 5_000)
	return c
}

// Model is a compiled DMN document. It is immutable and safe for concurrent use.
type Model struct {
	Namespace, ID, Name string
	// Decisions are the decisions and decision services, in document order, at
	// least one unless the model only has what others import.
	Decisions []Decision
	// Inputs are the input data, in document order.
	Inputs []InputData
	// Warnings are in order of lines.
	Warnings []Problem

	nodes   []*node
	byID    map[string]*node
	types   map[string]*itemType
	imports []importedModel
	members []string // names that can follow a dot and are no plain words
}

// Decision is a decision or decision service that can be evaluated.
type Decision struct {
	ID, Name   string
	Service    bool   // a decision service
	VersionTag string // camunda:versionTag or zeebe:versionTag
	Line       int    // of its start tag
}

// InputData is an input that decisions of the model require.
type InputData struct {
	ID, Name string
	Type     string // as FEEL writes it, "Any" if the model does not say
}

// Roots are the decisions and decision services that no other decision or service of
// the model has to do with: what one would ask for.
func (m *Model) Roots() []Decision {
	used := map[*node]bool{}
	for _, n := range m.nodes {
		for _, lists := range [][]*node{n.requires, n.inputs, n.outputs} {
			for _, other := range lists {
				used[other] = used[other] || other != n
			}
		}
		for _, b := range n.bindings {
			if b.node != nil {
				used[b.node] = used[b.node] || b.node != n
			}
		}
	}
	var roots []Decision
	for _, d := range m.Decisions {
		if !used[m.byID[d.ID]] {
			roots = append(roots, d)
		}
	}
	return roots
}

// importedModel is a model under the name that expressions know it by; the name
// is empty if its elements are known as if they were the importing model's own.
type importedModel struct {
	name  string
	model *Model
}

// nodeKind is the kind of a node of a decision requirements graph.
type nodeKind uint8

const (
	inputData nodeKind = iota
	decision
	knowledgeModel
	decisionService
)

// nodeKinds are the elements that are nodes.
var nodeKinds = map[string]nodeKind{
	"inputData": inputData, "decision": decision, "businessKnowledgeModel": knowledgeModel, "decisionService": decisionService,
}

// node is an element of a decision requirements graph.
type node struct {
	kind       nodeKind
	id, name   string
	variable   string // by which expressions know it
	unnamed    bool   // the variable is not the model's but made of the name
	versionTag string
	line       int
	model      *Model
	typ        *itemType // of its value, nil for any
	result     *itemType // of a call, if it is a function
	logic      logic     // of a decision; the body of a knowledge model
	params     []parameter
	requires   []*node // input data and decisions
	bindings   map[string]binding
	// of a decision service
	inputs, outputs []*node
}

// parameter is a formal parameter of a function.
type parameter struct {
	name string
	typ  *itemType
}

// binding is what a name in the logic of a node stands for: a node, or what is
// required of an imported model, as a context.
type binding struct {
	node     *node
	imported []*node
	output   string // if not empty, that entry of the node's value
}

// shapes are the types for expressions.
func (m *Model) shapes() map[string]syntax.Type {
	shapes := map[string]syntax.Type{}
	for name, t := range m.types {
		shapes[name] = t.shape
	}
	for _, i := range m.imports {
		for name, t := range i.model.types {
			shapes[qualified(i.name, name)] = t.shape
		}
	}
	return shapes
}

func qualified(importName, name string) string {
	if importName == "" {
		return name
	}
	return importName + "." + name
}
