package ledger

import (
	"fmt"

	"github.com/barnabas-project/barnabas/internal/chaos/load"
)

// judgePath wants an instance to have ended by the way its process allows.
func (c *Checker) judgePath(m load.Sent, i *instance) {
	switch i.state {
	case "completed":
	case "active", "parked":
		c.find(Waiting, "%s %s: %s, with sequence %d", i.process, i.key, i.state, len(i.steps))
		return
	default:
		c.find(Defect, "%s %s: %s", i.process, i.key, i.state)
		return
	}
	if m.Process == load.Race {
		for _, name := range []string{"race-one", "race-two"} {
			if c.messages[name+":"+m.Key+" message-correlated"] == 0 {
				c.find(Lost, "race %s completed without message %s", m.Key, name)
			}
		}
	}
	for _, problem := range wrong(m, i) {
		c.find(problem.Kind, "%s %s: %s", i.process, i.key, problem.What)
	}
}

// times is how often tasks of an element must have been completed.
type times map[string]int

// wrong says what is wrong with the way of a completed instance.
func wrong(m load.Sent, i *instance) []Finding {
	switch m.Process {
	case load.Timer:
		return append(compare("timer", times{"wait": 1}, i.fired), compare("task", times{"stamp": 1}, i.completed)...)
	case load.Fan:
		return compare("task", times{"a": 1, "b": 1, "c": 1, "gather": 1}, i.completed)
	case load.Race:
		return compare("task", times{"settle": 1}, i.completed)
	case load.Claim:
		return wrongClaim(m.Verdict, i)
	case load.Interrupt:
		return wrongInterrupt(i)
	}
	return nil
}

func wrongClaim(verdict string, i *instance) []Finding {
	tasks, failed, thrown := times{"judge": 1, "pay": 1}, times{}, times{}
	switch verdict {
	case "refuse":
		tasks, thrown = times{"compensate": 1}, times{"judge": 1}
	case "flaky":
		failed = times{"judge": 2}
	}
	all := compare("task", tasks, i.completed)
	all = append(all, compare("failed attempt", failed, i.failed)...)
	return append(all, compare("BPMN error", thrown, i.thrown)...)
}

// wrongInterrupt wants exactly one of three ways: the answer, the message or the
// timer came first.
func wrongInterrupt(i *instance) []Finding {
	want := times{"hold": 1, "keep": 1}
	switch {
	case i.completed["undo"] > 0:
		want = times{"undo": 1}
	case i.completed["escalate"] > 0 || i.fired["overdue"] > 0:
		want = times{"escalate": 1}
	}
	return compare("task", want, i.completed)
}

// compare tells of too few and too many.
func compare(what string, want times, got map[string]int) (all []Finding) {
	for element, n := range want {
		if got[element] < n {
			all = append(all, Finding{Lost, fmt.Sprintf("%s %s: %d instead of %d times", what, element, got[element], n)})
		}
	}
	for element, n := range got {
		if n > want[element] {
			all = append(all, Finding{Doubled, fmt.Sprintf("%s %s: %d instead of %d times", what, element, n, want[element])})
		}
	}
	return all
}
