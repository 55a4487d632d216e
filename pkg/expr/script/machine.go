package script

import (
	"sync"

	"github.com/dop251/goja"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// turnover is how many times Limits.Bytes of text may be built in one evaluation:
// most of it is thrown away again, as in s += line.
const turnover = 16

// bytesPerStep is how much text an operation copies or compares for one step.
const bytesPerStep = 1024

// machine is a runtime of JavaScript with its bounds. It runs one evaluation at a
// time, and is used again if that ended well: what is built in cannot be changed.
type machine struct {
	js       *goja.Runtime
	own      map[string]bool // names of the global object before any script
	pristine []fixture
	evaluation
}

// evaluation is what a machine knows of the script that it runs.
type evaluation struct {
	env       *expr.Env
	limits    expr.Limits
	source    string
	steps     int
	bytes     int
	spent     int    // of Usage.Bytes before
	drawn     uint64 // random numbers
	exporting bool   // see inexact
	joins     int    // arrays within arrays that are made text of
	written   map[string]*expr.Value
	patterns  map[patternKey]*pattern
}

// stopped is the panic that ends an evaluation; scripts can't catch it.
type stopped struct{ err error }

// idle keeps machines between evaluations: making one takes longer than most scripts.
var idle sync.Pool

func startMachine(env *expr.Env, source string) *machine {
	m, ok := idle.Get().(*machine)
	if !ok {
		m = newMachine()
	}
	m.evaluation = evaluation{env: env, limits: env.Limits.OrDefault(), source: source}
	if u := env.Used; u != nil {
		m.steps, m.spent, m.drawn = u.Steps, u.Bytes, u.Drawn
	}
	m.js.SetMaxCallStackSize(m.limits.Depth)
	return m
}

func newMachine() *machine {
	m := &machine{js: goja.New()}
	m.js.SetRandSource(m.draw)
	m.install()
	return m
}

// release takes back what a script left in the global object and keeps the machine
// if nothing else can be left of it.
func (m *machine) release() {
	global := m.js.GlobalObject()
	for _, name := range global.GetOwnPropertyNames() {
		if !m.own[name] && global.Delete(name) != nil {
			return
		}
	}
	for _, f := range m.pristine {
		if !f.holds() {
			return
		}
	}
	m.evaluation = evaluation{}
	idle.Put(m)
}

// settle reports what was used to evaluations that belong to this one.
func (m *machine) settle() {
	if u := m.env.Used; u != nil {
		u.Steps, u.Bytes, u.Drawn = m.steps, m.spent+m.bytes/turnover, m.drawn
	}
}

// draw is the next random number in [0, 1): splitmix64 of a counter.
func (m *machine) draw() float64 {
	m.drawn++
	z := m.env.Seed + m.drawn*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}

// fail ends the evaluation.
func (m *machine) fail(format string, args ...any) {
	panic(stopped{err: expr.ErrorAt(m.source, m.offset(), format, args...)})
}

// offset is the place in the source that is running.
func (m *machine) offset() int {
	for _, frame := range m.js.CaptureCallStack(0, nil) {
		if at := frame.Position(); at.Line > 0 {
			return offsetOf(m.source, at.Line, at.Column)
		}
	}
	return 0
}

func offsetOf(source string, line, column int) int {
	at := 0
	for ; line > 1 && at < len(source); at++ {
		if source[at] == '\n' {
			line--
		}
	}
	return min(at+column-1, len(source))
}

// charge counts steps.
func (m *machine) charge(steps int) {
	if m.steps += steps; m.steps > m.limits.Steps || steps < 0 {
		m.fail("the script takes more than %d steps", m.limits.Steps)
	}
}

// grow counts bytes of text that is built.
func (m *machine) grow(bytes int) {
	m.charge(bytes / bytesPerStep)
	m.bytes += bytes
	switch {
	case bytes > m.limits.Bytes:
		m.fail("a string takes more than %d bytes", m.limits.Bytes)
	case m.spent+m.bytes/turnover > m.limits.Bytes:
		m.fail("the strings being built take more than %d bytes", turnover*m.limits.Bytes)
	}
}

// weight is the number of steps it takes to look at all of a value: its text, or
// the elements of an array.
func (m *machine) weight(v goja.Value) int {
	switch v := v.(type) {
	case goja.String:
		return v.Length() / bytesPerStep
	case *goja.Object:
		if isArray(v) {
			return lengthOf(v)
		}
	}
	return 0
}

func isArray(v goja.Value) bool {
	o, ok := v.(*goja.Object)
	return ok && o.ClassName() == "Array"
}

// lengthOf is the length of an array.
func lengthOf(array *goja.Object) int { return int(array.Get("length").ToInteger()) }

// textOf is a value as text, which may run code of the script.
func textOf(v goja.Value) string { return v.ToString().String() }
