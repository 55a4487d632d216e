package bpmn

import (
	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// prefixes are the namespaces that mean something, with the prefix the tree
// gives them.
var prefixes = map[string]string{
	"http://www.omg.org/spec/BPMN/20100524/MODEL": "bpmn",
	"http://camunda.org/schema/1.0/bpmn":          "camunda",
	"http://activiti.org/bpmn":                    "camunda",
	"http://camunda.org/schema/zeebe/1.0":         "zeebe",
	"http://camunda.org/schema/modeler/1.0":       "modeler",
}

// formatName is what the documents are called in messages.
const formatName = "BPMN"

func readDocument(text []byte, cfg Config) (*xmldoc.Document, error) {
	return xmldoc.Read(text, xmldoc.Format{Name: formatName, Prefixes: prefixes,
		MaxBytes: cfg.MaxBytes, MaxDepth: cfg.MaxDepth, MaxElements: cfg.MaxElements, MaxAttribute: cfg.MaxAttribute})
}

func attribute(e *etree.Element, name string) (value string, ok bool) {
	return xmldoc.Attribute(e, name)
}
func attr(e *etree.Element, name string) string { return xmldoc.Attr(e, name) }
func content(e *etree.Element) string           { return xmldoc.Content(e) }
