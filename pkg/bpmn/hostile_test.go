package bpmn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	head = `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d">`
	tail = `</definitions>`
)

// model is a document of one executable process with the given content.
func model(content string) string {
	return head + `<process id="p" isExecutable="true">` + content + `</process>` + tail
}

// chain is a start event, the given node with id "x", and an end event.
func chain(node string) string {
	return model(`<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="x"/>` + node + `<sequenceFlow id="g" sourceRef="x" targetRef="e"/><endEvent id="e"/>`)
}

// wide encodes ASCII in UTF-16, little endian.
func wide(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		b.WriteByte(0)
	}
	return b.String()
}

func billionLaughs() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol0 "lol">`)
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, `<!ENTITY lol%d "%s">`, i, strings.Repeat(fmt.Sprintf("&lol%d;", i-1), 10))
	}
	return b.String() + `]>` + head + `<process id="&lol9;"/>` + tail
}

// hostile are documents that must be refused, with a part of what is to be said.
var hostile = []struct{ name, xml, want string }{
	// not XML
	{"empty", "", "the model is empty"},
	{"only space", " \n\t ", "the model is empty"},
	{"text", "hello", "text outside the root element"},
	{"JSON", `{"process": 1}`, "text outside the root element"},
	{"zip", "PK\x03\x04\x14\x00\x06\x00", "not well-formed XML"},
	{"only a comment", "<!-- nothing -->", "the document has no element"},
	{"truncated tag", head + `<process id="p" isExec`, "line 1: this is not well-formed XML: unexpected EOF"},
	{"truncated document", head + "\n<process id=\"p\">\n", "line 3: this is not well-formed XML: unexpected EOF"},
	{"truncated comment", head + "<!-- ", "unexpected EOF"},
	{"truncated CDATA", head + "<![CDATA[ x", "not well-formed"},
	{"wrong end tag", head + "\n\n<process></problem>" + tail, "line 3: this is not well-formed XML: element <process> closed by </problem>"},
	{"end tag too many", model("") + "</definitions>", "not well-formed XML"},
	{"two roots", model("") + model(""), "second root element"},
	{"text after the root", model("") + "x", "text outside the root element"},
	{"attribute without quotes", `<definitions id=d/>`, "not well-formed XML"},
	{"attribute without value", `<definitions id/>`, "not well-formed XML"},
	{"attribute twice", model(`<task id="a" id="b"/>`), "<task> has the attribute id twice"},
	{"less-than in text", model(`<task id="a">1 < 2</task>`), "not well-formed XML"},
	{"zero byte", model("<task id=\"a\x00\"/>"), "illegal character code U+0000"},
	{"zero byte in text", model("\x00"), "illegal character code U+0000"},
	{"character reference of zero", model(`<task id="&#0;"/>`), "not well-formed XML"},
	{"not UTF-8", "<?xml version=\"1.0\"?>\n" + model("<task name=\"caf\xe9\"/>"), "line 2: the model contains bytes that are not UTF-8"},
	{"half a surrogate", model("<task name=\"\xed\xa0\x80\"/>"), "not UTF-8"},
	{"overlong UTF-8", model("<task name=\"\xc0\xaf\"/>"), "not UTF-8"},
	{"UTF-16 with mark", "\xff\xfe" + wide(model("")), "UTF-16"},
	{"UTF-16 without mark", wide(model("")), "UTF-16"},
	{"UTF-16 big endian", "\xfe\xff\x00<\x00d", "UTF-16"},
	{"UTF-32", "\x00\x00\xfe\xff\x00\x00\x00<", "UTF-32"},
	{"declared as UTF-16", `<?xml version="1.0" encoding="UTF-16"?>` + model(""), "save the model as UTF-8"},
	{"declared as Latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + model(""), "save the model as UTF-8"},
	{"XML 1.1", `<?xml version="1.1"?>` + model(""), "only version 1.0"},
	// entities and document types
	{"DOCTYPE", `<!DOCTYPE definitions>` + model(""), "document type and entity declarations"},
	{"DOCTYPE inside", head + `<!DOCTYPE x>` + tail, "document type and entity declarations"},
	{"external entity", `<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + model("&x;"), "document type and entity declarations"},
	{"billion laughs", billionLaughs(), "document type and entity declarations"},
	{"quadratic blow-up", `<!DOCTYPE d [<!ENTITY x "` + strings.Repeat("x", 100_000) + `">]>` + model(strings.Repeat("&x;", 10_000)), "document type and entity declarations"},
	{"parameter entity", `<!DOCTYPE d [<!ENTITY % x SYSTEM "http://example.com/x.dtd"> %x;]>` + model(""), "document type and entity declarations"},
	{"undeclared entity", model(`<task id="a" name="&nbsp;"/>`), "invalid character entity &nbsp;"},
	{"bare ampersand", model(`<task id="a" name="a & b"/>`), "not well-formed XML"},
	// size
	{"too many bytes", model(strings.Repeat("<!-- "+strings.Repeat("x", 1000)+" -->", 11_000)), "the limit is 10485760: split it"},
	{"too deep", strings.Repeat("<a>", 1_000_000), "nested deeper than 100"},
	{"too deep and closed", model(strings.Repeat("<subProcess>", 200) + strings.Repeat("</subProcess>", 200)), "nested deeper than 100"},
	{"too many elements", model(strings.Repeat("<a/>", 100_001)), "more than 100000 XML elements"},
	{"huge attribute", model(`<task id="a" name="` + strings.Repeat("x", 300_000) + `"/>`), "has 300000 bytes, the limit is 262144"},
	{"huge id", model(`<task id="` + strings.Repeat("x", 300) + `"/>`), "the id has 300 bytes, the limit is 255"},
	{"huge tag name", "<" + strings.Repeat("x", 5_000_000) + "/>", "the root element is"},
	{"many attributes", "<definitions " + manyAttributes(200_000) + "/>", "the root element is"},
	{"many namespaces", "<definitions " + manyNamespaces(200_000) + "/>", "the root element is"},
	{"huge expression", chain(`<scriptTask id="x" scriptFormat="feel"><script>` + strings.Repeat("1+", 40_000) + `1</script></scriptTask>`), "the expression has 80001 bytes, the limit is 65536"},
	{"too many nodes", model(`<startEvent id="s"/>` + manyTasks(20_000)), "more than 20000 flow nodes"},
	{"subprocesses too deep", model(manySubprocesses(21)), "subprocesses are nested deeper than 20"},
	// not BPMN
	{"HTML", "<html><body>Not Found</body></html>", `the root element is <html> of namespace ""`},
	{"no namespace", "<definitions/>", "a BPMN 2.0 model has <definitions> of namespace"},
	{"BPMN of another version", `<definitions xmlns="http://schema.omg.org/spec/BPMN/2.0"/>`, `namespace "http://schema.omg.org/spec/BPMN/2.0"`},
	{"DMN", `<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"/>`, "a BPMN 2.0 model has <definitions>"},
	{"unbound prefix", "<bpmn:definitions/>", `the prefix "bpmn" is not bound to a namespace`},
	{"unbound prefix of an extension", `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" camunda:x="1"/>`, `the prefix "camunda" is not bound`},
	{"process as root", `<process xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>`, "the root element is <process>"},
	{"no process", head + tail, "the model has no process"},
	{"process of another namespace", head + `<process xmlns="urn:x"/>` + tail, "the model has no process"},
	{"only a process that is not executable", head + `<process id="p" isExecutable="false"/>` + tail, "no process of the model is executable"},
	{"isExecutable maybe", head + `<process id="p" isExecutable="maybe"/>` + tail, `isExecutable="maybe" is neither "true" nor "false"`},
	// identity and references
	{"process without id", head + `<process isExecutable="true"><startEvent id="s"/></process>` + tail, "<process> has no id"},
	{"node without id", model(`<startEvent/>`), "<startEvent> has no id"},
	{"empty id", model(`<startEvent id=""/>`), "<startEvent> has no id"},
	{"flow without id", model(`<startEvent id="s"/><task id="x"/><sequenceFlow sourceRef="s" targetRef="x"/>`), "<sequenceFlow> has no id"},
	{"id twice", model(`<startEvent id="s"/>` + "\n" + `<task id="s"/>`), "line 2: s: the id is already used on line 1"},
	{"flow from nowhere", model(`<startEvent id="s"/><sequenceFlow id="f" targetRef="s"/>`), "the sequence flow has no sourceRef"},
	{"flow to nothing", model(`<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="gone"/>`), `targetRef="gone" is not a flow node`},
	{"flow to a flow", model(`<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="f"/>`), `targetRef="f" is not a flow node`},
	{"flow to another process", head + `<process id="p"><startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="t"/></process><process id="q"><startEvent id="t"/></process>` + tail, `targetRef="t" is not a flow node of this process`},
	{"boundary event of nothing", model(`<startEvent id="s"/><boundaryEvent id="b" attachedToRef="gone"><errorEventDefinition/></boundaryEvent>`), `attachedToRef="gone" is not an activity`},
	{"message that is not there", chain(`<receiveTask id="x" messageRef="gone"/>`), `messageRef="gone" is not a message of the model`},
	{"error that is not there", model(`<startEvent id="s"/><endEvent id="x"><errorEventDefinition errorRef="gone"/></endEvent>`), `errorRef="gone" is not an error of the model`},
	// elements out of place
	{"unknown element", chain(`<task id="x"/><teleport id="t"/>`), "<teleport> is not supported"},
	{"element of another namespace", chain(`<task id="x"/><y:task xmlns:y="urn:y" id="t"/>`), `<task> of namespace "urn:y" is not BPMN`},
	{"process in a process", chain(`<task id="x"/><process id="q"/>`), "<process> is not supported"},
	{"no start event", model(`<endEvent id="e"/>`), "the process has no start event"},
	{"empty process", model(""), "the process has no start event"},
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d="" `, i)
	}
	return b.String()
}

func manyNamespaces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `xmlns:n%d="urn:%d" `, i, i)
	}
	return b.String()
}

func manyTasks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `<task id="t%d"/><sequenceFlow id="f%d" sourceRef="s" targetRef="t%d"/>`, i, i, i)
	}
	return b.String()
}

func manySubprocesses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `<startEvent id="s%d"/><subProcess id="x%d">`, i, i)
	}
	return b.String() + strings.Repeat("</subProcess>", n)
}

// TestHostileDocuments: each is refused with words that help, soon, and without
// taking much more memory than the document has.
func TestHostileDocuments(t *testing.T) {
	for _, c := range hostile { // one after the other: memory is measured
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			started := time.Now()
			model, err := Parse([]byte(c.xml), Config{Now: testNow})
			took := time.Since(started)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, c.want)
			require.Nil(t, model)
			var problems *Problems
			require.True(t, errors.As(err, &problems))
			require.Less(t, len(err.Error()), 10_000)
			require.Less(t, took, 20*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(300<<20))
		})
	}
}

// TestWorkIsLinear: a model of twice the size takes about twice the time, up to
// the limits.
func TestWorkIsLinear(t *testing.T) {
	for name, make := range map[string]func(n int) string{
		"tasks of one gateway": func(n int) string {
			return model(`<startEvent id="s"/>` + manyTasks(n))
		},
		"dangling flows": func(n int) string {
			return model(`<startEvent id="s"/>` + strings.Repeat(`<sequenceFlow id="f" sourceRef="no" targetRef="no"/>`, 2*n))
		},
		"a long loop with many ways back": func(n int) string {
			var b strings.Builder
			b.WriteString(`<startEvent id="s"/>` + manyTasks(n))
			for i := range n {
				fmt.Fprintf(&b, `<sequenceFlow id="n%d" sourceRef="t%d" targetRef="t%d"/><sequenceFlow id="b%d" sourceRef="t%d" targetRef="t0"/>`, i, i, (i+1)%n, i, i)
			}
			return model(b.String())
		},
		"one message for all": func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `<receiveTask id="t%d" messageRef="m"/><sequenceFlow id="f%d" sourceRef="s" targetRef="t%d"/>`, i, i, i)
			}
			return head + `<message id="m" name="` + strings.Repeat("m", 50_000) + `"/><process id="p"><startEvent id="s"/>` + b.String() + `</process>` + tail
		},
	} {
		t.Run(name, func(t *testing.T) {
			xml := []byte(make(19_000))
			started := time.Now()
			_, _ = Parse(xml, Config{Now: testNow})
			require.Less(t, time.Since(started), 30*time.Second) // quadratic work takes minutes
			t.Logf("%d bytes in %s", len(xml), time.Since(started))
		})
	}
}

// TestMutatedModels takes elements and attributes out of good and bad models,
// doubles and exchanges them: whatever comes out is compiled or refused, and
// what is compiled is consistent.
func TestMutatedModels(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	token := regexp.MustCompile(`<[^>]+/>|<[^>]+>|[^<>]+`)
	attribute := regexp.MustCompile(`[\w:]+="[^"]*"`)
	compiled := 0
	for name, xml := range testdata(t) {
		tokens, attributes := token.FindAllString(xml, -1), attribute.FindAllString(xml, -1)
		for range 200 {
			mutant := slices.Clone(tokens)
			for range 1 + random.IntN(3) {
				at, other := random.IntN(len(mutant)), random.IntN(len(mutant))
				switch random.IntN(4) {
				case 0:
					mutant[at] = ""
				case 1:
					mutant[at] += mutant[at]
				case 2:
					mutant[at], mutant[other] = mutant[other], mutant[at]
				case 3:
					if found := attribute.FindAllStringIndex(mutant[at], -1); found != nil {
						hit := found[random.IntN(len(found))]
						mutant[at] = mutant[at][:hit[0]] + attributes[random.IntN(len(attributes))] + mutant[at][hit[1]:]
					}
				}
			}
			text := strings.Join(mutant, "")
			model, err := Parse([]byte(text), Config{Now: testNow})
			if err == nil {
				compiled++
				checkConsistent(t, model)
				require.NotEmpty(t, printed(model, nil), name)
			}
		}
	}
	require.Positive(t, compiled)
}

