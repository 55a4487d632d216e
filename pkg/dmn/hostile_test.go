package dmn_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

const (
	head = `<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="urn:d">`
	tail = `</definitions>`
)

func model(content string) string { return head + content + tail }

func literal(text string) string {
	return "<literalExpression><text>" + text + "</text></literalExpression>"
}

func decision(id, content string) string {
	return fmt.Sprintf(`<decision id="%s" name="%s"><variable name="%s"/>%s</decision>`, id, id, id, content)
}

func requires(id string) string {
	return fmt.Sprintf(`<informationRequirement><requiredDecision href="#%s"/></informationRequirement>`, id)
}

func knows(id string) string {
	return fmt.Sprintf(`<knowledgeRequirement><requiredKnowledge href="#%s"/></knowledgeRequirement>`, id)
}

// each joins what make gives for 0 to n−1.
func each(n int, make func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(make(i))
	}
	return b.String()
}

// TestHostileDocuments must be refused, saying so.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, xml, want string }{
		{"empty", "", "the model is empty: send a DMN XML document"},
		{"text", "hello", "text outside the root element"},
		{"truncated", head + "<decision", "unexpected EOF"},
		{"UTF-16", "\xff\xfe<\x00d\x00", "save it as UTF-8"},
		{"DOCTYPE", "<!DOCTYPE d>" + model(""), "remove them, DMN needs none"},
		{"billion laughs", `<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>` + model("&b;"), "document type and entity declarations"},
		{"undeclared entity", model("&nbsp;"), "invalid character entity"},
		{"BPMN", `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>`, "a DMN model has <definitions> of a namespace of DMN 1.1 to 1.5"},
		{"DMN 1.0", `<definitions xmlns="http://www.omg.org/spec/DMN/20130901"/>`, "a DMN model has <definitions>"},
		{"another root", `<decision xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"/>`, "the root element is <decision>"},
		{"nothing in it", model(""), "neither decisions nor anything"},
		{"too large", model(strings.Repeat(" ", 11<<20)), "the limit is 10485760"},
		{"too deep", model(strings.Repeat("<context>", 200)), "nested deeper than 100"},
		{"too many elements", model(strings.Repeat("<a/>", 200_001)), "more than 200000 XML elements"},
		{"huge id", model(decision(strings.Repeat("x", 300), literal("1"))), "the id has 300 bytes, the limit is 255"},
		{"huge expression", model(decision("a", literal(strings.Repeat("1+", 40_000)+"1"))), "has 80001 bytes, the limit is 65536"},
		{"deep expression", model(decision("a", literal(strings.Repeat("(", 30_000)))), "nested deeper than 200 levels"},
		{"type doubling", model(each(40, doubledType)), "more than 5000 components"},
		{"type language", `<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" typeLanguage="urn:xsd"/>`, `the type language "urn:xsd"`},
		{"decision that requires itself", model(decision("a", requires("a")+literal("a"))), "depends on itself"},
		{"two variables of a name", model(decision("a", literal("1")) + `<decision id="b" name="a">` + literal("2") + `</decision>` + decision("c", requires("a")+requires("b")+literal("a"))), `known as "a", as something else that c requires`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := dmn.Parse([]byte(c.xml), dmn.Config{})
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 20_000)
		})
	}
}

// doubledType has two components of the type before it.
func doubledType(i int) string {
	ref := fmt.Sprintf("<typeRef>t%d</typeRef>", i-1)
	if i == 0 {
		ref = "<typeRef>number</typeRef>"
	}
	return fmt.Sprintf(`<itemDefinition id="t%d" name="t%d"><itemComponent name="a">%s</itemComponent><itemComponent name="b">%s</itemComponent></itemDefinition>`, i, i, ref, ref)
}

func TestLimitsCanBeSet(t *testing.T) {
	t.Parallel()
	text := strings.Replace(model(decision("a", literal("1 + 1"))+doubledType(0)), `name="d"`, `name="`+strings.Repeat("d", 60)+`"`, 1)
	for want, cfg := range map[string]dmn.Config{
		"the limit is 10":           {MaxBytes: 10},
		"nested deeper than 2":      {MaxDepth: 2},
		"more than 3 XML elements":  {MaxElements: 3},
		"bytes, the limit is 50":    {MaxAttribute: 50},
		"has 5 bytes, the limit is": {MaxExpression: 4},
		"more than 2 components":    {MaxTypeSize: 2},
	} {
		_, err := dmn.Parse([]byte(text), cfg)
		require.ErrorContains(t, err, want)
	}
}

