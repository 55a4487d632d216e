package sim

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// workers do the tasks, as well as workers do.
type workers struct {
	w    *World
	open []*task // not answered
	old  []*task // answered or given up: what comes of them is late or a duplicate
}

type task struct {
	record wire.Record
	id     wire.CorrelationID
	kind   string
}

// maxOld is how many tasks are remembered for answers that come late.
const maxOld = 40

// receive takes a task command.
func (ws *workers) receive(r wire.Record) {
	text, _ := r.Header(wire.HeaderCorrelationID)
	id, err := wire.ParseCorrelationID(text)
	if err != nil {
		ws.w.fail("a task command has the correlation id %q: %v", text, err)
		return
	}
	ws.open = append(ws.open, &task{record: r, id: id, kind: r.Topic[len(taskPrefix):]})
}

// result is how a worker answers.
type result struct {
	status    string // "": completed
	code      string
	elsewhere bool // to the partition of the key instead of the one asked for
	value     string
}

// work lets a worker do something about a task.
func (ws *workers) work() bool {
	w := ws.w
	if w.cfg.Faults.Workers && len(ws.old) > 0 && w.random.IntN(12) == 0 {
		ws.answer(ws.old[w.random.IntN(len(ws.old))], ws.someResult())
		return true
	}
	if len(ws.open) == 0 {
		return false
	}
	i := w.random.IntN(len(ws.open))
	t := ws.open[i]
	if !w.cfg.Faults.Workers {
		i = 0
		t = ws.open[0]
		ws.finish(i)
		ws.answer(t, result{value: ws.value()})
		return true
	}
	switch w.random.IntN(16) {
	case 0: // the worker dies: the engine sends again after the deadline
		w.log(event{what: "worker dies at " + t.id.String(), home: -1})
		ws.finish(i)
	case 1:
		ws.answer(t, result{status: "progress", value: ws.value()})
	case 2: // twice
		ws.finish(i)
		ws.answer(t, ws.someResult())
		ws.answer(t, ws.someResult())
	default:
		ws.finish(i)
		ws.answer(t, ws.someResult())
	}
	return true
}

func (ws *workers) finish(i int) {
	ws.old = append(ws.old, ws.open[i])
	if len(ws.old) > maxOld {
		ws.old = ws.old[1:]
	}
	ws.open = slices.Delete(ws.open, i, i+1)
}

func (ws *workers) someResult() result {
	r := result{value: ws.value(), elsewhere: ws.w.random.IntN(10) == 0}
	switch ws.w.random.IntN(10) {
	case 0:
		r.status = "failed"
	case 1:
		r.status, r.code = "bpmn-error", []string{"a", "b", "c"}[ws.w.random.IntN(3)]
	}
	return r
}

func (ws *workers) value() string {
	return fmt.Sprintf(`{"x":%d,"again":%t}`, ws.w.random.IntN(3), ws.w.random.IntN(3) == 0)
}

// answer produces a result.
func (ws *workers) answer(t *task, r result) {
	w := ws.w
	record := wire.Record{
		Topic: w.names.Results(), Key: t.record.Key, Value: []byte(r.value),
		Headers: []wire.Header{header(wire.HeaderCorrelationID, t.id.String()), header(wire.HeaderAttempt, strconv.Itoa(int(t.id.Attempt)))},
	}
	if r.status != "" {
		record.Headers = append(record.Headers, header(wire.HeaderStatus, r.status))
	}
	if r.code != "" {
		record.Headers = append(record.Headers, header(wire.HeaderErrorCode, r.code))
	}
	record.Partition = t.id.Home
	if r.elsewhere {
		record.Partition = wire.ByKey
	}
	w.log(event{what: "worker answers " + t.id.String() + " " + r.status, home: -1})
	w.appended(nil, w.kafka.where(&record), []wire.Record{record})
}

func header(key, value string) wire.Header { return wire.Header{Key: key, Value: []byte(value)} }
