package order

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
)

// view shows the board: a table that changes in place on a terminal, else a line
// for each order that has come to its end.
type view struct {
	out    io.Writer
	screen *os.File // the terminal out is; nil: out is none
	recent []happening
	drawn  int // lines to go up before drawing again
}

// maxRecent is how many happenings a table shows, if there is room.
const maxRecent = 10

func newView(out io.Writer) *view {
	v := &view{out: out}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		v.screen = file
	}
	return v
}

// show takes news in: for the next table, or as lines at once.
func (v *view) show(ended []*progress, happened []happening) {
	v.recent = append(v.recent, happened...)
	v.recent = v.recent[max(0, len(v.recent)-maxRecent):]
	if v.screen != nil {
		return
	}
	for _, p := range ended {
		fmt.Fprintln(v.out, line(p, time.Now()))
	}
}

// tell writes a line for everything that has happened.
func (v *view) tell(happened []happening) {
	for _, h := range happened {
		fmt.Fprintln(v.out, h)
	}
}

// draw paints the table again.
func (v *view) draw(b *board, now time.Time) {
	if v.screen == nil {
		return
	}
	width, height, err := term.GetSize(int(v.screen.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	v.paint(v.lines(b, now, height), width)
}

// paint goes up over what it has painted before. A line must not wrap, or the
// next one would begin too low.
func (v *view) paint(lines []string, width int) {
	var text strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", v.drawn)
	}
	for _, l := range lines {
		if r := []rune(l); len(r) >= width {
			l = string(r[:max(0, width-1)])
		}
		text.WriteString(l + "\x1b[K\n") // clear what an older line left
	}
	text.WriteString("\x1b[J")
	v.drawn = len(lines)
	io.WriteString(v.out, text.String()) //nolint:errcheck // nobody to tell
}

// justPlaced is where orders are of which there is no status yet.
const justPlaced = "(placed)"

// stages are where tokens may be, in the model's order.
var stages = [...]string{justPlaced, "reserve", "charge", "await-payment", "join", "check-fraud", "ship", "apologise", "cancel-payment"}

// lines is the table: how many orders are where, then what happened last.
func (v *view) lines(b *board, now time.Time, height int) []string {
	ends := [...]End{Shipped, Rejected, OutOfStock, PaymentTimedOut, Incident}
	at, ended := b.tokens()
	lines := []string{
		fmt.Sprintf("%d orders placed   %d under way   %d ended   %.1f a second", len(b.ours), len(b.ours)-b.finished, b.finished, b.rate(now, 5*time.Second)),
		"", fmt.Sprintf("%-18s %6s     %-18s %6s", "TOKENS AT", "", "ORDERS ENDED", ""),
	}
	for i, stage := range stages {
		l := fmt.Sprintf("  %-16s %6s", stage, number(at[stage]))
		if i < len(ends) {
			l += fmt.Sprintf("       %-17s %5s", ends[i], number(ended[ends[i]]))
		}
		lines = append(lines, l)
	}
	room := max(0, height-len(lines)-3) // a blank line, a heading, the cursor
	if room > 0 {
		lines = append(lines, "", "LAST EVENTS")
	}
	for _, h := range v.recent[max(0, len(v.recent)-room):] {
		lines = append(lines, "  "+h.String())
	}
	return lines
}

func number(n int) string {
	if n == 0 {
		return "·"
	}
	return fmt.Sprint(n)
}

func (h happening) String() string {
	text := fmt.Sprintf("%s  %-10s %-20s %s", h.time.Local().Format("15:04:05.000"), h.order, h.Type, h.Element)
	if h.Message != "" {
		text += ": " + h.Message
	}
	return text
}

// line is an order in a line, at most 100 characters as a rule.
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

// printTable prints, for each kind of order, how many came to their proper end.
func printTable(out io.Writer, orders []*progress) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nORDERS\tPLACED\tSHOULD END AS\tDID\tMEDIAN TIME")
	for i := range kinds {
		var times []time.Duration
		placed := 0
		for _, p := range orders {
			if p.kind != &kinds[i] {
				continue
			}
			if placed++; p.proper() {
				times = append(times, p.changed.Sub(p.placed))
			}
		}
		if placed == 0 {
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\n", kinds[i].name, placed, kinds[i].proper(), len(times), median(times))
	}
	_ = w.Flush() // nobody to tell
}

// proper describes the end that orders of the kind should have.
func (k *kind) proper() string {
	if k.failures == 0 {
		return string(k.end)
	}
	return fmt.Sprintf("%s after %d failed attempts", k.end, k.failures)
}

func median(times []time.Duration) string {
	if len(times) == 0 {
		return "-"
	}
	slices.Sort(times)
	return fmt.Sprintf("%.1f s", times[len(times)/2].Seconds())
}
