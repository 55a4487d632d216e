package feel_test

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// TestCompliance runs the cases of the DMN Technology Compatibility Kit whose
// decisions are expressions. BARNABAS_TCK is the folder with the kit; what needs
// decision tables, imports, services or Java is counted as out of reach.
func TestCompliance(t *testing.T) {
	t.Parallel()
	root := os.Getenv("BARNABAS_TCK")
	if root == "" {
		t.Skip("set BARNABAS_TCK to the folder that has compliance-level-2 and -3 of the kit (github.com/dmn-tck/tck, TestCases)")
	}
	files, err := filepath.Glob(filepath.Join(root, "compliance-level-*", "*", "*-test-*.xml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no test cases in %s", root)
	passed, unreachable := 0, map[string]int{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".xml"), func(t *testing.T) {
			suite := parseXML(t, file)
			model := loadModel(t, filepath.Join(filepath.Dir(file), strings.TrimSpace(suite.child("modelName").Text)))
			for _, testCase := range suite.all("testCase") {
				for _, result := range testCase.all("resultNode") {
					got, why := model.decide(result.attr("name"), testCase.all("inputNode"))
					if testCase.attr("type") == "decisionService" {
						why = "decision service"
					}
					if why != "" {
						unreachable[why]++
						continue
					}
					if want := expectation(result.child("expected")); !agrees(want, got) {
						t.Errorf("case %s, %s: want %s, got %s\n%s", testCase.attr("id"), result.attr("name"),
							show(want), show(got), model.source(result.attr("name")))
						continue
					}
					passed++
				}
			}
		})
	}
	t.Logf("%d results agree; out of reach: %v", passed, unreachable)
}

// element is any element of XML.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []*element `xml:",any"`
}

func parseXML(t *testing.T, file string) *element {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var root element
	require.NoError(t, xml.Unmarshal(raw, &root), file)
	return &root
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e *element) all(name string) []*element {
	var found []*element
	for _, c := range e.Children {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
	}
	return found
}

func (e *element) child(name string) *element {
	if found := e.all(name); len(found) > 0 {
		return found[0]
	}
	return &element{}
}

// dmnModel is the part of a DMN model that consists of expressions.
type dmnModel struct {
	elements map[string]*element // by id and by name
	types    map[string]syntax.Type
	names    []string
	inputs   map[string]expr.Value // of the case being run
	missing  outOfReach            // what the case needs, noted as a scope's panic ends in the evaluation
}

func loadModel(t *testing.T, file string) *dmnModel {
	t.Helper()
	root := parseXML(t, file)
	m := &dmnModel{elements: map[string]*element{}, types: map[string]syntax.Type{}}
	definitions := root.all("itemDefinition")
	for range 4 { // definitions may refer to later ones
		for _, d := range definitions {
			m.types[d.attr("name")] = m.itemType(d)
		}
	}
	for _, e := range root.Children {
		switch e.XMLName.Local {
		case "inputData", "decision", "businessKnowledgeModel", "decisionService":
			m.elements[e.attr("id")] = e
			m.elements[e.attr("name")] = e
			m.names = append(m.names, e.attr("name"))
		case "import":
			m.elements["import"] = e
		}
	}
	return m
}

func (m *dmnModel) itemType(d *element) syntax.Type {
	var typ syntax.Type
	if components := d.all("itemComponent"); len(components) > 0 {
		var fields []syntax.Field
		for _, c := range components {
			m.names = append(m.names, c.attr("name"))
			fields = append(fields, syntax.Field{Name: c.attr("name"), Type: m.itemType(c)})
		}
		typ = syntax.ContextOf(fields...)
	} else {
		typ = m.typeOf(d.child("typeRef").Text)
	}
	if d.attr("isCollection") == "true" {
		typ = syntax.ListOf(typ)
	}
	return typ
}

func (m *dmnModel) typeOf(ref string) syntax.Type {
	ref = strings.TrimSpace(ref)
	if i := strings.LastIndex(ref, ":"); i >= 0 {
		ref = ref[i+1:]
	}
	if ref == "" {
		return syntax.Type{}
	}
	typ, err := syntax.ParseType(ref, m.types)
	if err != nil {
		return syntax.Type{}
	}
	return typ
}

// decide evaluates a decision; why says why that is out of reach.
func (m *dmnModel) decide(name string, inputs []*element) (v expr.Value, why string) {
	if m.elements["import"] != nil {
		return expr.Null(), "import"
	}
	m.inputs, m.missing = map[string]expr.Value{}, ""
	for _, in := range inputs {
		m.inputs[in.attr("name")] = expectation(in)
	}
	e := m.elements[name]
	if e == nil || e.XMLName.Local != "decision" {
		return expr.Null(), "decision service"
	}
	defer func() {
		if r := recover(); r != nil {
			reason, ok := r.(outOfReach)
			if !ok {
				panic(r)
			}
			why = string(reason)
		}
	}()
	v = m.value(e)
	return v, string(m.missing)
}