// TestHostileModels are small and ask for much: they end with an error or a value,
// soon.
func TestHostileModels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, xml, want string }{
		{"recursion", bkm("f", "f(x)") + decision("a", knows("f")+literal("f(1)")), "deeper than 200 levels"},
		{"recursion by two", bkm("f", "g(x)", "g") + bkm("g", "f(x)", "f") + decision("a", knows("f")+literal("f(1)")), "deeper than 200 levels"},
		{"recursion through a service", `<decisionService id="s" name="s"><outputDecision href="#b"/></decisionService>` +
			decision("b", knows("s")+literal("s()")) + decision("a", knows("s")+literal("s()")), "deeper than 200 levels"},
		{"many calls", bkm("f", "if x &lt; 1 then 1 else f(x - 1) + f(x - 1)") + decision("a", knows("f")+literal("f(60)")), "more than 2000000 steps"},
		{"doubled strings", doubling(40, `"x"`, "%s + %s"), "bytes"},
		{"doubled lists", doubling(60, "[1]", "[%s, %s]"), "bytes"},
		{"doubled list of lists", doubling(60, "[1]", "concatenate(%s, %s)"), "more than"},
		{"nested lists", decision("v0", literal("[]")) + each(5000, func(i int) string {
			return decision(fmt.Sprintf("v%d", i+1), requires(fmt.Sprintf("v%d", i))+fmt.Sprintf("<list>%s</list>", literal(fmt.Sprintf("v%d", i))))
		}) + decision("a", requires("v5000")+literal("v5000")), "nested deeper than"},
		{"nested loops", decision("a", nestedLoops(20)), "more than 2000000 steps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := dmn.Parse([]byte(model(c.xml)), dmn.Config{})
			require.NoError(t, err)
			began := time.Now()
			_, err = m.Evaluate("a", nil)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
			}
			require.Less(t, time.Since(began), time.Minute, "seconds, on a machine with other things to do")
		})
	}
}

func bkm(name, body string, uses ...string) string {
	text := ""
	for _, u := range uses {
		text += knows(u)
	}
	return fmt.Sprintf(`<businessKnowledgeModel id="%s" name="%s">%s<encapsulatedLogic><formalParameter name="x"/>%s</encapsulatedLogic></businessKnowledgeModel>`, name, name, text, literal(body))
}

// doubling is a chain of decisions, each twice the one before it.
func doubling(n int, first, twice string) string {
	return decision("v0", literal(first)) + each(n, func(i int) string {
		before := fmt.Sprintf("v%d", i)
		return decision(fmt.Sprintf("v%d", i+1), requires(before)+literal(fmt.Sprintf(twice, before, before)))
	}) + decision("a", requires(fmt.Sprintf("v%d", n))+literal(fmt.Sprintf("v%d", n)))
}

func nestedLoops(n int) string {
	if n == 0 {
		return literal("1")
	}
	return `<for iteratorVariable="x"><in>` + literal("for i in 1..50 return i") + `</in><return>` + nestedLoops(n-1) + `</return></for>`
}

