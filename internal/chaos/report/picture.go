package report

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/fault"
)

// Measures of the picture, in pixels.
const (
	width, left, right = 1400, 110, 20
	top, chart, lane   = 40, 240, 16
)

// lanes are the rows of the picture below the throughput, with their colours.
var lanes = []struct{ class, colour string }{
	{"engine", "#c0392b"}, {"relay", "#d35400"}, {"worker", "#b7950b"}, {"kafka", "#7d3c98"}, {"postgres", "#2471a3"},
	{"connection", "#148f77"}, {"group", "#707b7c"}, {"all models", "#1e8449"},
}

// picture draws an outcome.
type picture struct {
	strings.Builder
	*Outcome
	seconds, most float64
}

// Picture is an SVG of the throughput over time, with the faults below.
func (o *Outcome) Picture() string {
	rates := o.rates()
	p := &picture{Outcome: o, seconds: float64(max(len(rates)-1, 1)), most: float64(max(slices.Max(append(rates, 1)), 10))}
	height := top + chart + 30 + lane*len(lanes) + 20
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(p, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(p, `<text x="%d" y="22" font-size="15">Hops per second, and %d faults below</text>`+"\n", left, len(o.Faults))
	p.axes()
	p.throughput(rates)
	for n, l := range lanes {
		fmt.Fprintf(p, `<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>`+"\n", left-8, p.laneAt(n)+12, l.colour, l.class)
	}
	for _, f := range o.Faults {
		p.fault(f)
	}
	p.WriteString("</svg>\n")
	return p.String()
}

func (p *picture) x(second float64) float64 { return left + second/p.seconds*(width-left-right) }
func (p *picture) y(rate float64) float64   { return top + chart*(1-rate/p.most) }
func (p *picture) laneAt(n int) int         { return top + chart + 30 + lane*n }

// axes draws five lines across and a mark about every tenth of the time.
func (p *picture) axes() {
	for n := range 5 {
		rate := p.most * float64(n) / 4
		fmt.Fprintf(p, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n", left, p.y(rate), width-right, left-8, p.y(rate)+4, rate)
	}
	step := 10.0
	for _, wider := range []float64{30, 60, 120, 300, 600, 1800, 3600} {
		if p.seconds/step > 12 {
			step = wider
		}
	}
	for s := 0.0; s <= p.seconds; s += step {
		fmt.Fprintf(p, `<path d="M%.1f %dV%d" stroke="#eee"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			p.x(s), top, p.laneAt(len(lanes)), p.x(s), top+chart+18, time.Duration(s)*time.Second)
	}
}

// throughput draws an area; of several seconds that share a pixel their mean.
func (p *picture) throughput(rates []int) {
	perPoint := max(len(rates)/(width-left-right), 1)
	fmt.Fprintf(p, `<path fill="#5d8aa8" fill-opacity="0.45" stroke="#34607f" stroke-width="0.7" d="M%d %d`, left, top+chart)
	for s := 0; s < len(rates); s += perPoint {
		sum, n := 0, 0
		for _, r := range rates[s:min(s+perPoint, len(rates))] {
			sum, n = sum+r, n+1
		}
		fmt.Fprintf(p, "L%.1f %.1f", p.x(float64(s)), p.y(float64(sum)/float64(n)))
	}
	fmt.Fprintf(p, `L%d %dZ"/>`+"\n", width-right, top+chart)
}

// fault draws a bar as long as the fault, which says what it was when pointed at.
func (p *picture) fault(f fault.Injected) {
	from, to := p.x(f.Began.Sub(p.Warmed).Seconds()), p.x(f.Mended.Sub(p.Warmed).Seconds())
	for n, l := range lanes {
		if strings.HasPrefix(class(f.Fault), l.class) || l.class == "all models" && f.Kind == fault.Redeploy {
			fmt.Fprintf(p, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" fill-opacity="0.7"><title>%s</title></rect>`+"\n",
				from, p.laneAt(n)+2, max(to-from, 2), lane-4, l.colour, html.EscapeString(f.String()))
			return
		}
	}
}
