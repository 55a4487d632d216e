package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// UnaryTests are compiled unary tests, the content of an input entry of a
// decision table: "-", "< 5", "[1..3], 7", not("a", "b"), contains(?, "x"). They are
// immutable and safe for concurrent use.
type UnaryTests struct {
	expression *Expression
	quick      *quickTests // nil where the expression has to be evaluated
}

// CompileUnaryTests compiles unary tests. Errors are *expr.Error.
func CompileUnaryTests(text string) (*UnaryTests, error) { return Options{}.CompileUnaryTests(text) }

// CompileUnaryTests compiles unary tests.
func (o Options) CompileUnaryTests(text string) (*UnaryTests, error) {
	tests, err := syntax.ParseUnaryTests(text, syntax.Options(o))
	if err != nil {
		return nil, err
	}
	c := newCompiler(text, o)
	test := c.anyOf(tests)
	e, err := c.expression(func(m *machine) expr.Value { return test(m, m.frame[inputSlot]) })
	if err != nil {
		return nil, err
	}
	return &UnaryTests{expression: e, quick: c.quick(tests)}, nil
}

// Test applies the tests to input: true if one of them holds, false if none does,
// null if that cannot be told since kinds do not fit.
func (u *UnaryTests) Test(env *expr.Env, input expr.Value) (expr.Value, error) {
	s := NewSubject(input)
	return u.TestSubject(env, &s)
}

// TestSubject is Test for a value that is tested often.
func (u *UnaryTests) TestSubject(env *expr.Env, s *Subject) (expr.Value, error) {
	if holds, ok := u.Holds(env, s); ok {
		return expr.Bool(holds), nil
	}
	return u.expression.evaluate(env, s.value)
}

// Holds tells whether tests against constants hold; ok is false where TestSubject
// has to be asked.
func (u *UnaryTests) Holds(env *expr.Env, s *Subject) (holds, ok bool) {
	if u.quick == nil {
		return false, false
	}
	return u.quick.hold(env, s)
}

// Source is the text that was compiled.
func (u *UnaryTests) Source() string { return u.expression.source }

// Names are the variables that the tests read, as Expression.Names.
func (u *UnaryTests) Names() []string { return u.expression.names }
