package bpmn

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// Config bounds what Parse accepts. The zero value means the defaults.
type Config struct {
	MaxBytes      int // of the document, default 10 MiB
	MaxDepth      int // of nested XML elements, default 100
	MaxElements   int // XML elements, default 100,000
	MaxAttribute  int // bytes of one attribute's value, default 256 KiB
	MaxNodes      int // flow nodes of all executable processes, default 20,000
	MaxNesting    int // of subprocesses, default 20
	MaxExpression int // bytes of one expression, default 64 KiB
	// Now is the instant for expressions that are evaluated on deployment:
	// timers and message names of start events. Default: the current time.
	Now time.Time
}

func (c Config) withDefaults() Config {
	c.MaxBytes = cmp.Or(c.MaxBytes, 10<<20)
	c.MaxDepth = cmp.Or(c.MaxDepth, 100)
	c.MaxElements = cmp.Or(c.MaxElements, 100_000)
	c.MaxAttribute = cmp.Or(c.MaxAttribute, 256<<10)
	c.MaxNodes = cmp.Or(c.MaxNodes, 20_000)
	c.MaxNesting = cmp.Or(c.MaxNesting, 20)
	c.MaxExpression = cmp.Or(c.MaxExpression, 64<<10)
	if c.Now.IsZero() {
		c.Now = time.Now() //nolint:forbidigo // a default for callers with a clock of their own
	}
	return c
}

// Model is what a BPMN document deploys.
type Model struct {
	Dialect Dialect
	// Processes are the executable processes in document order, at least one.
	// Those with isExecutable="false" are left out.
	Processes []*Process
	// Warnings are those of the processes and of the document, in order of lines.
	Warnings []Problem
}

// Parse compiles a BPMN 2.0 document, UTF-8 encoded, of either extension
// dialect. An error is a *Problems with everything that is wrong with the model,
// except that a document that is not well-formed XML or exceeds a limit of XML
// is given up at the first problem.
//
// The dialect is that of modeler:executionPlatform ("Camunda Cloud" is Zeebe,
// "Camunda Platform" is Camunda), else that of the extensions the document uses.
func Parse(xml []byte, cfg Config) (*Model, error) {
	cfg = cfg.withDefaults()
	doc, err := readDocument(xml, cfg)
	if err != nil {
		return nil, err
	}
	p := &parser{cfg: cfg, doc: doc, ids: map[string]xmldoc.Position{}, reported: map[Problem]bool{}}
	model := p.model()
	xmldoc.SortProblems(p.problems)
	if p.refused {
		return nil, &Problems{Format: formatName, List: p.problems}
	}
	model.Warnings = p.problems
	return model, nil
}

// parser compiles one document.
type parser struct {
	cfg      Config
	doc      *xmldoc.Document
	dialect  Dialect
	messages map[string]*messageDefinition
	errors   map[string]*etree.Element
	ids      map[string]xmldoc.Position // of everything that has to have an id of its own
	nodes    int                        // flow nodes so far
	problems []Problem
	refused  bool             // a problem is an error
	reported map[Problem]bool // a definition used twice is reported once
}

func (p *parser) model() *Model {
	root := p.doc.Root
	if root.Space != "bpmn" || root.Tag != "definitions" {
		p.problem(root, CodeModel, "the root element is <%s> of namespace %q: a BPMN 2.0 model has <definitions> of namespace http://www.omg.org/spec/BPMN/20100524/MODEL", shorten(root.Tag), shorten(root.Space))
		return nil
	}
	p.dialect = p.findDialect(root)
	p.messages = map[string]*messageDefinition{}
	for id, e := range p.rootElements("bpmn:message") {
		p.messages[id] = &messageDefinition{element: e}
	}
	p.errors = p.rootElements("bpmn:error")
	model := &Model{Dialect: p.dialect}
	processes := root.SelectElements("bpmn:process")
	for _, e := range processes {
		if p.isExecutable(e) {
			model.Processes = append(model.Processes, p.process(e))
		}
	}
	switch {
	case len(processes) == 0:
		p.problem(root, CodeModel, "the model has no process: draw one, with a start event")
	case len(model.Processes) == 0:
		p.problem(processes[0], CodeModel, `no process of the model is executable: set isExecutable="true" on the process to deploy`)
	}
	return model
}