// testdata is the models of testdata by their file names.
func testdata(t testing.TB) map[string]string {
	files, err := filepath.Glob("testdata/*.bpmn")
	require.NoError(t, err)
	models := map[string]string{}
	for _, file := range files {
		xml, err := os.ReadFile(file)
		require.NoError(t, err)
		models[file] = string(xml)
	}
	return models
}

func FuzzParse(f *testing.F) {
	for _, xml := range testdata(f) {
		f.Add([]byte(xml))
	}
	for _, c := range hostile {
		if len(c.xml) < 5_000 {
			f.Add([]byte(c.xml))
		}
	}
	f.Fuzz(func(t *testing.T, xml []byte) {
		model, err := Parse(xml, Config{Now: testNow})
		if err == nil {
			require.NotEmpty(t, model.Processes)
			checkConsistent(t, model)
			return
		}
		var problems *Problems
		require.True(t, errors.As(err, &problems))
		require.NotEmpty(t, problems.List)
		for _, problem := range problems.List {
			require.NotEmpty(t, problem.Message)
			require.NotEmpty(t, problem.Code)
		}
	})
}

// checkConsistent: every index of a compiled process leads back.
func checkConsistent(t *testing.T, m *Model) {
	for _, p := range m.Processes {
		for i, n := range p.Nodes {
			require.Equal(t, i, n.Index)
			require.Equal(t, i, p.NodeByID(n.ID))
			require.NotZero(t, n.Kind)
			require.Less(t, n.Scope, i)
			for _, f := range n.Outgoing {
				require.Equal(t, i, p.Flows[f].Source)
			}
			for _, f := range n.Incoming {
				require.Equal(t, i, p.Flows[f].Target)
			}
			for _, b := range n.Boundary {
				require.Equal(t, i, p.Nodes[b].AttachedTo)
			}
			if n.Kind == SubProcess {
				require.Equal(t, i, p.Nodes[n.Start].Scope)
			}
		}
		for i, f := range p.Flows {
			require.Equal(t, i, f.Index)
			require.Equal(t, p.Nodes[f.Source].Scope, p.Nodes[f.Target].Scope)
		}
	}
}
