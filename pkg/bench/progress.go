package bench

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress shows how far a run is: a bar rewritten in place on a terminal, a
// line every few seconds elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	label    string
	plan     Plan
	book     *book
}

func newProgress(w io.Writer, label string, plan Plan, b *book) *progress {
	p := &progress{w: w, label: label, plan: plan, book: b}
	if f, ok := w.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd()))
	}
	return p
}

// run shows progress until done is closed.
func (p *progress) run(done <-chan struct{}) {
	if p.w == nil {
		return
	}
	interval := 5 * time.Second
	if p.terminal {
		interval = 200 * time.Millisecond
	}
	every := time.NewTicker(interval)
	defer every.Stop()
	begun, last := time.Now(), int64(0)
	for {
		select {
		case <-done:
			p.end()
			return
		case <-every.C:
			n := p.book.completed.Load()
			p.show(time.Since(begun), n, float64(n-last)/interval.Seconds())
			last = n
		}
	}
}

const barWidth = 30

// show writes one state; rate is instances completed per second since the last.
func (p *progress) show(elapsed time.Duration, completed int64, rate float64) {
	part := p.part(elapsed, completed)
	state := fmt.Sprintf("%3.0f %%  %d completed, %d open, %.0f/s", 100*part, completed, p.book.open(), rate)
	if !p.terminal {
		fmt.Fprintf(p.w, "%s: %s\n", p.label, strings.TrimSpace(state))
		return
	}
	full := int(part * barWidth)
	fmt.Fprintf(p.w, "\r\x1b[K%-8s [%s%s] %s", p.label, strings.Repeat("█", full), strings.Repeat("·", barWidth-full), state)
}

// part is how much of the run is done, 0 to 1.
func (p *progress) part(elapsed time.Duration, completed int64) (part float64) {
	if p.plan.Instances > 0 {
		part = float64(completed) / float64(p.plan.Instances)
	}
	if p.plan.Duration > 0 {
		part = max(part, float64(elapsed)/float64(p.plan.Duration))
	}
	return min(part, 1)
}

// end clears the bar.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
