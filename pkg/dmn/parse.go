package dmn

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// prefixes are the namespaces that mean something, with the prefix the tree
// gives them.
var prefixes = map[string]string{
	"http://www.omg.org/spec/DMN/20151101/dmn.xsd": "dmn", // 1.1
	"http://www.omg.org/spec/DMN/20180521/MODEL/":  "dmn", // 1.2
	"https://www.omg.org/spec/DMN/20191111/MODEL/": "dmn", // 1.3
	"https://www.omg.org/spec/DMN/20211108/MODEL/": "dmn", // 1.4
	"https://www.omg.org/spec/DMN/20230324/MODEL/": "dmn", // 1.5
	"http://camunda.org/schema/1.0/dmn":            "camunda",
	"http://camunda.org/schema/zeebe/1.0":          "zeebe",
}

const formatName = "DMN"

// maxID is the longest id in bytes.
const maxID = 255

// Parse compiles a DMN document of version 1.1 to 1.5, UTF-8 encoded. An error is
// a *Problems with everything that is wrong with the model, except that a document
// that is not well-formed XML or exceeds a limit of XML is given up at the first
// problem.
func Parse(xml []byte, cfg Config) (*Model, error) {
	cfg = cfg.withDefaults()
	doc, err := xmldoc.Read(xml, xmldoc.Format{Name: formatName, Prefixes: prefixes,
		MaxBytes: cfg.MaxBytes, MaxDepth: cfg.MaxDepth, MaxElements: cfg.MaxElements, MaxAttribute: cfg.MaxAttribute})
	if err != nil {
		return nil, err
	}
	p := &parser{cfg: cfg, doc: doc, reported: map[Problem]bool{}, elements: map[*node]*etree.Element{}}
	model := p.parse()
	xmldoc.SortProblems(p.problems)
	if p.refused {
		return nil, &Problems{Format: formatName, List: p.problems}
	}
	model.Warnings = p.problems
	return model, nil
}

// parser compiles one document: first what can be named (imports, types, nodes),
// then how the nodes depend on each other, then their logic.
type parser struct {
	cfg      Config
	doc      *xmldoc.Document
	model    *Model
	elements map[*node]*etree.Element
	known    *syntax.Vocabulary // names in the scope of the logic being compiled
	shapes   map[string]syntax.Type
	absent   []*etree.Element // imports of models that are not at hand
	language language         // unless an expression says another
	problems []Problem
	latest   string // message reported last
	refused  bool
	reported map[Problem]bool
}

func (p *parser) parse() *Model {
	root := p.doc.Root
	if root.Space != "dmn" || root.Tag != "definitions" {
		p.problem(root, CodeModel, "the root element is <%s> of namespace %q: a DMN model has <definitions> of a namespace of DMN 1.1 to 1.5, such as https://www.omg.org/spec/DMN/20191111/MODEL/", shorten(root.Tag), shorten(root.Space))
		return nil
	}
	p.model = &Model{Namespace: xmldoc.Attr(root, "namespace"), ID: xmldoc.Attr(root, "id"), Name: xmldoc.Attr(root, "name"), byID: map[string]*node{}}
	p.language = p.languageOf(root, feelLanguage)
	p.typeLanguage(root)
	p.readImports()
	p.readTypes()
	p.shapes = p.model.shapes()
	p.readNodes()
	p.known = syntax.NewVocabulary(p.memberNames())
	for _, n := range p.model.nodes {
		p.connect(n)
	}
	p.refuseCycles()
	for _, n := range p.model.nodes {
		p.compile(n)
	}
	return p.model
}

// readImports finds the imported models among those of the configuration.
func (p *parser) readImports() {
	for _, e := range p.all(p.doc.Root, "import") {
		namespace := xmldoc.Attr(e, "namespace")
		if kind := xmldoc.Attr(e, "importType"); prefixes[kind] != "dmn" {
			p.flaw(e, CodeUnsupported, "an import of type %q: only DMN models can be imported", shorten(kind))
			continue
		}
		model := p.importable(namespace)
		if model == nil {
			p.absent = append(p.absent, e)
			p.problem(e, CodeReference, "no model of namespace %q is at hand: deploy the imported model first, or together with this one", shorten(namespace))
			continue
		}
		p.model.imports = append(p.model.imports, importedModel{name: nameOf(e), model: model})
	}
}

func (p *parser) importable(namespace string) *Model {
	for _, m := range p.cfg.Imports {
		if m != nil && m.Namespace == namespace {
			return m
		}
	}
	return nil
}

// isAbsent tells whether a name or namespace is that of an import which is
// reported already.
func (p *parser) isAbsent(namespace, typeName string) bool {
	for _, e := range p.absent {
		if xmldoc.Attr(e, "namespace") == namespace || typeName != "" && strings.HasPrefix(typeName, nameOf(e)+".") {
			return true
		}
	}
	return false
}

