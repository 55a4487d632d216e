package engine

import (
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

type literal string

func (l literal) Evaluate(env *expr.Env) (expr.Value, error) {
	s, isVar := strings.CutPrefix(string(l), "= ")
	if !isVar {
		return expr.String(string(l)), nil
	}
	if v, ok := env.Scope.Lookup(s); ok {
		return v, nil
	}
	v, err := expr.FromJSON([]byte(s))
	if err != nil {
		return expr.Null(), nil
	}
	return v, nil
}
func (l literal) Source() string          { return string(l) }
func expression(s string) expr.Expression { return literal(s) }