// reach writes the boxed expression of e as text.
func (m *dmnModel) reach(e *element) string {
	defer func() {
		if reason, ok := recover().(outOfReach); ok {
			m.missing = reason
			panic(reason)
		}
	}()
	return boxed(e)
}

// outOfReach is panicked with by what the runner cannot evaluate.
type outOfReach string

func (m *dmnModel) source(name string) (text string) {
	defer func() { _ = recover() }()
	return boxed(m.elements[name])
}

// value is that of an input, decision or knowledge model.
func (m *dmnModel) value(e *element) expr.Value {
	typ := m.typeOf(e.child("variable").attr("typeRef"))
	switch e.XMLName.Local {
	case "inputData":
		v, _ := typ.Coerce(m.inputs[e.attr("name")])
		return v
	case "decision":
		v, _ := typ.Coerce(m.evaluate(m.reach(e), e))
		return v
	case "businessKnowledgeModel":
		return m.evaluate(m.reach(&element{Children: []*element{asFunction(e.child("encapsulatedLogic"))}}), e)
	}
	m.missing = "decision service"
	panic(m.missing)
}

func asFunction(logic *element) *element {
	function := *logic
	function.XMLName.Local = "functionDefinition"
	return &function
}

// requirements is the scope of a decision: what it requires, by name.
type requirements struct {
	model *dmnModel
	of    *element
}

func (r requirements) Lookup(name string) (expr.Value, bool) {
	for _, kind := range []string{"informationRequirement", "knowledgeRequirement"} {
		for _, req := range r.of.all(kind) {
			for _, required := range req.Children {
				e := r.model.elements[required.attr("href")[strings.Index(required.attr("href"), "#")+1:]]
				if e == nil {
					continue
				}
				if name == e.attr("name") || name == e.child("variable").attr("name") {
					return r.model.value(e), true
				}
			}
		}
	}
	return expr.Null(), false
}

func (m *dmnModel) evaluate(text string, of *element) expr.Value {
	e, err := feel.Options{Names: m.names, Types: m.types}.Compile(text)
	if err != nil {
		return expr.Null()
	}
	var warnings []expr.Error
	v, err := e.Evaluate(&expr.Env{Scope: requirements{model: m, of: of}, Warnings: &warnings})
	for _, w := range warnings {
		if strings.Contains(w.Message, "back-references") {
			m.missing = "back-reference"
		}
	}
	if err != nil {
		return expr.Null()
	}
	return v
}

// expectation is the value that a case gives for an input or expects of a result.
func expectation(e *element) expr.Value {
	if components := e.all("component"); len(components) > 0 {
		b := expr.NewContextBuilder(len(components))
		for _, c := range components {
			b.Put(c.attr("name"), expectation(c))
		}
		return b.Build()
	}
	if lists := e.all("list"); len(lists) > 0 {
		if lists[0].attr("nil") == "true" {
			return expr.Null()
		}
		items := []expr.Value{}
		for _, item := range lists[0].all("item") {
			items = append(items, expectation(item))
		}
		return expr.List(items...)
	}
	v := e.child("value")
	if v.attr("nil") == "true" || len(e.all("value")) == 0 {
		return expr.Null()
	}
	return typedValue(v.attr("type"), v.Text)
}

func typedValue(typ, text string) expr.Value {
	_, name, _ := strings.Cut(typ, ":")
	parse := map[string]func(string) (expr.Value, bool){
		"decimal": expr.ParseNumber, "double": expr.ParseNumber, "integer": expr.ParseNumber, "date": expr.ParseDate, "time": expr.ParseTime,
		"dateTime": expr.ParseDateTime, "duration": expr.ParseDuration,
	}[cmp.Or(name, typ)]
	trimmed := strings.TrimSpace(text)
	switch {
	case name == "boolean":
		return expr.Bool(trimmed == "true")
	case parse != nil:
		if v, ok := parse(trimmed); ok {
			return v
		}
	}
	return expr.String(text)
}

// agrees compares values; numbers may differ in the eighth digit, as the kit's own
// runner has it.
func agrees(want, got expr.Value) bool {
	if want.Kind() != got.Kind() {
		return false
	}
	switch want.Kind() {
	case expr.KindNumber:
		return sameNumber(want, got)
	case expr.KindList:
		a, _ := want.AsList()
		b, _ := got.AsList()
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if !agrees(a[i], b[i]) {
				return false
			}
		}
		return true
	case expr.KindContext:
		a, _ := want.AsContext()
		b, _ := got.AsContext()
		for i := range a.Len() {
			key, value := a.At(i)
			other, found := b.Get(key)
			if !found || !agrees(value, other) {
				return false
			}
		}
		return a.Len() == b.Len()
	}
	return want.Text() == got.Text()
}

func sameNumber(a, b expr.Value) bool {
	if expr.CompareNumbers(a, b) == 0 {
		return true
	}
	x, _ := a.AsFloat()
	y, _ := b.AsFloat()
	return max(x-y, y-x) <= 1e-8*max(1, x, -x)
}

func show(v expr.Value) string {
	return fmt.Sprintf("%s %s", v.Kind(), v.Text())
}
