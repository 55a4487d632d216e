package dmn_test

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// mustPass is the share of cases of the kit below which the test fails.
const mustPass = 0.99

// TestCompliance runs the DMN Technology Compatibility Kit. BARNABAS_TCK is the
// folder with the kit. Cases that fail are logged with what is wrong.
func TestCompliance(t *testing.T) {
	t.Parallel()
	root := os.Getenv("BARNABAS_TCK")
	if root == "" {
		t.Skip("set BARNABAS_TCK to the folder that has compliance-level-2 and -3 of the kit (github.com/dmn-tck/tck, TestCases)")
	}
	files, err := filepath.Glob(filepath.Join(root, "compliance-level-*", "*", "*-test-*.xml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no test cases in %s", root)
	total, passed := 0, 0
	for _, file := range files {
		suite := parseSuite(t, file)
		model, err := loadModels(filepath.Dir(file), strings.TrimSpace(suite.child("modelName").Text))
		for _, c := range suite.all("testCase") {
			total++
			why := err
			if err == nil {
				why = runCase(model, c)
			}
			if why != nil {
				t.Logf("FAILS %s, case %s: %s", strings.TrimSuffix(filepath.Base(file), ".xml"), c.attr("id"), why)
				continue
			}
			passed++
		}
	}
	t.Logf("%d of %d cases pass", passed, total)
	require.GreaterOrEqual(t, float64(passed), mustPass*float64(total))
}

// loadModels parses a model after those that it imports, which are in its folder.
func loadModels(folder, name string) (*dmn.Model, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.dmn"))
	if err != nil {
		return nil, err
	}
	models := map[string]*dmn.Model{}
	var imports []*dmn.Model
	for range files { // an imported model may import others
		for _, file := range files {
			if models[file] != nil {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			m, err := dmn.Parse(text, dmn.Config{Imports: imports, Tolerant: true})
			if err == nil {
				models[file] = m
				imports = append(imports, m)
			} else if file == filepath.Join(folder, name) && len(imports) == len(files)-1 {
				return nil, err
			}
		}
	}
	if m := models[filepath.Join(folder, name)]; m != nil {
		return m, nil
	}
	return nil, errors.New("an imported model cannot be read")
}

func runCase(model *dmn.Model, c *element) error {
	inputs := expr.NewContextBuilder(8)
	for _, in := range c.all("inputNode") {
		inputs.Put(in.attr("name"), expectation(in))
	}
	scope, _ := inputs.Build().AsContext()
	for _, result := range c.all("resultNode") {
		name := result.attr("name")
		got, warnings, err := outcome(model, c, name, scope)
		if err != nil && result.attr("errorResult") == "true" {
			continue
		}
		if want := expectation(result.child("expected")); err != nil || !agrees(want, got) {
			return fmt.Errorf("%s: want %s, got %s %s %s", name, show(want), show(got), fmt.Sprint(err), warnings)
		}
	}
	return nil
}

// outcome is the value of a decision, evaluated by itself or by a service.
func outcome(model *dmn.Model, c *element, name string, scope expr.Scope) (expr.Value, string, error) {
	target := name
	if c.attr("type") == "decisionService" {
		target = c.attr("invocableName")
	}
	result, err := model.Evaluate(target, &expr.Env{Scope: scope})
	var warnings []string
	for _, d := range result.Decisions {
		for _, w := range d.Warnings {
			warnings = append(warnings, w.Message)
		}
	}
	if target == name || err != nil || result.Value.IsNull() {
		return result.Value, strings.Join(warnings, "; "), err
	}
	for _, d := range result.Decisions {
		if d.Name == name {
			return d.Value, strings.Join(warnings, "; "), nil
		}
	}
	return expr.Null(), "", fmt.Errorf("the service does not evaluate %s", name)
}

// element is any element of XML.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []*element `xml:",any"`
}

func parseSuite(t *testing.T, file string) *element {
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
