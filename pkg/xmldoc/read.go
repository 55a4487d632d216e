package xmldoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// Format is a kind of document: what it is called and how large it may be.
type Format struct {
	Name string // in messages, such as "BPMN"
	// Prefixes are the namespaces that mean something, with the prefix the tree
	// gives them whatever prefix the document binds. Elements and attributes of any
	// other namespace keep its URI as their prefix, those of none have none.
	Prefixes     map[string]string
	MaxBytes     int // of the document
	MaxDepth     int // of nested elements
	MaxElements  int
	MaxAttribute int // bytes of one attribute's value
}

// Position is a place in the document, both from 1, the column in bytes.
type Position struct{ Line, Column int }

// Document is a well-formed XML document of bounded size.
type Document struct {
	Root  *etree.Element
	at    map[*etree.Element]Position // of each start tag
	first map[string]*etree.Element   // by prefix
}

// At is the place of the element's start tag.
func (d *Document) At(e *etree.Element) Position { return d.at[e] }

// FirstUse is the first element that has the prefix, itself or on an attribute;
// nil if none does.
func (d *Document) FirstUse(prefix string) *etree.Element { return d.first[prefix] }

// reader builds a document from the tokens of one pass, so that no element is
// kept that a limit forbids and every element's line is known.
type reader struct {
	format Format
	dec    *xml.Decoder
	doc    *Document
	open   *etree.Element // the innermost element not yet closed
	depth  int
}

// Read parses text, UTF-8 encoded. An error is a *Problems with exactly one
// problem: after it the rest of the text cannot be trusted.
func Read(text []byte, f Format) (*Document, error) {
	if problem := checkText(text, f); problem != nil {
		return nil, &Problems{Format: f.Name, List: []Problem{*problem}}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	r := &reader{format: f, dec: xml.NewDecoder(bytes.NewReader(text)), doc: &Document{at: map[*etree.Element]Position{}, first: map[string]*etree.Element{}}}
	r.dec.CharsetReader = charset
	if problem := r.readAll(); problem != nil {
		return nil, &Problems{Format: f.Name, List: []Problem{*problem}}
	}
	return r.doc, nil
}

// checkText refuses what needs no parser to see.
func checkText(text []byte, f Format) *Problem {
	switch {
	case len(text) > f.MaxBytes:
		return &Problem{Code: CodeLimit, Message: fmt.Sprintf("the model has %d bytes, the limit is %d: split it into several models", len(text), f.MaxBytes)}
	case len(bytes.TrimSpace(text)) == 0:
		return &Problem{Code: CodeXML, Message: fmt.Sprintf("the model is empty: send a %s XML document", f.Name)}
	case isWide(text):
		return &Problem{Code: CodeXML, Message: "the model is encoded in UTF-16 or UTF-32: save it as UTF-8"}
	}
	if at := invalidUTF8(text); at >= 0 {
		pos := placeOf(text, at)
		return &Problem{Line: pos.Line, Column: pos.Column, Code: CodeXML, Message: "the model contains bytes that are not UTF-8: save it as UTF-8"}
	}
	return nil
}

// isWide recognises UTF-16 and UTF-32 by byte order mark or by the zero byte
// next to the first "<".
func isWide(text []byte) bool {
	for _, start := range []string{"\xfe\xff", "\xff\xfe", "\x00<", "<\x00", "\x00\x00\xfe\xff", "\x00\x00\x00<"} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	return false
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

func placeOf(text []byte, at int) Position {
	before := text[:at]
	return Position{bytes.Count(before, []byte("\n")) + 1, at - bytes.LastIndexByte(before, '\n')}
}

// charset accepts names of encodings that UTF-8 contains.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "us-ascii", "ascii", "utf8":
		return in, nil
	}
	return nil, errors.New("save the model as UTF-8")
}

func (r *reader) readAll() *Problem {
	for {
		line, column := r.dec.InputPos()
		token, err := r.dec.Token()
		at := Position{line, column}
		switch {
		case errors.Is(err, io.EOF) && r.doc.Root == nil:
			return problemAt(at, CodeXML, "the document has no element: send a %s XML document", r.format.Name)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return r.malformed(err)
		}
		if problem := r.token(token, at); problem != nil {
			return problem
		}
	}
}

func (r *reader) token(token xml.Token, at Position) *Problem {
	switch t := token.(type) {
	case xml.StartElement:
		return r.start(t, at)
	case xml.EndElement:
		r.open, r.depth = r.open.Parent(), r.depth-1
	case xml.CharData:
		if r.open != nil {
			r.open.AddChild(etree.NewText(string(t)))
		} else if len(bytes.TrimSpace(t)) > 0 {
			return problemAt(at, CodeXML, "there is text outside the root element: remove it")
		}
	case xml.Directive:
		return problemAt(at, CodeXML, "document type and entity declarations (<!…>) are not accepted: remove them, %s needs none", r.format.Name)
	}
	return nil
}

