package dmn_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt from what Parse and Evaluate give")

// TestModels compiles testdata/<case>.dmn and compares with testdata/<case>.txt the
// printed model, or its problems, and what the script says: each line of the text
// that begins with ">" is "> [strict] decision inputs" and is followed by the
// result. Run it with -update and read the diff.
func TestModels(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.dmn")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".dmn"), func(t *testing.T) {
			t.Parallel()
			golden := strings.TrimSuffix(file, ".dmn") + ".txt"
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			got := transcript(t, file, string(want))
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			require.Equal(t, string(want), got)
		})
	}
}

func transcript(t *testing.T, file, script string) string {
	t.Helper()
	p := &printer{}
	m, err := dmn.Parse(read(t, file), dmn.Config{Imports: []*dmn.Model{parse(t, "testdata/imported/base.dmn")}})
	var problems *dmn.Problems
	if errors.As(err, &problems) {
		p.line("refused")
		p.problems(problems.List)
		return p.String()
	}
	p.model(m)
	for _, line := range strings.Split(script, "\n") {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			p.line("\n%s", line)
			p.run(t, m, command)
		}
	}
	return p.String()
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return text
}

func parse(t *testing.T, file string) *dmn.Model {
	t.Helper()
	m, err := dmn.Parse(read(t, file), dmn.Config{})
	require.NoError(t, err)
	return m
}

type printer struct{ strings.Builder }

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (p *printer) problems(list []dmn.Problem) {
	for _, problem := range list {
		p.line("%d:%d %s [%s] %s: %s", problem.Line, problem.Column, problem.Severity, problem.Code, problem.ElementID, problem.Message)
	}
}

func (p *printer) model(m *dmn.Model) {
	p.line("model %s %s %s", m.ID, m.Name, m.Namespace)
	for _, in := range m.Inputs {
		p.line("input %s %q %s", in.ID, in.Name, in.Type)
	}
	for _, d := range m.Decisions {
		kind := "decision"
		if d.Service {
			kind = "service"
		}
		p.line("%s %s %q line %d %s", kind, d.ID, d.Name, d.Line, d.VersionTag)
	}
	p.problems(m.Warnings)
}

func (p *printer) run(t *testing.T, m *dmn.Model, command string) {
	t.Helper()
	command, strict := strings.CutPrefix(command, "strict ")
	at := strings.Index(command, "{")
	inputs, err := expr.FromJSON([]byte(command[at:]))
	require.NoError(t, err, command)
	scope, _ := inputs.AsContext()
	result, err := m.Evaluate(strings.TrimSpace(command[:at]), &expr.Env{Scope: scope, Strict: strict})
	p.warnings(result.Warnings)
	for _, d := range result.Decisions {
		p.decision(d)
	}
	if err != nil {
		p.line("error: %s", err)
		return
	}
	p.line("= %s", jsonOf(result.Value))
}

func (p *printer) decision(d *dmn.DecisionResult) {
	p.line("  %s %q = %s", d.ID, d.Name, jsonOf(d.Value))
	for _, in := range d.Inputs {
		p.line("    requires %s = %s", in.Name, jsonOf(in.Value))
	}
	for _, table := range d.Tables {
		p.line("    table %s %s = %s", table.ID, table.HitPolicy, jsonOf(table.Value))
		for _, in := range table.Inputs {
			p.line("      input %s %s [%s] = %s", in.ID, in.Label, in.Expression, jsonOf(in.Value))
		}
		for _, rule := range table.Matched {
			p.line("      rule %d %s%s%s", rule.Index, rule.ID, outputs(rule.Outputs), annotations(rule.Annotations))
		}
	}
	p.warnings(d.Warnings)
}

func (p *printer) warnings(list []dmn.Warning) {
	for _, w := range list {
		p.line("    warning %s: %s", w.ElementID, w.Message)
	}
}

func outputs(list []dmn.NamedValue) string {
	text := ""
	for _, out := range list {
		text += fmt.Sprintf(" %s: %s", out.Name, jsonOf(out.Value))
	}
	return text
}

func annotations(list []dmn.NamedString) string {
	text := ""
	for _, a := range list {
		text += fmt.Sprintf(" (%s: %s)", a.Name, a.Text)
	}
	return text
}

func jsonOf(v expr.Value) string {
	text, err := v.AppendJSON(nil)
	if err != nil {
		return v.Describe()
	}
	return string(text)
}