// findDialect prefers what the modeler says to what the document uses.
func (p *parser) findDialect(root *etree.Element) Dialect {
	camunda, zeebe := p.doc.FirstUse("camunda"), p.doc.FirstUse("zeebe")
	switch attr(root, "modeler:executionPlatform") {
	case "Camunda Cloud":
		p.ignoreDialect(camunda, "camunda", "Camunda Cloud")
		return Zeebe
	case "Camunda Platform":
		p.ignoreDialect(zeebe, "zeebe", "Camunda Platform")
		return Camunda
	}
	switch {
	case camunda != nil && zeebe != nil:
		p.problem(zeebe, CodeDialect, `the model uses camunda: and zeebe: extensions: keep one of them, or set modeler:executionPlatform on <definitions> to "Camunda Platform" or "Camunda Cloud" to choose`)
		return Zeebe
	case zeebe != nil:
		return Zeebe
	case camunda != nil:
		return Camunda
	}
	return Plain
}

func (p *parser) ignoreDialect(first *etree.Element, prefix, platform string) {
	if first != nil {
		p.warn(first, CodeIgnored, `the execution platform is %q: %s: extensions have no effect, this is the first`, platform, prefix)
	}
}

// rootElements indexes the root elements of one kind by their ids.
func (p *parser) rootElements(tag string) map[string]*etree.Element {
	found := map[string]*etree.Element{}
	for e := range p.doc.Root.SelectElementsSeq(tag) {
		p.refuseExtensions(e)
		if id := p.identify(e); id != "" {
			found[id] = e
		}
	}
	return found
}

// isExecutable takes a process that does not say so for executable, as the
// modelers' users expect.
func (p *parser) isExecutable(e *etree.Element) bool {
	if _, ok := attribute(e, "isExecutable"); !ok {
		p.warn(e, CodeAssumption, `the process does not say isExecutable: taken as "true"`)
		return true
	}
	return p.boolean(e, "isExecutable", true)
}

// maxID is the longest id in bytes: ids become keys and headers of records.
const maxID = 255

// identify claims the element's id for it. It is empty after a problem.
func (p *parser) identify(e *etree.Element) string {
	id := attr(e, "id")
	if id == "" {
		p.problem(e, CodeIdentity, "<%s> has no id: give it one that is unique in the model", e.Tag)
		return ""
	}
	if len(id) > maxID {
		p.problem(e, CodeLimit, "the id has %d bytes, the limit is %d: make it shorter", len(id), maxID)
		return ""
	}
	if first, taken := p.ids[id]; taken {
		p.problem(e, CodeIdentity, "the id is already used on line %d: give one of the two another id", first.Line)
		return ""
	}
	p.ids[id] = p.doc.At(e)
	return id
}

// boolean is an attribute of type xsd:boolean.
func (p *parser) boolean(e *etree.Element, name string, otherwise bool) bool {
	switch value, ok := attribute(e, name); {
	case !ok:
		return otherwise
	case value == "true" || value == "1":
		return true
	case value == "false" || value == "0":
		return false
	default:
		p.problem(e, CodeValue, `%s=%q is neither "true" nor "false"`, name, shorten(value))
		return otherwise
	}
}

func (p *parser) problem(e *etree.Element, code, format string, args ...any) {
	p.report(e, SeverityError, code, fmt.Sprintf(format, args...))
}

func (p *parser) warn(e *etree.Element, code, format string, args ...any) {
	p.report(e, SeverityWarning, code, fmt.Sprintf(format, args...))
}

func (p *parser) report(e *etree.Element, severity Severity, code, message string) {
	at := p.doc.At(e)
	id := ""
	for owner := e; owner != nil && id == ""; owner = owner.Parent() {
		if !isPart(owner) {
			id = attr(owner, "id")
		}
	}
	problem := Problem{ElementID: id[:min(len(id), maxID)], Line: at.Line, Column: at.Column, Severity: severity, Code: code, Message: message}
	p.refused = p.refused || severity == SeverityError
	if !p.reported[problem] {
		p.reported[problem] = true
		p.problems = append(p.problems, problem)
	}
}

// isPart tells whether an element is only part of another, so that people know
// it by the other's id.
func isPart(e *etree.Element) bool {
	if e.Space != "bpmn" || timerKinds[e.Tag] != 0 {
		return true
	}
	return strings.HasSuffix(e.Tag, "EventDefinition") || strings.HasSuffix(e.Tag, "Expression") || strings.HasSuffix(e.Tag, "Characteristics")
}
