package feel

import (
	"cmp"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// quickTests are unary tests that compare with constants only, which is what most
// entries of decision tables do: they are applied without a machine. Wherever more
// is to be said than yes or no (kinds that do not fit, limits) they leave the
// answer to the program.
type quickTests struct {
	any     []quickTest
	negated bool
	cost    int // steps, the same as those of the program
}

// Subject is a value made ready for many unary tests, as the value of a table's
// input is.
type Subject struct {
	value           expr.Value
	whole           int64 // the value, if isWhole
	text            string
	isWhole, isText bool
	isLarge         bool // comparing it has to be paid for
}

// NewSubject makes a value ready.
func NewSubject(v expr.Value) Subject {
	s := Subject{value: v, isLarge: v.Size() > 64}
	s.whole, s.isWhole = v.AsInt()
	s.text, s.isText = v.AsString()
	return s
}

// quickTest holds if the input equals low, or is ordered with low and high as
// they say. Without high it is a single comparison.
type quickTest struct {
	low, high        Subject
	above, below     ordering
	isEqual, differs bool // equality with low; its negation
}

// quick is nil where the tests need a machine.
func (c *compiler) quick(tests []syntax.Node) *quickTests {
	q := &quickTests{}
	if n, ok := tests[0].(*syntax.Not); ok && len(tests) == 1 {
		tests, q.negated = n.Tests, true
	}
	for _, n := range tests {
		t, ok := c.quickTest(n)
		if !ok {
			return nil
		}
		q.any = append(q.any, t)
	}
	q.cost = c.cost
	return q
}

func (c *compiler) quickTest(n syntax.Node) (quickTest, bool) {
	switch n := n.(type) {
	case *syntax.Test:
		v, ok := c.constant(n.Operand)
		return quickTest{low: NewSubject(v), above: orderings[n.Op], isEqual: n.Op == "=", differs: n.Op == "!="}, ok
	case *syntax.Range:
		return c.quickRange(n)
	}
	v, ok := c.constant(n)
	return quickTest{low: NewSubject(v), isEqual: true}, ok
}

func (c *compiler) quickRange(n *syntax.Range) (quickTest, bool) {
	low, ok1 := c.constant(n.Low)
	high, ok2 := c.constant(n.High)
	order, comparable := expr.Compare(low, high)
	t := quickTest{low: NewSubject(low), high: NewSubject(high), above: greater, below: less}
	if n.LowClosed {
		t.above |= same
	}
	if n.HighClosed {
		t.below |= same
	}
	return t, ok1 && ok2 && comparable && order <= 0
}

// constants are the functions whose value depends on their arguments alone and
// that have no other notation for a constant.
var constants = map[string]bool{"date": true, "time": true, "date and time": true, "duration": true}

// constant is the value of a node that is the same in every environment.
func (c *compiler) constant(n syntax.Node) (expr.Value, bool) {
	switch n := n.(type) {
	case *syntax.Literal:
		return n.Value, n.Value.Depth() == 0
	case *syntax.Negation:
		v, ok := c.constant(n.Operand)
		if !ok || v.Kind() != expr.KindNumber {
			return expr.Null(), false
		}
		return expr.Negate(v), true
	case *syntax.Call:
		return c.constantCall(n)
	}
	return expr.Null(), false
}

func (c *compiler) constantCall(n *syntax.Call) (expr.Value, bool) {
	callee, ok := n.Callee.(*syntax.Name)
	if !ok || !constants[callee.Name] || c.directCallee(n) == nil {
		return expr.Null(), false
	}
	for _, arg := range n.Args {
		if _, ok := arg.Value.(*syntax.Literal); !ok {
			return expr.Null(), false
		}
	}
	// Compiled apart, so that it does not count for the expression.
	e, err := compileTree(c.source, n, Options{})
	if err != nil {
		return expr.Null(), false
	}
	v, err := e.Evaluate(&expr.Env{Strict: true})
	return v, err == nil && v.Depth() == 0
}

// hold applies the tests; ok is false where the program has to.
func (q *quickTests) hold(env *expr.Env, s *Subject) (holds, ok bool) {
	if s.isLarge || !q.charge(env) {
		return false, false
	}
	for i := range q.any {
		holds, ok := q.any[i].hold(s)
		if !ok {
			return false, false
		}
		if holds {
			return !q.negated, true
		}
	}
	return q.negated, true
}

func (t *quickTest) hold(s *Subject) (holds, ok bool) {
	if t.isEqual || t.differs {
		equal, ok := s.equals(&t.low)
		return equal == t.isEqual, ok
	}
	order, ok := s.compare(&t.low)
	if !ok || t.below == 0 || !t.above.holds(order) {
		return t.above.holds(order), ok
	}
	order, ok = s.compare(&t.high)
	return t.below.holds(order), ok
}

func (s *Subject) equals(other *Subject) (equal, ok bool) {
	switch {
	case s.isWhole && other.isWhole:
		return s.whole == other.whole, true
	case s.isText && other.isText:
		return s.text == other.text, true
	}
	return expr.Equal(s.value, other.value)
}

func (s *Subject) compare(other *Subject) (order int, ok bool) {
	if s.isWhole && other.isWhole {
		return cmp.Compare(s.whole, other.whole), true
	}
	return expr.Compare(s.value, other.value)
}

// charge counts the steps, unless the limit forbids them.
func (q *quickTests) charge(env *expr.Env) bool {
	if env == nil || env.Used == nil {
		return env == nil || env.Limits.Steps == 0 || q.cost <= env.Limits.Steps
	}
	steps, most := env.Used.Steps+q.cost, env.Limits.Steps
	if most == 0 {
		most = expr.DefaultLimits().Steps
	}
	if steps > most {
		return false
	}
	env.Used.Steps = steps
	return true
}
