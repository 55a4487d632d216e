package engine

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// reader takes stored bytes apart. The first failure sticks, and everything read
// after it is zero.
type reader struct {
	src []byte
	pos int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("offset %d: "+format, append([]any{r.pos}, args...)...)
	}
}

// end makes bytes left over a failure.
func (r *reader) end() {
	if r.err == nil && r.pos < len(r.src) {
		r.fail("%d bytes too many", len(r.src)-r.pos)
	}
}

func (r *reader) version() {
	if v := r.byte(); r.err == nil && v != encodingVersion {
		r.fail("encoding version %d; this program reads version %d", v, encodingVersion)
	}
}

func (r *reader) byte() byte {
	if r.err != nil || r.pos >= len(r.src) {
		r.fail("the bytes end too early")
		return 0
	}
	r.pos++
	return r.src[r.pos-1]
}

func (r *reader) uint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.src[r.pos:])
	if n <= 0 {
		r.fail("no valid integer")
		return 0
	}
	r.pos += n
	return v
}

func (r *reader) int() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// index reads a small number, such as a node's index.
func (r *reader) index() int {
	v := r.uint()
	if v > math.MaxInt32 {
		r.fail("%d is out of range", v)
		return 0
	}
	return int(v)
}

// count reads how many things follow: never more than there are bytes.
func (r *reader) count(limit int) int {
	v := r.uint()
	if v > uint64(min(limit, len(r.src)-r.pos)) {
		r.fail("%d things can't follow", v)
		return 0
	}
	return int(v)
}

func (r *reader) bytes() []byte {
	n := r.count(math.MaxInt)
	if r.err != nil {
		return nil
	}
	r.pos += n
	return r.src[r.pos-n : r.pos : r.pos]
}

func (r *reader) text() string { return string(r.bytes()) }

func (r *reader) variables() Variables {
	n := r.count(math.MaxInt)
	if n == 0 {
		return nil
	}
	v := make(Variables, 0, n)
	for range n {
		m := Variable{Name: r.text(), Value: r.bytes()}
		if r.err == nil && len(m.Value) == 0 {
			r.fail("variable %q has no value", m.Name)
		}
		if r.err == nil && len(v) > 0 && v[len(v)-1].Name >= m.Name {
			r.fail("variable %q is out of order", m.Name)
		}
		if r.err != nil {
			return nil
		}
		v = append(v, m)
	}
	return v
}

func (r *reader) element(e *element) {
	e.node, e.scope = r.index(), Key(r.uint())
	e.flow = r.index() + bpmn.None
	flags := r.uint()
	if flags >= 2*elementIncident {
		r.fail("unknown flags %x", flags)
		return
	}
	e.phase, e.triggered = phase(flags&elementPhase), flags&elementTriggered != 0
	if flags&elementLocals != 0 {
		e.locals = r.variables()
	}
	if flags&elementResult != 0 {
		e.result = r.variables()
	}
	if flags&elementTask != 0 {
		e.task = r.task()
	}
	if flags&elementWaits != 0 {
		e.waits = r.waits()
	}
	if flags&elementArrived != 0 {
		e.arrived = r.arrivals()
	}
	if flags&elementIncident != 0 {
		e.incident = &incident{kind: IncidentKind(r.byte()), message: r.text(), since: r.int()}
	}
}

func (r *reader) task() task {
	return task{
		phase: taskPhase(r.byte()), attempt: uint32(r.index()), left: uint32(r.index()),
		retries: uint32(r.index()), due: r.int(), kind: r.text(),
	}
}

func (r *reader) waits() []wait {
	n := r.count(math.MaxInt)
	var waits []wait
	for range n {
		w := wait{node: r.index(), due: r.int()}
		if w.isTimer() {
			w.repetitions, w.interval = int(r.int()), r.text()
		} else {
			w.name, w.correlationKey, w.interrupting = r.text(), r.text(), r.byte() != 0
		}
		if r.err != nil {
			return nil
		}
		waits = append(waits, w)
	}
	return waits
}

func (r *reader) arrivals() *arrivals {
	a := &arrivals{}
	for range r.count(math.MaxInt) {
		a.marks = append(a.marks, r.word())
	}
	for range r.count(math.MaxInt) {
		a.surplus = append(a.surplus, r.index())
	}
	a.flows = countFlows(a.marks)
	return a
}

func (r *reader) word() uint64 {
	if r.err != nil || len(r.src)-r.pos < 8 {
		r.fail("the bytes end too early")
		return 0
	}
	r.pos += 8
	return binary.LittleEndian.Uint64(r.src[r.pos-8:])
}
