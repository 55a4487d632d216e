//go:build unix

package worker

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// BenchmarkTrivialTasks is how fast tasks go that take no time, from a backlog
// to the last result in Kafka. The embedded broker is part of the process.
func BenchmarkTrivialTasks(b *testing.B) {
	f := setup(b, "step")
	var commands []wire.TaskCommand
	for range b.N {
		commands = append(commands, f.command("step", uuid.New(), `{"orderId":"o-7","amount":49}`))
	}
	for len(commands) > 0 {
		n := min(len(commands), 20_000)
		f.send(commands[:n]...)
		commands = commands[n:]
	}
	var done atomic.Int64
	all := make(chan struct{})
	c := f.config("step", Typed(func(_ context.Context, in order, _ Task) (receipt, error) {
		if done.Add(1) == int64(b.N) {
			close(all)
		}
		return receipt{ReceiptID: in.OrderID, Charged: in.Amount}, nil
	}))
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	w := start(b, c)
	<-all
	if err := w.stop(b); err != nil { // until the results are in Kafka
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/task")
}

// processorTime is what the process has used, on a busy machine a better measure
// than the clock.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
