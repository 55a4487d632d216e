package juel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
)

// TestWorkIsBounded: this language has no loops, so work comes from long strings and
// long sources. What takes longer than expected is logged.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	const long = "'xxxxxxxxxxxxxxxx'"
	doubled := long
	for range 10 {
		doubled = "(" + doubled + " += " + doubled + ")"
	}
	replaced := long + strings.Repeat(".replace('x', 'xxxxxxxx')", 12)
	for text, want := range map[string]string{
		doubled + " += " + doubled:        "",
		replaced:                          "bytes",
		"big += big += big += big += big": "bytes",
		"big.concat(big).concat(big).concat(big).concat(big)": "bytes",
		"big.split('').size()":                                "more than",
		"big.matches('(x+x+)+y')":                             "",
		"big.matches('(a|aa)+$')":                             "",
		"big.replace('x', big)":                               "bytes",
		strings.Repeat("big == other && ", 300) + "true":      "",
		"big * 2":                                   "cannot be used as a number",
		"1" + strings.Repeat("e1", 2):               "unexpected",
		"9" + strings.Repeat("9", 2000):             "not a number",
		"1e6000 * 1e6000":                           "not a number that can be represented",
		strings.Repeat("digits * ", 200) + "digits": "",
	} {
		e, err := juel.Compile("${" + text + "}")
		in := env(t, `{"big": "`+strings.Repeat("x", 1<<20)+`", "other": "`+strings.Repeat("x", 1<<20)+`", "digits": "`+strings.Repeat("7", 900)+`"}`)
		start := time.Now()
		if err == nil {
			_, err = e.Evaluate(in)
		}
		if spent := time.Since(start); spent > 50*time.Millisecond {
			t.Logf("%6d ms: %.60s", spent.Milliseconds(), text)
		}
		if err != nil {
			require.IsType(t, &expr.Error{}, err)
			require.Less(t, len(err.Error()), 2000, "%.60s", text)
		}
		if want != "" {
			require.ErrorContains(t, err, want, "%.60s", text)
		}
	}
}
