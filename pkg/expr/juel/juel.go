// Package juel is the Unified Expression Language (EL 2.2) as models for Camunda 7
// use it: ${…} and #{…}, alone or within text.
//
// Start reading at Compile, then parser.go (text to tree) and node.go (evaluation);
// coerce.go has the conversions of the specification, testdata/expressions.txt what
// they come to.
//
// # What there is
//
// All operators of EL 2.2 with their coercions, properties, indexes, and from EL 3.0 the
// joining of strings by +=. Variables are process variables; execution has the
// getters of ids and getVariable, hasVariable. Methods of Java's strings, numbers,
// lists, maps and dates that only read (methods.go), Camunda's now() and dateTime() and
// Spin's S() and JSON() with their nodes.
//
// # Departures from EL and Camunda
//
//   - There are no Java beans: a method outside of the allow-list, a function that is
//     not one of functions.go, and an assignment are errors when the model is
//     deployed, which name the bean.
//   - Arithmetic is decimal with 34 digits: 0.1 + 0.2 is 0.3, 3.0 as text is 3.
//     Division by zero is an error, not infinity.
//   - compareTo gives -1, 0 or 1. Regular expressions are those of RE2, without
//     lookahead and backreferences. Times are in the zone of Env.Now.
//   - Lambdas, collection literals and the semicolon of EL 3.0 are not available.
package juel

import (
	"fmt"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// maxSource bounds the text of an expression in bytes.
const maxSource = 256 << 10

// Expression is a compiled expression. It is immutable and safe for concurrent
// use.
type Expression struct {
	source string
	root   node
	names  []string
}

// Compile compiles a text with any number of ${…} and #{…} in it. A text that is
// one of them gives its value, any other the parts joined as a string. \${ and
// \#{ are plain text. Errors are *expr.Error.
func Compile(text string) (*Expression, error) {
	if len(text) > maxSource {
		return nil, expr.ErrorAt("", 0, "the expression has %d bytes; at most %d are allowed", len(text), maxSource)
	}
	b := builder{source: text}
	parts, err := b.parts()
	if err != nil {
		return nil, err
	}
	e := &Expression{source: text, names: b.names}
	switch {
	case len(parts) == 0:
		e.root = &literal{value: expr.String("")}
	case len(parts) == 1:
		e.root = parts[0]
	default:
		e.root = &composite{parts: parts}
	}
	return e, nil
}

// CompileBody compiles an expression without ${…} around it.
func CompileBody(text string) (*Expression, error) {
	if len(text) > maxSource {
		return nil, expr.ErrorAt("", 0, "the expression has %d bytes; at most %d are allowed", len(text), maxSource)
	}
	l := lexer{source: text}
	tokens, err := l.rest()
	if err != nil {
		return nil, err
	}
	b := builder{source: text}
	root, err := b.parse(tokens)
	return &Expression{source: text, root: root, names: b.names}, err
}

// IsExpression tells whether a text has an expression in it.
func IsExpression(text string) bool { return nextExpression(text, 0) >= 0 }

// nextExpression is the offset of the next ${ or #{ that no backslash precedes,
// −1 if there is none.
func nextExpression(text string, from int) int {
	for i := from; i+1 < len(text); i++ {
		switch {
		case text[i] == '\\' && (text[i+1] == '$' || text[i+1] == '#'):
			i++
		case (text[i] == '$' || text[i] == '#') && text[i+1] == '{':
			return i
		}
	}
	return -1
}

// builder compiles the parts of one text.
type builder struct {
	source string
	names  []string
}

func (b *builder) parts() ([]node, error) {
	var parts []node
	for at := 0; at < len(b.source); {
		start := nextExpression(b.source, at)
		if start < 0 {
			start = len(b.source)
		}
		if start > at {
			parts = append(parts, &literal{value: expr.String(unescape(b.source[at:start]))})
		}
		if start == len(b.source) {
			break
		}
		l := lexer{source: b.source, at: start + 2}
		tokens, err := l.body()
		if err != nil {
			return nil, err
		}
		part, err := b.parse(tokens)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		at = l.at
	}
	return parts, nil
}

func unescape(text string) string {
	return strings.NewReplacer(`\${`, `${`, `\#{`, `#{`).Replace(text)
}

// Source is the text that was compiled.
func (e *Expression) Source() string { return e.source }

// Names are the variables that the expression reads, each once, in the order in
// which they occur first.
func (e *Expression) Names() []string { return e.names }

// Evaluate computes the value in env. What cannot be computed is an error; this
// language gives null only where its specification says so.
func (e *Expression) Evaluate(env *expr.Env) (v expr.Value, err error) {
	if env == nil {
		env = &expr.Env{}
	}
	m := &machine{env: env, limits: env.Limits.OrDefault(), source: e.source}
	m.resume()
	defer func() {
		m.settle()
		if r := recover(); r != nil {
			v, err = expr.Null(), &expr.Error{Source: e.source, Message: fmt.Sprintf("the evaluation broke off: %v", r)}
		}
	}()
	return e.root.eval(m)
}
