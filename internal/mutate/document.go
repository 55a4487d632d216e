package main

import (
	"fmt"
	"path"
	"strings"
)

// markdown is the table of mutations as docs/reliability.md shows it.
func markdown(mutations []mutation) string {
	var b strings.Builder
	b.WriteString("| taken away | what it guards | noticed by |\n|---|---|---|\n")
	for _, m := range mutations {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, m.Guard, m.noticedBy())
	}
	return b.String()
}

// noticedBy names the tests: package.Test.
func (m *mutation) noticedBy() string {
	tests := make([]string, 0, len(m.Checks))
	for _, c := range m.Checks {
		name := strings.NewReplacer("^", "", "$", "").Replace(c.Run)
		tests = append(tests, fmt.Sprintf("`%s.%s`", path.Base(c.Package), strings.ReplaceAll(name, "|", `\|`)))
	}
	return strings.Join(tests, ", ")
}