// TestLargeModels: what is long and wide compiles and evaluates without deep
// recursion or time out of proportion.
func TestLargeModels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ xml, want string }{
		"chain of decisions": {decision("v0", literal("1")) + each(20_000, func(i int) string {
			return decision(fmt.Sprintf("v%d", i+1), requires(fmt.Sprintf("v%d", i))+literal(fmt.Sprintf("v%d + 1", i)))
		}) + decision("a", requires("v20000")+literal("v20000")), "20001"},
		"wide decision": {each(20_000, func(i int) string { return decision(fmt.Sprintf("v-%d", i), literal("1")) }) +
			decision("a", each(20_000, func(i int) string { return requires(fmt.Sprintf("v-%d", i)) })+"<list>"+each(1_000, func(i int) string { return literal(fmt.Sprintf("v-%d", i)) })+"</list>"), ""},
		"long context": {decision("a", "<context>"+each(20_000, func(i int) string {
			return fmt.Sprintf(`<contextEntry><variable name="e - %d"/>%s</contextEntry>`, i, literal(fmt.Sprintf("%d", i)))
		})+"<contextEntry>"+literal("e - 19999")+"</contextEntry></context>"), "19999"},
		"long table": {`<inputData id="i" name="i"/>` + decision("a", `<decisionTable hitPolicy="COLLECT" aggregation="COUNT"><input><inputExpression><text>7</text></inputExpression></input><output/>`+
			each(20_000, func(i int) string {
				return fmt.Sprintf(`<rule><inputEntry><text>&lt; %d</text></inputEntry><outputEntry><text>1</text></outputEntry></rule>`, i)
			})+"</decisionTable>"), "19992"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			m, err := dmn.Parse([]byte(model(c.xml)), dmn.Config{})
			require.NoError(t, err)
			result, err := m.Evaluate("a", nil)
			require.NoError(t, err)
			if c.want != "" {
				require.Equal(t, c.want, result.Value.Text())
			}
			require.LessOrEqual(t, len(result.Decisions), dmn.MaxExplained)
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

func TestExplanationIsBounded(t *testing.T) {
	t.Parallel()
	table := func(rules int) string {
		return `<decisionTable hitPolicy="COLLECT"><output/>` + each(rules, func(int) string { return `<rule><outputEntry><text>1</text></outputEntry></rule>` }) + `</decisionTable>`
	}
	calls := `<businessKnowledgeModel id="f" name="f"><encapsulatedLogic>` + table(1) + `</encapsulatedLogic></businessKnowledgeModel>` +
		decision("a", knows("f")+literal("for i in 1..1500 return f()"))
	warns := decision("a", "<list>"+each(300, func(int) string { return literal("1 + null") })+"</list>")
	for _, c := range []struct {
		xml                                string
		tables, matched, warnings, omitted int
	}{
		{decision("a", table(12_000)), 1, dmn.MaxMatched, 0, 2_000},
		{calls, dmn.MaxExplained, dmn.MaxExplained, 0, 500},
		{warns, 0, 0, dmn.MaxWarnings, 200},
	} {
		m, err := dmn.Parse([]byte(model(c.xml)), dmn.Config{})
		require.NoError(t, err)
		result, err := m.Evaluate("a", nil)
		require.NoError(t, err)
		last, matched := result.Decisions[len(result.Decisions)-1], 0
		for _, table := range last.Tables {
			matched += len(table.Matched)
		}
		require.Equal(t, []int{c.tables, c.matched, c.warnings, c.omitted}, []int{len(last.Tables), matched, len(last.Warnings), result.Omitted})
	}
}

// TestMutatedModels: models with characters lost, swapped and doubled are refused
// or evaluated, never more.
func TestMutatedModels(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.dmn")
	require.NoError(t, err)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	base := parse(t, "testdata/imported/base.dmn")
	scope := inputs(t, `{"x": 1, "n": 2, "temperature": 5, "guestCount": 3, "order": {"placed on": "2026-01-31", "lines": []}, "pair": [1, 2], "Loan-Book": [{"amount": 20}]}`)
	evaluated := 0
	for range 400 {
		text := read(t, files[random.IntN(len(files))])
		for range 1 + random.IntN(4) {
			text = mutate(random, text)
		}
		m, err := dmn.Parse(text, dmn.Config{Imports: []*dmn.Model{base}, Tolerant: random.IntN(4) > 0})
		if err != nil {
			continue
		}
		for _, d := range m.Decisions {
			_, err := m.Evaluate(d.ID, &expr.Env{Scope: scope, Strict: random.IntN(4) == 0})
			if err != nil {
				require.NotContains(t, err.Error(), "broke off", "%s", text)
			}
			evaluated++
		}
	}
	require.NotZero(t, evaluated)
}

var tokens = regexp.MustCompile(`[A-Za-z]+|<[^>]*>|"[^"]*"|[^\sA-Za-z]`)

// mutate removes, doubles or swaps pieces of a text.
func mutate(random *rand.Rand, text []byte) []byte {
	found := tokens.FindAllIndex(text, -1)
	a, b := found[random.IntN(len(found))], found[random.IntN(len(found))]
	if a[0] > b[0] {
		a, b = b, a
	}
	piece := func(at []int) string { return string(text[at[0]:at[1]]) }
	switch random.IntN(3) {
	case 0:
		return []byte(string(text[:a[0]]) + string(text[a[1]:]))
	case 1:
		return []byte(string(text[:a[1]]) + piece(a) + string(text[a[1]:]))
	}
	if a[1] > b[0] {
		return text
	}
	return []byte(string(text[:a[0]]) + piece(b) + string(text[a[1]:b[0]]) + piece(a) + string(text[b[1]:]))
}

func inputs(t *testing.T, json string) *expr.Context {
	t.Helper()
	v, err := expr.FromJSON([]byte(json))
	require.NoError(t, err)
	c, ok := v.AsContext()
	require.True(t, ok)
	return c
}

func TestModelIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	m, err := dmn.Parse(read(t, "testdata/services.dmn"), dmn.Config{Imports: []*dmn.Model{parse(t, "testdata/imported/base.dmn")}})
	require.NoError(t, err)
	var group sync.WaitGroup
	values := make([]string, 8)
	for i := range values {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 20 {
				result, err := m.Evaluate("calls", &expr.Env{Scope: inputs(t, `{"n": 2, "who": "K."}`)})
				if err == nil {
					values[i] = jsonOf(result.Value)
				}
			}
		}()
	}
	group.Wait()
	for _, v := range values {
		require.Equal(t, values[0], v)
		require.NotEmpty(t, v)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	m := parse(t, "testdata/hitpolicies.dmn")
	_, err := m.Evaluate("no such", nil)
	var unknown *dmn.UnknownError
	require.ErrorAs(t, err, &unknown)
	_, err = m.Evaluate("unique", &expr.Env{Scope: inputs(t, `{"x": 7}`), Strict: true})
	var failed *dmn.EvaluationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "unique-table", failed.ElementID)
	_, err = m.Evaluate("unique", &expr.Env{Scope: inputs(t, `{"x": 7}`), Limits: expr.Limits{Steps: 3}})
	require.ErrorContains(t, err, "more than 3 steps")
	require.ErrorAs(t, err, &failed)
}

