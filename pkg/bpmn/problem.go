package bpmn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong with a model. Message says what, and what to do
// about it.
type Problem struct {
	ElementID string // the node, flow, message, error or process it belongs to; empty for the document
	Line      int    // of the element's start tag, from 1; 0: the document as a whole
	Column    int    // in bytes, from 1
	Severity  Severity
	Code      string // one of the Code constants: stable, for programs
	Message   string
}

// Severity says whether a model with the problem can be deployed.
type Severity uint8

// The severities. A model with an error is refused; a warning is kept with the
// process.
const (
	SeverityError Severity = iota
	SeverityWarning
)

// String is "error" or "warning".
func (s Severity) String() string {
	if s == SeverityWarning {
		return "warning"
	}
	return "error"
}

// The codes of problems.
const (
	CodeXML          = "xml"         // not well-formed XML, or XML of a kind that is refused
	CodeLimit        = "limit"       // larger than Config allows
	CodeModel        = "model"       // not a BPMN model, or nothing in it to execute
	CodeUnsupported  = "unsupported" // BPMN or an extension that is not executed
	CodeStructure    = "structure"   // breaks a rule of BPMN
	CodeIdentity     = "identity"    // an id is missing or used twice
	CodeReference    = "reference"   // names something that the model does not have
	CodeExpression   = "expression"  // an expression that does not compile
	CodeValue        = "value"       // an attribute or text with a value that makes no sense
	CodeMissing      = "missing"     // something the element cannot do without
	CodeCondition    = "condition"   // conditions of sequence flows
	CodeDialect      = "dialect"     // extension elements of two dialects
	CodeIgnored      = "ignored"     // warning: an extension has no effect
	CodeUnreachable  = "unreachable" // warning: an element no token can reach
	CodeStraightLoop = "loop"        // warning: a loop without a wait state
	CodeAssumption   = "assumption"  // warning: the model leaves open what was meant
)

// String is one line: place, severity, message.
func (p Problem) String() string {
	place := ""
	if p.Line > 0 {
		place = fmt.Sprintf("line %d: ", p.Line)
	}
	if p.ElementID != "" {
		place += p.ElementID + ": "
	}
	if p.Severity == SeverityWarning {
		place += "warning: "
	}
	return place + p.Message
}

// Problems is the error of a model that cannot be deployed: everything wrong
// with it, warnings included, in order of lines.
type Problems struct{ List []Problem }

// problemsShown is how many problems Error prints.
const problemsShown = 20

// Error lists the first problems, one a line.
func (p *Problems) Error() string {
	var b strings.Builder
	errors := 0
	for _, problem := range p.List {
		if problem.Severity != SeverityError {
			continue
		}
		if errors++; errors <= problemsShown {
			b.WriteString("\n" + problem.String())
		}
	}
	if errors > problemsShown {
		fmt.Fprintf(&b, "\nand %d more", errors-problemsShown)
	}
	if errors == 1 {
		return "BPMN model: " + b.String()[1:]
	}
	return fmt.Sprintf("BPMN model: %d problems:%s", errors, b.String())
}

// sortProblems puts problems in order of their place, those of the same place
// in the order of discovery.
func sortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
