package engine

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// tasks is a process of n service tasks, one after the other.
func tasks(tb testing.TB, n int) *bpmn.Process {
	var text strings.Builder
	text.WriteString("start")
	for i := range n {
		fmt.Fprintf(&text, " -> task-%d", i)
	}
	text.WriteString(" -> end\n")
	for i := range n {
		fmt.Fprintf(&text, "task-%d: service type=charge-card\n", i)
	}
	p, err := parseProcess(text.String())
	require.NoError(tb, err)
	return p
}

// branches is a process of n service tasks side by side.
func branches(tb testing.TB, n int) *bpmn.Process {
	var text strings.Builder
	text.WriteString("start -> fork\njoin -> end\nfork: parallel\njoin: parallel\n")
	for i := range n {
		fmt.Fprintf(&text, "fork -> task-%d -> join\ntask-%d: service type=charge-card\n", i, i)
	}
	p, err := parseProcess(text.String())
	require.NoError(tb, err)
	return p
}

// runTasks starts an instance and completes its tasks one by one, encoding after
// each step as the shell does.
func runTasks(tb testing.TB, p *bpmn.Process, n int, order, receipt Variables) {
	s := NewState(p, Identity{ID: InstanceID{15: 1}, ProcessID: p.ID})
	in := Input(Start{Now: beginning, Node: p.Start, BusinessKey: "order-4711", Variables: order})
	for step := range n + 1 {
		if _, err := Decide(p, s, in); err != nil {
			tb.Fatal(err)
		}
		if c := s.Changes(); len(c.Header) == 0 {
			tb.Fatal("no header")
		}
		s.Saved()
		in = TaskResult{Now: beginning, Task: Key(step + 1), Attempt: 1, Variables: receipt}
	}
	if !s.Ended() {
		tb.Fatal("not ended")
	}
}

func benchmarkTasks(b *testing.B, n int) {
	p := tasks(b, n)
	order, err := ParseVariables([]byte(`{"orderId":"4711","amount":119.90,"currency":"EUR","customer":{"id":17,"name":"K."}}`))
	require.NoError(b, err)
	receipt, err := ParseVariables([]byte(`{"receipt":"r-1","paid":true}`))
	require.NoError(b, err)
	b.ReportAllocs()
	used := cpuTime()
	for b.Loop() {
		runTasks(b, p, n, order, receipt)
	}
	b.ReportMetric(float64(cpuTime()-used)/float64(b.N), "cpu-ns/op")
}

// cpuTime is what this process has used so far, garbage collection included:
// on a busy machine it says more than the clock.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// One instance of a one-task process: start, result, encoding after each.
func BenchmarkOneTask(b *testing.B)  { benchmarkTasks(b, 1) }
func BenchmarkTenTasks(b *testing.B) { benchmarkTasks(b, 10) }

// The cost of one result while many other tasks of the instance are open.
func BenchmarkResultAmongOpenTasks(b *testing.B) {
	for _, open := range []int{50, 5000} {
		b.Run(fmt.Sprint(open), func(b *testing.B) {
			w := newCrowd(b, open)
			b.ReportAllocs()
			stored := 0
			for b.Loop() {
				stored += w.completeOne(b)
			}
			b.ReportMetric(float64(stored)/float64(b.N), "stored-B/op")
		})
	}
}

func BenchmarkParseVariables(b *testing.B) {
	src := []byte(`{"orderId":"4711","amount":119.90,"currency":"EUR","customer":{"id":17,"name":"K."}}`)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseVariables(src); err != nil {
			b.Fatal(err)
		}
	}
}

// crowd is an instance with many open tasks; a new one is started when half are done.
type crowd struct {
	p    *bpmn.Process
	open int
	s    *State
	next Key
}

func newCrowd(tb testing.TB, open int) *crowd {
	c := &crowd{p: branches(tb, 2*open), open: open}
	c.restart(tb)
	return c
}

func (c *crowd) restart(tb testing.TB) {
	c.s = NewState(c.p, Identity{ID: InstanceID{15: 1}, ProcessID: c.p.ID})
	_, err := Decide(c.p, c.s, Start{Now: beginning, Node: c.p.Start})
	require.NoError(tb, err)
	c.s.Changes()
	c.s.Saved()
	c.next = 1
}

// completeOne answers a task and returns how many bytes have to be stored.
func (c *crowd) completeOne(tb testing.TB) (bytes int) {
	if int(c.next) > c.open {
		if b, ok := tb.(*testing.B); ok {
			b.StopTimer()
			defer b.StartTimer()
		}
		c.restart(tb)
	}
	if _, err := Decide(c.p, c.s, TaskResult{Now: beginning, Task: c.next, Attempt: 1}); err != nil {
		tb.Fatal(err)
	}
	c.next++
	changes := c.s.Changes()
	c.s.Saved()
	bytes = len(changes.Header)
	for _, part := range changes.Parts {
		bytes += len(part.Data)
	}
	return bytes
}