// readNodes makes the nodes of the graph, without what is in them.
func (p *parser) readNodes() {
	seen := map[string]xmldoc.Position{}
	for _, e := range p.doc.Root.ChildElements() {
		kind, ok := nodeKinds[e.Tag]
		if !ok || e.Space != "dmn" {
			continue
		}
		n := p.node(e, kind)
		if first, taken := seen[n.id]; taken {
			p.problem(e, CodeIdentity, "the id is already used on line %d: give one of the two another id", first.Line)
			continue
		}
		seen[n.id] = p.doc.At(e)
		p.elements[n] = e
		p.model.byID[n.id] = n
		p.model.nodes = append(p.model.nodes, n)
		p.publish(n)
	}
	if len(p.model.nodes) == 0 && len(p.model.types) == 0 {
		p.problem(p.doc.Root, CodeModel, "the model has neither decisions nor anything that another model could import: draw a decision")
	}
}

func (p *parser) node(e *etree.Element, kind nodeKind) *node {
	n := &node{kind: kind, id: xmldoc.Attr(e, "id"), name: nameOf(e), line: p.doc.At(e).Line, model: p.model, bindings: map[string]binding{}}
	switch {
	case n.id == "" && n.name == "":
		p.problem(e, CodeIdentity, "<%s> has neither id nor name: give it both", e.Tag)
	case n.id == "":
		n.id = n.name
	case len(n.id) > maxID:
		p.problem(e, CodeLimit, "the id has %d bytes, the limit is %d: make it shorter", len(n.id), maxID)
	}
	if n.name == "" {
		n.name = n.id
	}
	n.variable, n.unnamed = n.name, true
	if v := child(e, "variable"); v != nil {
		n.typ = p.typeRef(v)
		n.result = n.typ.ofResult()
		if name := nameOf(v); name != "" {
			n.variable, n.unnamed = name, false
		}
	}
	n.versionTag = versionTag(e)
	return n
}

func versionTag(e *etree.Element) string {
	if tag, ok := xmldoc.Attribute(e, "camunda:versionTag"); ok {
		return tag
	}
	if extensions := child(e, "extensionElements"); extensions != nil {
		if tag := extensions.SelectElement("zeebe:versionTag"); tag != nil {
			return xmldoc.Attr(tag, "value")
		}
	}
	return ""
}

// publish adds the node to the model's public lists.
func (p *parser) publish(n *node) {
	switch n.kind {
	case inputData:
		p.model.Inputs = append(p.model.Inputs, InputData{ID: n.id, Name: n.name, Type: n.typ.String()})
	case decision, decisionService:
		p.model.Decisions = append(p.model.Decisions, Decision{ID: n.id, Name: n.name, Service: n.kind == decisionService, VersionTag: n.versionTag, Line: n.line})
	}
}

// named are the elements whose names can be entries of a context.
var named = map[string]bool{
	"itemComponent": true, "variable": true, "column": true, "output": true,
	"decision": true, "inputData": true, "businessKnowledgeModel": true, "decisionService": true,
}

// memberNames are the names that are no plain words and can follow a dot: entries
// of contexts, whoever makes them.
func (p *parser) memberNames() []string {
	seen := map[string]bool{}
	var names []string
	add := func(name string) {
		if name != "" && !seen[name] && !syntax.IsPlainName(name) {
			seen[name] = true
			names = append(names, name)
		}
	}
	var walk func(e *etree.Element)
	walk = func(e *etree.Element) {
		if named[e.Tag] {
			add(nameOf(e))
		}
		for _, c := range e.ChildElements() {
			walk(c)
		}
	}
	walk(p.doc.Root)
	for _, i := range p.model.imports {
		for _, name := range i.model.members {
			add(name)
		}
	}
	p.model.members = names
	return names
}

// nameOf is the name of an element, spaces reduced to one.
func nameOf(e *etree.Element) string {
	return strings.Join(strings.Fields(xmldoc.Attr(e, "name")), " ")
}

// isTrue reads an attribute of type xsd:boolean.
func isTrue(e *etree.Element, name string) bool {
	value := strings.TrimSpace(xmldoc.Attr(e, name))
	return value == "true" || value == "1"
}

func child(e *etree.Element, tag string) *etree.Element { return e.SelectElement("dmn:" + tag) }

func (p *parser) all(e *etree.Element, tag string) []*etree.Element {
	return e.SelectElements("dmn:" + tag)
}

// textOf is the text of the child <text>, of a unary test or literal.
func textOf(e *etree.Element) string {
	if t := child(e, "text"); t != nil {
		return xmldoc.Content(t)
	}
	return ""
}
