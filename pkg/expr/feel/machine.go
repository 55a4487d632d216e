package feel

import (
	"fmt"
	"sync"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// code computes one node of the tree. After a failure (machine.err) what it
// returns does not matter; loops end then.
type code func(m *machine) expr.Value

// machine is one evaluation.
type machine struct {
	env    *expr.Env
	scope  expr.Scope // of the function being evaluated
	frame  []expr.Value
	limits expr.Limits
	steps  int
	depth  int
	bytes  int
	drawn  uint64 // random numbers drawn so far
	source string
	err    error
	spare  *invocation  // to use again
	space  []expr.Value // to use again
}

// maxValueDepth bounds how deep values may nest while they are computed with.
const maxValueDepth = 2 * expr.MaxJSONDepth

// machines keeps machines between evaluations.
type machines struct{ pool sync.Pool }

func (p *machines) get(env *expr.Env, source string) *machine {
	m, ok := p.pool.Get().(*machine)
	if !ok {
		m = new(machine)
	}
	m.env, m.scope, m.limits, m.source = env, env.Scope, env.Limits.OrDefault(), source
	m.resume()
	return m
}

func (p *machines) put(m *machine) {
	m.settle()
	spare, space := m.spare, m.space
	if spare != nil {
		*spare = invocation{} // and forget the others
	}
	clear(space)
	*m = machine{spare: spare, space: space}
	p.pool.Put(m)
}

const maxKeptSlots = 32

// newFrame has room for the variables of the expression.
func (m *machine) newFrame(slots int) []expr.Value {
	if slots > maxKeptSlots {
		return make([]expr.Value, slots)
	}
	if m.space == nil {
		m.space = make([]expr.Value, maxKeptSlots)
	}
	return m.space[:slots]
}

// resume takes over what has been used so far by evaluations that belong to this.
func (m *machine) resume() {
	if u := m.env.Used; u != nil {
		m.steps, m.bytes, m.drawn, m.depth = u.Steps, u.Bytes, u.Drawn, u.Depth
	}
}

// settle is its counterpart. The depth is left to those who go deeper.
func (m *machine) settle() {
	if u := m.env.Used; u != nil {
		u.Steps, u.Bytes, u.Drawn = m.steps, m.bytes, m.drawn
	}
}

// site is a place in a source, for messages.
type site struct {
	source string
	at     int
}

func (s site) errorf(format string, args ...any) *expr.Error {
	return &expr.Error{Source: s.source, Position: expr.PositionAt(s.source, s.at), Message: fmt.Sprintf(format, args...)}
}

// null is the value null for a reason: a warning, or in strict mode an error.
func (m *machine) null(s site, format string, args ...any) expr.Value {
	switch {
	case m.err != nil:
	case m.env.Strict:
		m.err = s.errorf(format, args...)
	case m.env.Warnings != nil && len(*m.env.Warnings) < expr.MaxWarnings:
		*m.env.Warnings = append(*m.env.Warnings, *s.errorf(format, args...))
	}
	return expr.Null()
}

// fail ends the evaluation.
func (m *machine) fail(format string, args ...any) {
	if m.err == nil {
		m.err = &expr.Error{Source: m.source, Message: fmt.Sprintf(format, args...)}
	}
}

// charge counts steps; false means that the evaluation is over.
func (m *machine) charge(steps int) bool {
	m.steps += steps
	if m.steps > m.limits.Steps {
		m.fail("the evaluation takes more than %d steps", m.limits.Steps)
	}
	return m.err == nil
}

// enter counts the nesting of calls; leave is its counterpart.
func (m *machine) enter() bool {
	m.depth++
	if m.depth > m.limits.Depth {
		m.fail("calls are nested deeper than %d levels", m.limits.Depth)
	}
	return m.err == nil
}

func (m *machine) leave() { m.depth-- }

// roomFor checks how many elements a list or context being built will have.
func (m *machine) roomFor(items int) bool {
	if items > m.limits.Items {
		m.fail("a list or context has more than %d elements", m.limits.Items)
	}
	return m.err == nil
}

// built checks a value that was put together and counts its work.
func (m *machine) built(v expr.Value) expr.Value {
	if v.Size() > int64(m.limits.Bytes) {
		m.fail("a value takes more than %d bytes", m.limits.Bytes)
	}
	if v.Depth() > maxValueDepth {
		m.fail("a value is nested deeper than %d levels", maxValueDepth)
	}
	if m.err != nil {
		return expr.Null()
	}
	return v
}

// str makes a string within the limit of bytes for all strings being built.
func (m *machine) str(s string) expr.Value {
	if !m.hasRoom(int64(len(s))) {
		return expr.Null()
	}
	m.bytes += len(s)
	return expr.String(s)
}

// hasRoom tells whether a string of a size may be built; if not, the evaluation is over.
func (m *machine) hasRoom(size int64) bool {
	if size > int64(m.limits.Bytes-m.bytes) {
		m.fail("the strings being built take more than %d bytes", m.limits.Bytes)
	}
	return m.err == nil
}

// list makes a list within the limits.
func (m *machine) list(items []expr.Value) expr.Value {
	if !m.roomFor(len(items)) || !m.charge(len(items)/8) {
		return expr.Null()
	}
	return m.built(expr.List(items...))
}

// work charges for looking at all of a value.
func (m *machine) work(v expr.Value) bool { return m.charge(int(min(v.Size()/64, 1<<30))) }

// lookup finds a free variable.
func (m *machine) lookup(name string) (expr.Value, bool) {
	if m.scope == nil {
		return expr.Null(), false
	}
	return m.scope.Lookup(name)
}
