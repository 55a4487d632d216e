// Package languages picks the language of an expression by its notation.
//
// It is the only place that knows all languages. Start reading at Compile.
package languages

import (
	"errors"
	"fmt"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
	"github.com/barnabas-project/barnabas/pkg/expr/script"
)

// Dialect is the kind of model that an expression is in.
type Dialect uint8

// The dialects of models.
const (
	Zeebe   Dialect = iota // "= …" is FEEL, anything else a string
	Camunda                // "${…}" and "#{…}" are JUEL, alone or within text
)

// String is the dialect's name.
func (d Dialect) String() string {
	switch d {
	case Zeebe:
		return "zeebe"
	case Camunda:
		return "camunda"
	}
	return fmt.Sprintf("dialect %d", uint8(d))
}

// Compile compiles a text of a model. Errors are *expr.Error, with the place
// counted in text.
func Compile(text string, d Dialect) (expr.Expression, error) {
	switch {
	case d == Zeebe && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "="):
		return CompileFEEL(text)
	case d == Camunda && juel.IsExpression(text):
		return CompileJUEL(text)
	}
	return Literal(text), nil
}

// CompileFEEL compiles an expression that is FEEL whatever it begins with, such as
// the body of a condition; a leading "=" is allowed.
func CompileFEEL(text string) (expr.Expression, error) {
	e, err := feel.Compile(text)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// CompileJUEL compiles ${…}, #{…}, or text with them; a text without either is an
// expression without its notation.
func CompileJUEL(text string) (expr.Expression, error) {
	compile := juel.CompileBody
	if juel.IsExpression(text) {
		compile = juel.Compile
	}
	e, err := compile(text)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ErrLanguage says that scripts in a language cannot be run here.
var ErrLanguage = errors.New(`write it in "feel" or "javascript", or make it a service task`)

// CompileScript compiles a text in a language that a model names: "feel" or a URI of
// FEEL, "juel", and the names that JavaScript goes by in JSR 223. For any other the
// error is ErrLanguage.
func CompileScript(language, text string) (expr.Expression, error) {
	switch name := strings.ToLower(strings.TrimSpace(language)); name {
	case "feel":
		return CompileFEEL(text)
	case "juel":
		return CompileJUEL(text)
	case "javascript", "ecmascript", "js", "graal.js", "nashorn", "rhino",
		"text/javascript", "text/ecmascript", "application/javascript", "application/ecmascript":
		return compileJavaScript(text)
	default:
		if strings.HasPrefix(name, "http") && strings.Contains(name, "/feel") {
			return CompileFEEL(text)
		}
	}
	return nil, fmt.Errorf("the script language %q is not supported: %w", language, ErrLanguage)
}

func compileJavaScript(text string) (expr.Expression, error) {
	e, err := script.Compile(text)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Literal is the expression that always gives text.
func Literal(text string) expr.Expression { return constant(text) }

type constant string

func (c constant) Evaluate(*expr.Env) (expr.Value, error) { return expr.String(string(c)), nil }
func (c constant) Source() string                         { return string(c) }
func (c constant) Names() []string                        { return nil }

// IsLiteral tells whether an expression is plain text, and which.
func IsLiteral(e expr.Expression) (text string, ok bool) {
	c, ok := e.(constant)
	return string(c), ok
}

// Names are the variables that an expression reads, each once; none for
// expressions that do not tell.
func Names(e expr.Expression) []string {
	if named, ok := e.(interface{ Names() []string }); ok {
		return named.Names()
	}
	return nil
}
