package feel_test

import (
	"strings"
	"testing"
	"time"

	_ "embed"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

//go:embed testdata/functions.txt
var functions string

// TestEveryFunction runs testdata/functions.txt: a line is an expression and, behind =>,
// its value written as an expression. A value of null marked with ! is null for a
// reason: a warning, and in strict mode an error.
func TestEveryFunction(t *testing.T) {
	t.Parallel()
	called := map[string]bool{}
	for line := range strings.SplitSeq(functions, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		text, want, ok := strings.Cut(line, " => ")
		require.True(t, ok, line)
		e, err := feel.Compile(text)
		require.NoError(t, err, line)
		name, _, _ := strings.Cut(text, "(")
		called[name] = true
		want, isFlaw := strings.CutSuffix(strings.TrimSpace(want), " !")
		var warnings []expr.Error
		in := expr.Env{Now: time.Date(2024, 2, 29, 10, 30, 0, 0, time.UTC), Warnings: &warnings}
		v, err := e.Evaluate(&in)
		require.NoError(t, err, line)
		require.Equal(t, want, feel.Literal(v), text)
		require.Equal(t, isFlaw, len(warnings) > 0, "%s: %v", line, warnings)
		in.Strict = true
		_, err = e.Evaluate(&in)
		require.Equal(t, isFlaw, err != nil, "%s in strict mode: %v", line, err)
	}
	for _, name := range feel.FunctionNames() {
		require.True(t, called[name], "no line calls %s()", name)
	}
}
