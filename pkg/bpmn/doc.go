// Package bpmn turns BPMN 2.0 XML into compiled processes: parse, validate
// everything at once, compile expressions, resolve references.
//
// It knows the XML, both extension dialects (camunda: and zeebe:) and the rules
// a model must obey; it does not know how elements behave (that is package
// engine) nor where models are kept.
//
// Start reading at Parse, then Process.
package bpmn
