package xmldoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

var format = xmldoc.Format{
	Name: "plan", Prefixes: map[string]string{"urn:plan": "plan", "urn:plan:2": "plan", "urn:colour": "colour"},
	MaxBytes: 400, MaxDepth: 3, MaxElements: 5, MaxAttribute: 10,
}

func TestRead(t *testing.T) {
	t.Parallel()
	doc, err := xmldoc.Read([]byte("<p:plan xmlns:p=\"urn:plan:2\" xmlns:c=\"urn:colour\" xmlns:o=\"urn:other\">\n  <p:step id=\"a\"> one <!-- no -->\n<![CDATA[<two>]]></p:step>\n <o:x c:of=\"red\" of=\"no\"/></p:plan>"), format)
	require.NoError(t, err)
	require.Equal(t, "plan", doc.Root.Space)
	step, other := doc.Root.ChildElements()[0], doc.Root.ChildElements()[1]
	require.Equal(t, xmldoc.Position{Line: 2, Column: 3}, doc.At(step))
	require.Equal(t, "one \n<two>", xmldoc.Content(step))
	require.Equal(t, "urn:other", other.Space, "unknown namespaces stay")
	require.Equal(t, "red", xmldoc.Attr(other, "colour:of"))
	require.Equal(t, other, doc.FirstUse("colour"))
	require.Nil(t, doc.FirstUse("size"))
	_, ok := xmldoc.Attribute(step, "name")
	require.False(t, ok)
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, code, want string }{
		{"", xmldoc.CodeXML, "the model is empty: send a plan XML document"},
		{"<!-- -->", xmldoc.CodeXML, "send a plan XML document"},
		{"<!DOCTYPE a><a/>", xmldoc.CodeXML, "remove them, plan needs none"},
		{"<a>\n<b></a>", xmldoc.CodeXML, "line 2: this is not well-formed XML"},
		{"<a><b><c><d/></c></b></a>", xmldoc.CodeLimit, "nested deeper than 3"},
		{"<a>" + strings.Repeat("<b/>", 5) + "</a>", xmldoc.CodeLimit, "more than 5 XML elements"},
		{`<a b="12345678901"/>`, xmldoc.CodeLimit, "has 11 bytes, the limit is 10"},
		{"<a>" + strings.Repeat(" ", 400) + "</a>", xmldoc.CodeLimit, "the limit is 400"},
		{"<p:a/>", xmldoc.CodeXML, "not bound to a namespace"},
	} {
		_, err := xmldoc.Read([]byte(c.text), format)
		var problems *xmldoc.Problems
		require.True(t, errors.As(err, &problems), c.text)
		require.Len(t, problems.List, 1)
		require.Equal(t, c.code, problems.List[0].Code, c.text)
		require.Contains(t, err.Error(), c.want)
		require.Contains(t, err.Error(), "plan model: ")
	}
}
