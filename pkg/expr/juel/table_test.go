package juel_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr/juel"
)

//go:embed testdata/expressions.txt
var expressions string

// TestExpressions runs testdata/expressions.txt: an expression and, behind =>, its value as
// JSON or, behind !, what its error says.
func TestExpressions(t *testing.T) {
	t.Parallel()
	count := 0
	for line := range strings.SplitSeq(expressions, "\n") {
		text, want, hasValue := strings.Cut(line, " => ")
		if !hasValue {
			i := strings.LastIndex(line, " ! ")
			if strings.HasPrefix(line, "#") || i < 0 {
				continue
			}
			text, want = line[:i], line[i+3:]
		}
		count++
		e, err := juel.Compile("${" + text + "}")
		if err == nil {
			var got string
			v, failed := e.Evaluate(env(t, variables))
			if err = failed; err == nil {
				json, failed := v.AppendJSON(nil)
				require.NoError(t, failed, line)
				got = string(json)
			}
			if hasValue && err == nil {
				require.Equal(t, want, got, text)
			}
		}
		if hasValue {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want, text)
	}
	require.GreaterOrEqual(t, count, 300)
}
