package feel

import (
	"fmt"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// Options say what is known when an expression is compiled. The zero value is
// right unless names contain operators, such as "a-b".
type Options struct {
	// Names are variables, and entries of contexts, that may have spaces,
	// operators or keywords in their names. Names of plain words need not be
	// listed.
	Names []string
	// Types may be named after instance of and as types of parameters, besides
	// those of FEEL.
	Types map[string]syntax.Type
	// Vocabulary holds more of such names, for hosts that compile many expressions.
	Vocabulary *syntax.Vocabulary
}

// Expression is a compiled expression. It is immutable and safe for concurrent
// use.
type Expression struct {
	source  string
	program code
	slots   int
	cost    int
	names   []string
	idle    *machines
}

// Compile compiles an expression. A leading "=", the notation of models, is passed
// over. Errors are *expr.Error.
func Compile(text string) (*Expression, error) { return Options{}.Compile(text) }

// CompileWithNames compiles an expression in which the given names are known, so
// that they may contain spaces, operators and keywords.
func CompileWithNames(text string, names ...string) (*Expression, error) {
	return Options{Names: names}.Compile(text)
}

// Compile compiles an expression.
func (o Options) Compile(text string) (*Expression, error) {
	tree, err := syntax.Parse(text, syntax.Options(o))
	if err != nil {
		return nil, err
	}
	return compileTree(text, tree, o)
}

// Source is the text that was compiled.
func (e *Expression) Source() string { return e.source }

// Names are the variables that the expression reads, each once, in the order in
// which they occur first. A name in a filter is listed though it may turn out to
// be a member of the element.
func (e *Expression) Names() []string { return e.names }

// Evaluate computes the value in env.
func (e *Expression) Evaluate(env *expr.Env) (expr.Value, error) { return e.evaluate(env, expr.Null()) }

// inputSlot holds ? in a unary test; in other expressions it is unused.
const inputSlot = 0

func (e *Expression) evaluate(env *expr.Env, input expr.Value) (v expr.Value, err error) {
	if env == nil {
		env = &expr.Env{}
	}
	m := e.idle.get(env, e.source)
	defer func() {
		if r := recover(); r != nil {
			v, err = expr.Null(), &expr.Error{Source: e.source, Message: fmt.Sprintf("the evaluation broke off: %v", r)}
		}
	}()
	if e.slots > 0 {
		m.frame = m.newFrame(e.slots)
		m.frame[inputSlot] = input
	}
	m.charge(e.cost)
	v = e.program(m)
	err = m.err
	e.idle.put(m)
	if err != nil {
		return expr.Null(), err
	}
	return v, nil
}
