package order

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// view shows the board: a table that changes in place on a terminal, else a line
// for each order that has come to its end.
type view struct {
	out      io.Writer
	terminal bool
	rows     int // of the table
	width    int // of the terminal: a longer line would take two
	drawn    int // lines to go up before drawing again
}

func newView(out io.Writer) *view {
	v := &view{out: out, rows: 15, width: 100}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return v
	}
	v.terminal = true
	if width, height, err := term.GetSize(int(file.Fd())); err == nil {
		v.rows, v.width = max(3, min(v.rows, height-6)), max(20, width-1)
	}
	return v
}

func (v *view) ended(p *progress) {
	if !v.terminal {
		fmt.Fprintln(v.out, line(p, time.Now()))
	}
}

// draw paints the table again.
func (v *view) draw(b *board, now time.Time) {
	if !v.terminal {
		return
	}
	lines := []string{summary(b), "", fmt.Sprintf("%-12s %-10s %7s %7s  %s", "ORDER", "CUSTOMER", "EUR", "TIME", "WHERE")}
	for _, p := range b.inOrder[max(0, len(b.inOrder)-v.rows):] {
		lines = append(lines, line(p, now))
	}
	var text strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", v.drawn)
	}
	for _, l := range lines {
		if runes := []rune(l); len(runes) > v.width {
			l = string(runes[:v.width])
		}
		text.WriteString(l + "\x1b[K\n") // clear what an older line left
	}
	v.drawn = len(lines)
	io.WriteString(v.out, text.String()) //nolint:errcheck // nobody to tell
}

func summary(b *board) string {
	parts := []string{fmt.Sprintf("%d orders, %d under way", len(b.inOrder), len(b.inOrder)-b.finished)}
	for _, c := range b.counts() {
		parts = append(parts, fmt.Sprintf("%d %s", c.n, c.end))
	}
	return strings.Join(parts, "   ")
}

// line is an order in a line.
func line(p *progress, now time.Time) string {
	took, where := now.Sub(p.placed), "… "+strings.Join(p.at, ", ")
	if p.end != "" {
		took, where = p.changed.Sub(p.placed), "■ "+string(p.end)
	}
	if p.sequence == 0 {
		where = "placed"
	}
	text := fmt.Sprintf("%-12s %-10s %7d %6.1fs  %s", p.order.ID, p.order.Customer, p.order.Amount, max(0, took.Seconds()), where)
	if p.failures > 0 {
		text += fmt.Sprintf("  (%d failed: %.40s)", p.failures, p.note)
	}
	return text
}
