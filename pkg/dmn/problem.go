package dmn

import (
	"fmt"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// Problem is something wrong with a model; its ElementID is that of the decision,
// table, rule, entry or definition it belongs to, empty if none there has an id.
type Problem = xmldoc.Problem

// Problems is the error of a model that is refused: everything wrong with it,
// warnings included, in order of lines.
type Problems = xmldoc.Problems

// The codes of problems.
const (
	CodeXML         = xmldoc.CodeXML   // not well-formed XML, or XML of a kind that is refused
	CodeLimit       = xmldoc.CodeLimit // larger than Config allows
	CodeModel       = "model"          // not a DMN model, or nothing in it to decide
	CodeUnsupported = "unsupported"    // DMN that is not evaluated
	CodeStructure   = "structure"      // breaks a rule of DMN
	CodeIdentity    = "identity"       // an id or name is missing or used twice
	CodeReference   = "reference"      // names something that the model does not have
	CodeExpression  = "expression"     // an expression that does not compile
	CodeValue       = "value"          // an attribute or text with a value that makes no sense
	CodeMissing     = "missing"        // something the element cannot do without
)

// problem reports what makes the model unusable.
func (p *parser) problem(e *etree.Element, code, format string, args ...any) {
	p.report(e, xmldoc.SeverityError, code, fmt.Sprintf(format, args...))
}

// flaw reports what makes one piece of logic unusable: a problem, unless the
// model is to be kept without it.
func (p *parser) flaw(e *etree.Element, code, format string, args ...any) {
	severity := xmldoc.SeverityError
	if p.cfg.Tolerant {
		severity = xmldoc.SeverityWarning
	}
	p.report(e, severity, code, fmt.Sprintf(format, args...))
}

// warn reports what has an effect that may not be meant.
func (p *parser) warn(e *etree.Element, code, format string, args ...any) {
	p.report(e, xmldoc.SeverityWarning, code, fmt.Sprintf(format, args...))
}

func (p *parser) report(e *etree.Element, severity xmldoc.Severity, code, message string) {
	at := p.doc.At(e)
	problem := Problem{ElementID: ownerID(e), Line: at.Line, Column: at.Column, Severity: severity, Code: code, Message: message}
	p.latest = message
	p.refused = p.refused || severity == xmldoc.SeverityError
	if !p.reported[problem] {
		p.reported[problem] = true
		p.problems = append(p.problems, problem)
	}
}

// ownerID is the id by which people know an element: its own or that of the
// nearest element around it.
func ownerID(e *etree.Element) string {
	for ; e != nil; e = e.Parent() {
		if id := xmldoc.Attr(e, "id"); id != "" {
			return id[:min(len(id), maxID)]
		}
	}
	return ""
}

const shown = 60 // bytes of a model's text in a message

func shorten(text string) string {
	if len(text) <= shown {
		return text
	}
	return fmt.Sprintf("%.*s…", shown, text)
}
