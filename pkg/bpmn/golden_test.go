package bpmn

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt from what Parse gives")

// testNow is the instant of deployment in tests.
var testNow = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// TestModels compiles testdata/<case>.bpmn and compares the printed processes,
// or the problems, with testdata/<case>.txt. Run it with -update and read the diff.
func TestModels(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.bpmn")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".bpmn")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			xml, err := os.ReadFile(file)
			require.NoError(t, err)
			golden := strings.TrimSuffix(file, ".bpmn") + ".txt"
			got := printed(Parse(xml, Config{Now: testNow}))
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// printed is everything that Parse gives, for people.
func printed(m *Model, err error) string {
	p := &printer{}
	var problems *Problems
	if errors.As(err, &problems) {
		p.line("refused")
		for _, problem := range problems.List {
			p.line("%d:%d %s [%s] %s: %s", problem.Line, problem.Column, problem.Severity, problem.Code, problem.ElementID, problem.Message)
		}
		return p.String()
	}
	for _, process := range m.Processes {
		p.process(process)
	}
	if len(m.Warnings) > 0 {
		p.line("warnings")
		for _, w := range m.Warnings {
			p.line("  %d:%d [%s] %s: %s", w.Line, w.Column, w.Code, w.ElementID, w.Message)
		}
	}
	return p.String()
}

type printer struct{ strings.Builder }

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (p *printer) process(process *Process) {
	p.line("process %s %s%s%s", process.ID, process.Dialect, with(" name", process.Name), with(" version", process.VersionTag))
	ids := func(indexes []int) string {
		var found []string
		for _, i := range indexes {
			found = append(found, process.Nodes[i].ID)
		}
		return strings.Join(found, " ")
	}
	if process.Start != None {
		p.line("  start %s", ids([]int{process.Start}))
	}
	if len(process.MessageStarts)+len(process.TimerStarts) > 0 {
		p.line("  message starts [%s] timer starts [%s]", ids(process.MessageStarts), ids(process.TimerStarts))
	}
	if process.StatusVariables {
		p.line("  status records carry variables")
	}
	for i := range process.Nodes {
		p.node(process, &process.Nodes[i])
	}
}

func (p *printer) node(process *Process, n *Node) {
	indent := "  "
	for scope := n.Scope; scope != None; scope = process.Nodes[scope].Scope {
		indent += "  "
	}
	head := fmt.Sprintf("%s%d %s %s%s", indent, n.Index, n.Kind, n.ID, with(" name", n.Name))
	if n.Start != None {
		head += " start=" + process.Nodes[n.Start].ID
	}
	if n.AttachedTo != None {
		head += fmt.Sprintf(" at=%s interrupting=%v", process.Nodes[n.AttachedTo].ID, n.Interrupting)
	}
	if n.Kind.IsActivity() && !n.PropagateResult {
		head += " result stays local"
	}
	p.line("%s", head)
	indent += "    "
	for _, m := range n.Inputs {
		p.line("%sinput %s := %s", indent, m.Target, m.Source.Source())
	}
	p.task(indent, n.Task)
	if m := n.Message; m != nil {
		p.line("%smessage %s static=%q%s%s", indent, m.Name.Source(), m.StaticName, with(" key", source(m.CorrelationKey)), with(" ttl", m.TTL))
	}
	if n.Timer != nil {
		p.line("%stimer %s %s", indent, [...]string{"", "date", "duration", "cycle"}[n.Timer.Kind], n.Timer.Value.Source())
	}
	if e := n.Error; e != nil {
		p.line("%serror %q%s%s", indent, e.Code, with(" codeVariable", e.CodeVariable), with(" messageVariable", e.MessageVariable))
	}
	if s := n.Script; s != nil {
		p.line("%sscript %s%s", indent, source(s.Expression), with(" result", s.ResultVariable))
	}
	if d := n.Decision; d != nil {
		binding := [...]string{BindLatest: "latest", BindDeployment: "deployment", BindVersion: "version", BindVersionTag: "version tag"}[d.Binding]
		result := [...]string{ResultValue: "value", SingleEntry: "single entry", SingleResult: "single result", CollectEntries: "entries", ResultList: "list"}[d.Result]
		p.line("%sdecision %s static=%q %s%s%s, %s%s", indent, source(d.ID), d.StaticID, binding, with(" ", source(d.Version)), with(" ", source(d.VersionTag)), result, with(" to", d.ResultVariable))
	}
	for _, m := range n.Outputs {
		p.line("%soutput %s := %s", indent, m.Target, m.Source.Source())
	}
	for _, f := range n.Outgoing {
		flow := process.Flows[f]
		mark := ""
		if f == n.Default {
			mark = " (default)"
		}
		p.line("%s→ %s by %s%s%s%s", indent, process.Nodes[flow.Target].ID, flow.ID, with(" name", flow.Name), with(" if", source(flow.Condition)), mark)
	}
}

func (p *printer) task(indent string, task *Task) {
	if task == nil {
		return
	}
	retries := fmt.Sprint(task.Retries)
	if task.RetriesExpr != nil {
		retries = task.RetriesExpr.Source()
	}
	p.line("%stask %s static=%q retries %s%s%s", indent, task.Type.Source(), task.StaticType, retries, with(" backoff", task.Backoff), with(" deadline", task.Deadline))
	for _, h := range task.Headers {
		p.line("%sheader %s=%s", indent, h.Key, h.Value)
	}
}

// with prints what is not zero.
func with(label string, value any) string {
	text := fmt.Sprint(value)
	if text == "" || text == "0s" || text == "[]" {
		return ""
	}
	return label + " " + text
}

func source(e expr.Expression) string {
	if e == nil {
		return ""
	}
	return e.Source()
}
