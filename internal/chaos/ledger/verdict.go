package ledger

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/load"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Verdict is what came of it.
type Verdict struct {
	Figures  Figures
	Findings []Finding
	// PerSecond is how many hops workers did, by Unix time.
	PerSecond map[int64]int
}

// Judge compares the books. History must have been noted after status.
func (c *Checker) Judge() Verdict {
	for _, id := range slices.Sorted(maps.Keys(c.instances)) {
		c.judgeSteps(c.instances[id])
	}
	c.judgeTasks()
	for _, id := range slices.Sorted(maps.Keys(c.chains)) {
		c.judgeChain(id)
	}
	c.judgeSent()
	for _, r := range c.repeats {
		c.judgeRepeat(r)
	}
	c.figures.TimerLatenessP50 = Millis(quantile(c.lateness, 0.5))
	c.figures.TimerLatenessMost = Millis(quantile(c.lateness, 1))
	return Verdict{Figures: c.figures, Findings: c.findings, PerSecond: c.perSecond}
}

// judgeSteps wants an instance's sequence without gaps, all of it in history.
func (c *Checker) judgeSteps(i *instance) {
	c.figures.Instances++
	if i.state == "completed" {
		c.figures.Completed++
	}
	known := 0
	for n, hash := range i.steps {
		if hash == 0 {
			c.find(Lost, "%s %s: sequence %d is not in the status topic", i.process, i.key, n+1)
			continue
		}
		known++
	}
	switch {
	case i.history < known:
		c.find(Lost, "%s %s: history has %d of %d steps", i.process, i.key, i.history, known)
	case i.history > known:
		c.find(Doubled, "%s %s: history has %d steps, there were %d", i.process, i.key, i.history, known)
	}
	if i.process == load.Echo {
		for _, n := range i.completed {
			c.figures.Hops += n
		}
	}
}

// judgeTasks wants for every attempt the same story from all books.
func (c *Checker) judgeTasks() {
	sent := make(map[[16]byte][]*attempt)
	for t, a := range c.tasks {
		c.judgeAttempt(t, a)
		if a.sentAs > 0 && a.commands > 0 {
			sent[t.instance] = append(sent[t.instance], a)
		}
	}
	for id, attempts := range sent {
		c.judgeOrder(id, attempts)
	}
}

func (c *Checker) judgeAttempt(t task, a *attempt) {
	name := c.name(t, a)
	switch {
	case a.sentAs > 0 && a.commands == 0:
		c.find(Lost, "%s: the task command is not in Kafka", name)
	case a.sentAs == 0 && a.commands > 0:
		c.find(Forked, "%s: a task command that no status record tells of", name)
	case a.commands == 0:
		c.find(Forked, "%s: %d results and %d side effects without a task command", name, a.results, a.effects)
		return
	}
	if a.completed > 1 {
		c.find(Doubled, "%s: completed %d times", name, a.completed)
	}
	if a.completed+a.failed > 0 && a.results == 0 {
		c.find(Forked, "%s: ended without a result", name)
	}
	if a.results > 0 && a.effects == 0 {
		c.find(Lost, "%s: a result without the side effect", name)
	}
	if a.sentAs > 0 && a.completed+a.failed == 0 && a.element == "hold" {
		c.figures.Interrupted++
	}
	i := c.instances[string(wire.AppendUUID(nil, t.instance))]
	if i != nil && a.element == "stamp" && a.effects > 0 && a.firstDone.Before(i.due) {
		c.find(Early, "%s: a worker was asked at %s for what is due %s", name, a.firstDone, i.due)
	}
	if a.element == "gather" && a.effects > 0 && a.did != "a b c" {
		c.find(Lost, "%s: the joined token has the variables %q only, want a b c", name, a.did)
	}
}

// judgeOrder wants first appearances of an instance's commands on a topic in the
// order they were sent in.
func (c *Checker) judgeOrder(id [16]byte, attempts []*attempt) {
	slices.SortFunc(attempts, func(a, b *attempt) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
	})
	for n := 1; n < len(attempts); n++ {
		a, b := attempts[n-1], attempts[n]
		if a.topic != b.topic {
			continue
		}
		if a.partition != b.partition {
			c.find(Reordered, "instance %s: commands on partitions %d and %d of %s", wire.AppendUUID(nil, id), a.partition, b.partition, a.topic)
		} else if a.sentAs > b.sentAs {
			c.find(Reordered, "instance %s: command %d on %s at offset %d is before command %d", wire.AppendUUID(nil, id), a.sentAs, a.topic, a.offset, b.sentAs)
		}
	}
}

// judgeChain wants a command, an answer and a side effect for every hop up to the last.
func (c *Checker) judgeChain(id string) {
	c.figures.Chains++
	for n, t := range c.chains[id].hops {
		if t == (task{}) {
			c.find(Lost, "chain of %s: hop %d was never sent", id, n+1)
			continue
		}
		a := c.tasks[t]
		switch {
		case a.effects == 0:
			c.find(Lost, "chain of %s: no worker did hop %d", id, n+1)
		case a.completed == 0 && n+1 < len(c.chains[id].hops):
			c.find(Forked, "chain of %s: hop %d follows hop %d, which was not completed", id, n+2, n+1)
		}
	}
}

// redelivery is how long after a fault work may still be done again because of
// it: sessions that ended must be noticed, partitions handed over.
const redelivery = 20 * time.Second

// judgeRepeat wants a reason for work done twice: the command was published
// twice, or between the two something was broken, or the group was not stable.
func (c *Checker) judgeRepeat(r repeat) {
	if c.tasks[r.task].commands > 1 {
		return
	}
	if within(c.faults, r) {
		return
	}
	if within(c.turmoils, r) {
		c.figures.EffectsByTurmoil++
		return
	}
	c.find(Doubled, "%s: done at %s and again at %s by %s, and no fault explains it", c.name(r.task, c.tasks[r.task]), r.first, r.again, r.process)
}

// within says whether one of the spans explains work done again.
func within(spans []span, r repeat) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.began.Before(r.again) && s.ended.Add(redelivery).After(r.first) })
}

// judgeSent wants what was sent to have had its effect, once.
func (c *Checker) judgeSent() {
	byKey := make(map[string][]*instance)
	for _, i := range c.instances {
		byKey[i.process+" "+i.key] = append(byKey[i.process+" "+i.key], i)
	}
	started := 0
	for _, m := range c.sent {
		c.figures.Messages++
		taken := c.messages[m.ID+" message-correlated"]
		c.figures.MessagesTaken += taken
		if taken > 1 {
			c.find(Doubled, "message %s was correlated %d times", m.ID, taken)
		}
		if m.Process == "" {
			continue
		}
		instances := byKey[m.Process+" "+m.Key]
		started += len(instances)
		switch {
		case len(instances) == 0:
			c.find(Lost, "message %s started nothing", m.ID)
		case len(instances) > 1:
			c.find(Doubled, "message %s started %d instances", m.ID, len(instances))
		default:
			c.judgePath(m, instances[0])
		}
	}
	if started < len(c.instances) {
		c.find(Forked, "%d instances that no message started", len(c.instances)-started)
	}
}

// name says which attempt it is.
func (c *Checker) name(t task, a *attempt) string {
	id := string(wire.AppendUUID(nil, t.instance))
	if i := c.instances[id]; i != nil {
		id = i.process + " " + i.key + " (" + id + ")"
	}
	return cmp.Or(a.element, "task") + " of " + id + " " + wire.CorrelationID{Instance: t.instance, Task: t.key, Attempt: t.attempt}.String()[36:]
}
