package dmn

import (
	"bytes"
	"encoding/xml"
)

// Outline is what a document says of itself without being compiled.
type Outline struct {
	Namespace string
	Imports   []string // namespaces of the DMN models that it imports
}

// ReadOutline looks at the root element of a document and what is right in it. ok is
// false if the root is not that of a DMN model; then Parse says what is wrong.
func ReadOutline(text []byte) (o Outline, ok bool) {
	dec := xml.NewDecoder(bytes.NewReader(text))
	depth := 0
	for {
		token, err := dec.Token()
		if err != nil {
			return o, ok // what is wrong behind the root element is Parse's to say
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			isDMN := prefixes[t.Name.Space] == "dmn"
			switch {
			case depth == 1 && (!isDMN || t.Name.Local != "definitions"):
				return o, false
			case depth == 1:
				o.Namespace, ok = attributeOf(t, "namespace"), true
			case depth == 2 && isDMN && t.Name.Local == "import" && prefixes[attributeOf(t, "importType")] == "dmn":
				o.Imports = append(o.Imports, attributeOf(t, "namespace"))
			}
		case xml.EndElement:
			depth--
		}
	}
}

func attributeOf(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
