package engine

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

// expression compiles "= …" as FEEL; everything else is a literal text.
func expression(source string) expr.Expression {
	e, err := languages.Compile(source, languages.Zeebe)
	if err != nil {
		panic(fmt.Sprintf("expression %q: %v", source, err))
	}
	return e
}
