package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Bounds of a source text.
const (
	maxSource  = 64 << 10 // bytes
	maxNesting = 250      // brackets within brackets, operators within operators
)

// Expression is a compiled script. It is immutable and safe for concurrent use.
type Expression struct {
	source  string
	program *goja.Program
	names   []string
	assigns bool
	reaches bool // execution
}

// Compile compiles a script. Errors are *expr.Error with the place of what is wrong.
func Compile(source string) (*Expression, error) {
	if len(source) > maxSource {
		return nil, expr.ErrorAt("", 0, "the script has %d bytes; at most %d are allowed", len(source), maxSource)
	}
	if at, deep := nestedTooDeep(source); deep {
		return nil, expr.ErrorAt(source, at, "the script is nested deeper than %d levels", maxNesting)
	}
	tree, err := goja.Parse("", source, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, syntaxError(source)
	}
	r := newRewriter(source)
	r.program(tree)
	if r.err != nil {
		return nil, r.err
	}
	program, err := goja.CompileAST(tree, false)
	if err != nil {
		return nil, compileError(source, err)
	}
	return &Expression{source: source, program: program, names: r.free, assigns: r.assigns, reaches: r.reaches}, nil
}

// syntaxError finds the first error of the parser with its place.
func syntaxError(source string) error {
	_, err := parser.ParseFile(nil, "", source, 0, parser.WithDisableSourceMaps)
	var list parser.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return expr.ErrorAt(source, 0, "it is not JavaScript: %v", err)
	}
	at := expr.Position{Line: list[0].Position.Line, Column: list[0].Position.Column}
	return &expr.Error{Source: source, Position: at, Message: "it is not JavaScript: " + lowerFirst(list[0].Message)}
}

// compileError is about rules that the parser does not check, such as two
// declarations of one name.
func compileError(source string, err error) error {
	var wrong *goja.CompilerSyntaxError
	if !errors.As(err, &wrong) || wrong.File == nil {
		return expr.ErrorAt(source, 0, "it is not JavaScript: %v", err)
	}
	position := wrong.File.Position(wrong.Offset)
	return &expr.Error{
		Source: source, Position: expr.Position{Line: position.Line, Column: position.Column},
		Message: "it is not JavaScript: " + lowerFirst(wrong.Message),
	}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// nestedTooDeep finds brackets or prefix operators that the parser, which is
// recursive, should not be given. It does not know strings from code, so it counts
// more than there is.
func nestedTooDeep(source string) (at int, deep bool) {
	depth, prefix := 0, 0
	for i := range len(source) {
		switch c := source[i]; {
		case strings.IndexByte("([{", c) >= 0:
			depth++
			prefix = 0
		case strings.IndexByte(")]}", c) >= 0:
			depth--
			prefix = 0
		case strings.IndexByte("!~+-", c) >= 0:
			prefix++
		case c != ' ' && c != '\n' && c != '\t':
			prefix = 0
		}
		if depth > maxNesting || prefix > maxNesting {
			return i, true
		}
	}
	return 0, false
}

// Source is the text that was compiled.
func (e *Expression) Source() string { return e.source }

// Names are the variables that the script reads by their names, each once, in the
// order in which they occur first.
func (e *Expression) Names() []string { return slices.Clone(e.names) }

// Assigns tells whether the script can set or remove variables of the process.
func (e *Expression) Assigns() bool { return e.assigns }

// Evaluate runs the script in env and gives the value of its last expression.
// Nothing that it did lasts, but for what env.Writer was given. An error, and with
// it a limit, cannot be caught by the script.
func (e *Expression) Evaluate(env *expr.Env) (v expr.Value, err error) {
	if env == nil {
		env = &expr.Env{}
	}
	m := startMachine(env, e.source)
	defer func() {
		r := recover()
		m.settle()
		switch {
		case r != nil:
			v, err = expr.Null(), m.broken(r)
		case err == nil:
			m.release()
		}
	}()
	result, err := m.run(e)
	if err != nil {
		return expr.Null(), m.thrown(err)
	}
	return m.toValue(result), nil
}

// run evaluates a script to a value of JavaScript. What it returns is the function
// that the script was made.
func (m *machine) run(e *Expression) (goja.Value, error) {
	if e.reaches {
		m.define(m.js.GlobalObject(), execution, m.execution())
	}
	m.variables(e.names)
	f, err := m.js.RunProgram(e.program)
	if err != nil {
		return nil, err
	}
	body, ok := goja.AssertFunction(f)
	if !ok {
		return goja.Undefined(), nil
	}
	return body(goja.Undefined())
}

// broken is the error for a panic: ours, which ends an evaluation, or a defect.
func (m *machine) broken(r any) error {
	if stop, ok := r.(stopped); ok {
		return stop.err
	}
	return &expr.Error{Source: m.source, Message: fmt.Sprintf("the script broke off: %v", r)}
}

// thrown is the error for an exception that the script did not catch.
func (m *machine) thrown(err error) error {
	var overflow *goja.StackOverflowError
	if errors.As(err, &overflow) {
		return &expr.Error{Source: m.source, Message: fmt.Sprintf("calls are nested deeper than %d levels", m.limits.Depth)}
	}
	var exception *goja.Exception
	if !errors.As(err, &exception) {
		return &expr.Error{Source: m.source, Message: err.Error()}
	}
	failed := &expr.Error{Source: m.source, Message: "it throws " + m.describe(exception.Value())}
	for _, frame := range exception.Stack() {
		if at := frame.Position(); at.Line > 0 {
			failed.Position = expr.Position{Line: at.Line, Column: at.Column}
			break
		}
	}
	return failed
}

const maxMessage = 400 // bytes of what a script throws that an error shows

// describe is the text of a thrown value without running code of the script.
func (m *machine) describe(v goja.Value) string {
	text := "an object"
	o, isObject := v.(*goja.Object)
	switch {
	case v == nil:
		text = "undefined"
	case !isObject:
		text = v.String()
	case o.ClassName() == "Error":
		text = plainText(o, "name") + ": " + plainText(o, "message")
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

func plainText(o *goja.Object, name string) string {
	if s, ok := o.Get(name).(goja.String); ok {
		return s.String()
	}
	return ""
}