func TestTolerantModelKeepsTheRest(t *testing.T) {
	t.Parallel()
	text := model(decision("good", literal("1 + 1")) + decision("bad", literal("1 +")))
	_, err := dmn.Parse([]byte(text), dmn.Config{})
	require.ErrorContains(t, err, "does not compile")
	m, err := dmn.Parse([]byte(text), dmn.Config{Tolerant: true})
	require.NoError(t, err)
	require.Len(t, m.Warnings, 1)
	result, err := m.Evaluate("good", nil)
	require.NoError(t, err)
	require.Equal(t, "2", result.Value.Text())
	result, err = m.Evaluate("bad", nil)
	require.NoError(t, err)
	require.True(t, result.Value.IsNull())
	require.Contains(t, result.Decisions[0].Warnings[0].Message, "does not compile")
	_, err = m.Evaluate("bad", &expr.Env{Strict: true})
	require.ErrorContains(t, err, "does not compile")
}

func TestEveryNamespaceIsRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/hitpolicies.dmn")
	require.NoError(t, err)
	for _, namespace := range []string{
		"http://www.omg.org/spec/DMN/20151101/dmn.xsd", "http://www.omg.org/spec/DMN/20180521/MODEL/", "https://www.omg.org/spec/DMN/20191111/MODEL/",
		"https://www.omg.org/spec/DMN/20211108/MODEL/", "https://www.omg.org/spec/DMN/20230324/MODEL/",
	} {
		m, err := dmn.Parse([]byte(strings.ReplaceAll(string(text), "https://www.omg.org/spec/DMN/20230324/MODEL/", namespace)), dmn.Config{})
		require.NoError(t, err, namespace)
		require.Len(t, m.Decisions, 17)
	}
}
