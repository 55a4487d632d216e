package xmldoc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong with a model. Message says what, and what to do
// about it.
type Problem struct {
	ElementID string // of the element it belongs to; empty for the document
	Line      int    // of the element's start tag, from 1; 0: the document as a whole
	Column    int    // in bytes, from 1
	Severity  Severity
	Code      string // stable, for programs; the constants of the package that reads the format
	Message   string
}

// Severity says whether a model with the problem can be used.
type Severity uint8

// The severities. A model with an error is refused; a warning is kept with it.
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

// The codes of problems that any document can have.
const (
	CodeXML   = "xml"   // not well-formed XML, or XML of a kind that is refused
	CodeLimit = "limit" // larger than the limits allow
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

// Problems is the error of a model that cannot be used: everything wrong
// with it, warnings included, in order of lines.
type Problems struct {
	Format string // as Format.Name
	List   []Problem
}

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
		return p.Format + " model: " + b.String()[1:]
	}
	return fmt.Sprintf("%s model: %d problems:%s", p.Format, errors, b.String())
}

// SortProblems puts problems in order of their place, those of the same place
// in the order of discovery.
func SortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
