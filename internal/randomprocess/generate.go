// Package randomprocess writes random processes, in the notation of the engine's
// transcripts, for simulations. It knows nothing of how they are executed.
//
// Start reading at Generate.
package randomprocess

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes random processes in the notation of the transcripts. Blocks
// have one way in and one way out, so that every process can complete.
type generator struct {
	random *rand.Rand
	flows  *strings.Builder // of the scope being written
	nodes  *strings.Builder
	number int
	inside int // nesting of subprocesses
}

// Generate writes a process of a few blocks: chance decides which.
func Generate(random *rand.Rand) string {
	g := &generator{random: random, flows: &strings.Builder{}, nodes: &strings.Builder{}}
	last := g.sequence("start", 1+random.IntN(4), 3)
	g.flow(last, "end")
	return g.nodes.String() + g.flows.String()
}

func (g *generator) id(kind string) string {
	g.number++
	return fmt.Sprintf("%s%d", kind, g.number)
}

func (g *generator) flow(from, to string) { fmt.Fprintf(g.flows, "%s -> %s\n", from, to) }

func (g *generator) flowIf(from, to, condition string) {
	fmt.Fprintf(g.flows, "%s -> %s if %s\n", from, to, condition)
}

func (g *generator) node(id, format string, args ...any) {
	fmt.Fprintf(g.nodes, "%s: %s\n", id, fmt.Sprintf(format, args...))
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func (g *generator) pick(texts ...string) string { return texts[g.random.IntN(len(texts))] }

// sequence adds blocks after a node and returns the last.
func (g *generator) sequence(from string, blocks, depth int) string {
	for range blocks {
		from = g.block(from, depth)
	}
	return from
}

// block adds one block after a node and returns its way out.
func (g *generator) block(from string, depth int) string {
	if depth == 0 {
		return g.task(from)
	}
	switch g.random.IntN(11) {
	case 0:
		return g.parallel(from, depth)
	case 1:
		return g.exclusive(from, depth)
	case 2:
		return g.eventBased(from, depth)
	case 3, 4:
		return g.subprocess(from, depth)
	case 5:
		return g.loop(from, depth)
	case 6:
		return g.event(from)
	}
	return g.task(from)
}

func (g *generator) task(from string) string {
	id := g.id("task")
	attributes := g.pick("", " retries=1", " retries=2 backoff=PT10S", " backoff=PT1S,PT1M")
	attributes += g.pick("", " deadline=PT5M")
	attributes += g.pick("", "", " in.yes=\"= yes\" in.nested.a=\"= key\"")
	attributes += g.pick("", "", " out.result.x=\"= x\"", " out.again=\"= again\"", " out.x=\"= assert(x, x != null)\"")
	switch g.random.IntN(8) {
	case 0:
		g.node(id, "receive message=receive key=\"= key\"%s", g.pick("", " out.got=\"= x\""))
	case 1:
		g.node(id, "script do=\"= %s\" result=x", g.pick("1 + 1", "again", "assert(x, x != null)"))
		g.flow(from, id)
		return id
	case 2:
		g.node(id, "business-rule decision=%s result=x%s", g.pick("rated", "asserted"), g.pick("", " map=singleEntry", " out.x=\"= x\""))
		g.flow(from, id)
		return id
	default:
		g.node(id, "service%s", attributes)
	}
	g.flow(from, id)
	return g.boundaries(id)
}

// boundaries attaches events to an activity; interrupting ones rejoin its way out.
func (g *generator) boundaries(id string) string {
	if g.chance(55) {
		return id
	}
	out := g.id("merge")
	g.node(out, "exclusive")
	g.flow(id, out)
	for range 1 + g.random.IntN(2) {
		b := g.id("boundary")
		switch g.random.IntN(5) {
		case 0:
			g.node(b, "timer-boundary on=%s duration=%s", id, g.pick("PT0S", "PT3M", "PT1H"))
			g.flow(b, out)
		case 1:
			g.node(b, "message-boundary on=%s message=stop key=\"= key\"", id)
			g.flow(b, out)
		case 2:
			g.node(b, "error-boundary on=%s%s", id, g.pick("", " code=a", " code=b code-variable=x"))
			g.flow(b, out)
		case 3:
			g.node(b, "timer-boundary on=%s cycle=R3/PT1M non-interrupting", id)
			g.flow(b, g.id("end-boundary"))
		case 4:
			g.node(b, "message-boundary on=%s message=note key=\"= key\" non-interrupting", id)
			g.flow(g.task(b), g.id("end-boundary"))
		}
	}
	return out
}

func (g *generator) parallel(from string, depth int) string {
	fork, join := g.id("fork"), g.id("join")
	g.node(fork, "parallel")
	g.flow(from, fork)
	for range 2 + g.random.IntN(3) {
		g.flow(g.sequence(fork, g.random.IntN(3), depth-1), join)
	}
	g.node(join, "parallel")
	return join
}

func (g *generator) exclusive(from string, depth int) string {
	split, merge := g.id("choose"), g.id("merge")
	g.node(split, "exclusive")
	g.flow(from, split)
	pass := g.id("pass")
	g.node(pass, "manual")
	// Whatever x has become: an incident here could not be mended from outside where x
	// is a variable of a subprocess.
	g.flowIf(split, pass, g.pick("= yes", "= again", `= string(x) = "1"`))
	g.flow(g.sequence(pass, g.random.IntN(2), depth-1), merge)
	other := g.id("pass")
	g.node(other, "throw")
	fmt.Fprintf(g.flows, "%s -> %s default\n", split, other)
	if g.inside > 0 && g.chance(40) {
		stop := g.id("stop")
		g.node(stop, "%s", g.pick("terminate-end", "error-end code=a"))
		g.flow(other, stop)
	} else {
		g.flow(g.sequence(other, g.random.IntN(2), depth-1), merge)
	}
	g.node(merge, "exclusive")
	return merge
}

func (g *generator) eventBased(from string, depth int) string {
	wait, merge := g.id("wait"), g.id("merge")
	g.node(wait, "event-based")
	g.flow(from, wait)
	for i := range 2 + g.random.IntN(2) {
		event := g.id("event")
		switch {
		case i == 0:
			g.node(event, "timer-catch duration=%s", g.pick("PT1M", "PT0S"))
		case g.chance(50):
			g.node(event, "message-catch message=%s key=\"= key\"", event)
		default:
			g.node(event, "receive message=%s key=\"= key\" out.got=\"= x\"", event)
		}
		g.flow(wait, event)
		g.flow(g.sequence(event, g.random.IntN(2), depth-1), merge)
	}
	g.node(merge, "exclusive")
	return merge
}

func (g *generator) event(from string) string {
	id := g.id("event")
	switch g.random.IntN(3) {
	case 0:
		g.node(id, "message-catch message=go key=\"= key\"")
	case 1:
		g.node(id, "timer-catch duration=%s", g.pick("PT0S", "PT90S", "\"= missing\""))
	case 2:
		g.node(id, "message-throw message=tell key=\"= key\"")
	}
	g.flow(from, id)
	return id
}

// subprocess always has an error boundary event that catches what its error end
// events throw.
func (g *generator) subprocess(from string, depth int) string {
	id := g.id("sub")
	// Nodes and flows belong to the scope in which they are first mentioned.
	flows, nodes := g.flows, g.nodes
	g.flows, g.nodes = &strings.Builder{}, &strings.Builder{}
	g.inside++
	start := g.id("start")
	g.node(start, "start")
	g.flow(g.sequence(start, 1+g.random.IntN(2), depth-1), g.id("end"))
	g.inside--
	contents := g.nodes.String() + g.flows.String()
	g.flows, g.nodes = flows, nodes
	g.node(id, "subprocess%s {\n%s}", g.pick("", " in.x=\"= 1\"", " in.x=\"= 1\" out.taken=\"= x\""), contents)
	g.flow(from, id)
	out, caught := g.id("merge"), g.id("caught")
	g.node(caught, "error-boundary on=%s", id)
	g.node(out, "exclusive")
	g.flow(caught, out)
	g.flow(g.boundaries(id), out)
	return out
}

func (g *generator) loop(from string, depth int) string {
	merge, more, out := g.id("merge"), g.id("more"), g.id("pass")
	g.node(merge, "exclusive")
	g.flow(from, merge)
	// A task in the loop lets a worker end it.
	work := g.id("task")
	g.node(work, "service")
	g.flow(merge, work)
	g.flow(g.sequence(work, g.random.IntN(2), depth-1), more)
	g.node(more, "exclusive")
	g.flowIf(more, merge, "= again")
	fmt.Fprintf(g.flows, "%s -> %s default\n", more, out)
	g.node(out, "manual")
	return out
}
