package engine

import (
	"fmt"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// expression compiles "= …" as FEEL; everything else is a literal text.
func expression(source string) expr.Expression {
	text, isFEEL := strings.CutPrefix(source, "=")
	if !isFEEL {
		return literal(source)
	}
	e, err := feel.Compile(text)
	if err != nil {
		panic(fmt.Sprintf("expression %q: %v", source, err))
	}
	return e
}

type literal string

func (l literal) Evaluate(*expr.Env) (expr.Value, error) { return expr.String(string(l)), nil }
func (l literal) Source() string                         { return string(l) }
