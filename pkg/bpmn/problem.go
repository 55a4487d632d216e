package bpmn

import "github.com/barnabas-project/barnabas/pkg/xmldoc"

// Problem is something wrong with a model; its ElementID is that of the node,
// flow, message, error or process it belongs to.
type Problem = xmldoc.Problem

// Problems is the error of a model that cannot be deployed: everything wrong
// with it, warnings included, in order of lines.
type Problems = xmldoc.Problems

// Severity says whether a model with the problem can be deployed.
type Severity = xmldoc.Severity

// The severities. A model with an error is refused; a warning is kept with the
// process.
const (
	SeverityError   = xmldoc.SeverityError
	SeverityWarning = xmldoc.SeverityWarning
)

// The codes of problems.
const (
	CodeXML          = xmldoc.CodeXML   // not well-formed XML, or XML of a kind that is refused
	CodeLimit        = xmldoc.CodeLimit // larger than Config allows
	CodeModel        = "model"          // not a BPMN model, or nothing in it to execute
	CodeUnsupported  = "unsupported"    // BPMN or an extension that is not executed
	CodeStructure    = "structure"      // breaks a rule of BPMN
	CodeIdentity     = "identity"       // an id is missing or used twice
	CodeReference    = "reference"      // names something that the model does not have
	CodeExpression   = "expression"     // an expression that does not compile
	CodeValue        = "value"          // an attribute or text with a value that makes no sense
	CodeMissing      = "missing"        // something the element cannot do without
	CodeCondition    = "condition"      // conditions of sequence flows
	CodeDialect      = "dialect"        // extension elements of two dialects
	CodeIgnored      = "ignored"        // warning: an extension has no effect
	CodeUnreachable  = "unreachable"    // warning: an element no token can reach
	CodeStraightLoop = "loop"           // warning: a loop without a wait state
	CodeAssumption   = "assumption"     // warning: the model leaves open what was meant
)