func (r *reader) start(t xml.StartElement, at Position) *Problem {
	r.depth++
	switch {
	case r.open == nil && r.doc.Root != nil:
		return problemAt(at, CodeXML, "there is a second root element <%s>: a document has one", t.Name.Local)
	case r.depth > r.format.MaxDepth:
		return problemAt(at, CodeLimit, "elements are nested deeper than %d: make the model flatter", r.format.MaxDepth)
	case len(r.doc.at) >= r.format.MaxElements:
		return problemAt(at, CodeLimit, "the model has more than %d XML elements: split it into several models", r.format.MaxElements)
	}
	if unbound(t.Name.Space) {
		return unboundPrefix(at, t.Name.Space)
	}
	e := etree.NewElement("")
	e.Space, e.Tag = r.prefix(t.Name.Space), t.Name.Local
	r.doc.at[e] = at
	if r.open == nil {
		r.doc.Root = e
	} else {
		r.open.AddChild(e)
	}
	r.open = e
	r.noteUse(e, e.Space)
	return r.attributes(e, t.Attr)
}

func (r *reader) attributes(e *etree.Element, attrs []xml.Attr) *Problem {
	seen := make(map[xml.Name]bool, len(attrs))
	for _, a := range attrs {
		at := r.doc.at[e]
		if seen[a.Name] {
			return problemAt(at, CodeXML, "<%s> has the attribute %s twice: keep one", e.Tag, a.Name.Local)
		}
		if len(a.Value) > r.format.MaxAttribute {
			return problemAt(at, CodeLimit, "the attribute %s of <%s> has %d bytes, the limit is %d: make it shorter", a.Name.Local, e.Tag, len(a.Value), r.format.MaxAttribute)
		}
		seen[a.Name] = true
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		if unbound(a.Name.Space) {
			return unboundPrefix(at, a.Name.Space)
		}
		space := r.prefix(a.Name.Space)
		e.Attr = append(e.Attr, etree.Attr{Space: space, Key: a.Name.Local, Value: a.Value})
		r.noteUse(e, space)
	}
	return nil
}

func (r *reader) noteUse(e *etree.Element, prefix string) {
	if r.doc.first[prefix] == nil && prefix != "" {
		r.doc.first[prefix] = e
	}
}

// malformed turns the decoder's error into a problem.
func (r *reader) malformed(err error) *Problem {
	line, column := r.dec.InputPos()
	text := err.Error()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		line, text = syntax.Line, syntax.Msg
	}
	text = strings.TrimPrefix(text, "xml: ")
	return problemAt(Position{line, column}, CodeXML, "this is not well-formed XML: %s", text)
}

func problemAt(at Position, code, format string, args ...any) *Problem {
	return &Problem{Line: at.Line, Column: at.Column, Code: code, Message: fmt.Sprintf(format, args...)}
}

func (r *reader) prefix(namespace string) string {
	if known, ok := r.format.Prefixes[namespace]; ok {
		return known
	}
	return namespace
}

// unbound recognises a prefix that the document does not declare: the decoder
// leaves it where a namespace should be. Namespaces of real documents have a colon.
func unbound(namespace string) bool {
	return namespace != "" && !strings.Contains(namespace, ":")
}

func unboundPrefix(at Position, name string) *Problem {
	return problemAt(at, CodeXML, "the prefix %q is not bound to a namespace: declare it with xmlns:%s=\"…\" on the root element", name, name)
}

// Attribute is the value of the attribute name, which must be written with the
// prefix of the tree ("camunda:topic") or, for the format's own, without; ok is false
// if the element has none.
func Attribute(e *etree.Element, name string) (value string, ok bool) {
	space, key, prefixed := strings.Cut(name, ":")
	if !prefixed {
		space, key = "", name
	}
	for i := range e.Attr {
		if e.Attr[i].Space == space && e.Attr[i].Key == key {
			return e.Attr[i].Value, true
		}
	}
	return "", false
}

// Attr is Attribute for those who take an absent attribute for an empty one.
func Attr(e *etree.Element, name string) string {
	value, _ := Attribute(e, name)
	return value
}

// Content is all text directly inside the element, CDATA included, comments
// not, without surrounding space.
func Content(e *etree.Element) string {
	var b strings.Builder
	for _, child := range e.Child {
		if data, ok := child.(*etree.CharData); ok {
			b.WriteString(data.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
