package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/internal/chaos/load"
	"github.com/barnabas-project/barnabas/internal/chaos/worker"
)

// noon is when the hand-made books begin; a step is a second.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func second(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// books are hand-made: tests change them before they are compared.
type books struct {
	sent     []load.Sent
	faults   []span
	turmoils []load.Turmoil
	status   []statusRecord
	commands []Command
	results  []string
	effects  []worker.Effect
	history  []statusRecord
	dead     []string
}

// statusRecord is a status record by what tests want to change of it.
type statusRecord struct {
	instance, process, key, state string
	sequence                      int
	events                        []map[string]any
	at, published                 time.Time
}

func (s statusRecord) value() []byte {
	text, err := json.Marshal(map[string]any{"instanceId": s.instance, "processId": s.process, "businessKey": s.key, "state": s.state,
		"sequence": s.sequence, "events": s.events, "time": s.at})
	if err != nil {
		panic(err)
	}
	return text
}

func instanceID(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// step adds a status record and its step of history.
func (b *books) step(instance int, process, key, state string, events ...map[string]any) {
	sequence := 1
	for _, s := range b.status {
		if s.instance == instanceID(instance) {
			sequence++
		}
	}
	s := statusRecord{instanceID(instance), process, key, state, sequence, events, second(sequence), second(sequence)}
	b.status, b.history = append(b.status, s), append(b.history, s)
}

func happened(kind, element string, key int, more ...any) map[string]any {
	e := map[string]any{"type": kind, "element": element, "key": key, "attempt": 1}
	for n := 0; n < len(more); n += 2 {
		e[more[n].(string)] = more[n+1]
	}
	return e
}

// task adds a command, what the worker did, and its result.
func (b *books) task(instance, key int, element, value, did string, hop int) {
	id := fmt.Sprintf("%s.0.%d.1", instanceID(instance), key)
	b.commands = append(b.commands, Command{Topic: "barnabas.task.x", Offset: int64(len(b.commands)), CorrelationID: id, Value: []byte(value)})
	b.effects = append(b.effects, worker.Effect{At: second(key), Worker: "go-1", Process: 1, CorrelationID: id, Attempt: 1, Element: element, Did: did, Hop: hop})
	b.results = append(b.results, id)
}

// clean are books in which all is right: a chain of three hops, a timer, a fan
// and a race.
func clean() *books {
	b := &books{}
	b.sent = []load.Sent{
		{ID: "echo-begun:chain", Key: "chain", Process: load.Echo}, {ID: "timer-begun:t", Key: "t", Process: load.Timer},
		{ID: "fan-begun:f", Key: "f", Process: load.Fan},
		{ID: "race-begun:r", Key: "r", Process: load.Race}, {ID: "race-one:r", Key: "r"}, {ID: "race-two:r", Key: "r"},
	}
	b.step(1, load.Echo, "chain", "active", happened("task-sent", "go", 1))
	b.step(1, load.Echo, "chain", "active", happened("task-completed", "go", 1), happened("task-sent", "go", 2))
	b.step(1, load.Echo, "chain", "active", happened("task-completed", "go", 2), happened("task-sent", "go", 3))
	b.step(1, load.Echo, "chain", "completed", happened("task-completed", "go", 3))
	for hop := range 3 {
		b.task(1, hop+1, "go", fmt.Sprintf(`{"hop":%d}`, hop), "hop", hop+1)
	}
	b.step(2, load.Timer, "t", "active", happened("timer-scheduled", "wait", 1, "due", second(2)))
	b.step(2, load.Timer, "t", "active", happened("timer-fired", "wait", 1, "due", second(2)), happened("task-sent", "stamp", 2))
	b.step(2, load.Timer, "t", "completed", happened("task-completed", "stamp", 2))
	b.task(2, 2, "stamp", `{}`, "step", 0)
	b.step(3, load.Fan, "f", "active", happened("task-sent", "a", 1), happened("task-sent", "b", 2), happened("task-sent", "c", 3))
	b.step(3, load.Fan, "f", "active", happened("task-completed", "a", 1), happened("task-completed", "b", 2), happened("task-completed", "c", 3), happened("task-sent", "gather", 4))
	b.step(3, load.Fan, "f", "completed", happened("task-completed", "gather", 4))
	for n, element := range []string{"a", "b", "c"} {
		b.task(3, n+1, element, `{}`, "step", 0)
	}
	b.task(3, 4, "gather", `{}`, "a b c", 0)
	b.step(4, load.Race, "r", "active", happened("message-correlated", "one", 1, "messageId", "race-one:r"))
	b.step(4, load.Race, "r", "active", happened("message-correlated", "two", 2, "messageId", "race-two:r"), happened("task-sent", "settle", 3))
	b.step(4, load.Race, "r", "completed", happened("task-completed", "settle", 3))
	b.task(4, 3, "settle", `{}`, "step", 0)
	return b
}

func (b *books) judge() Verdict {
	c := NewChecker(b.sent)
	for _, f := range b.faults {
		c.Fault(f.began, f.ended)
	}
	for _, t := range b.turmoils {
		c.Turmoil(t)
	}
	for _, s := range b.status {
		c.Status(s.value(), s.published)
	}
	for _, command := range b.commands {
		c.Command(command)
	}
	for _, r := range b.results {
		c.Result(r)
	}
	for _, e := range b.effects {
		c.Effect(e)
	}
	for _, h := range b.history {
		events, _ := json.Marshal(h.events)
		c.Step(h.instance, h.sequence, events)
	}
	for _, d := range b.dead {
		c.Other("barnabas.results.dlq", true, []byte(d))
	}
	return c.Judge()
}

func TestBooksThatAgreeGiveNoFinding(t *testing.T) {
	t.Parallel()
	v := clean().judge()
	require.Empty(t, v.Findings)
	require.Equal(t, 3, v.Figures.Hops)
	require.Equal(t, 4, v.Figures.Completed)
	require.Equal(t, 3, v.PerSecond[second(1).Unix()]+v.PerSecond[second(2).Unix()]+v.PerSecond[second(3).Unix()])
}

// TestWhatAtLeastOnceAllows repeats what may be repeated.
func TestWhatAtLeastOnceAllows(t *testing.T) {
	t.Parallel()
	b := clean()
	b.status = append(b.status, b.status[0])
	again := b.commands[0]
	again.Offset = 100
	b.commands = append(b.commands, again)
	b.results = append(b.results, b.results[0])
	b.effects = append(b.effects, b.effects[0]) // its command is there twice
	b.effects = append(b.effects, later(b.effects[1], 10))
	b.faults = []span{{second(5), second(6)}}
	v := b.judge()
	require.Empty(t, v.Findings)
	require.Equal(t, []int{1, 1, 1, 2}, []int{v.Figures.StatusAgain, v.Figures.CommandsAgain, v.Figures.ResultsAgain, v.Figures.EffectsAgain})
	require.Zero(t, v.Figures.EffectsByTurmoil)

	b.faults, b.turmoils = nil, []load.Turmoil{{Began: second(5), Ended: second(6)}}
	v = b.judge()
	require.Empty(t, v.Findings)
	require.Equal(t, 1, v.Figures.EffectsByTurmoil)
}

func later(e worker.Effect, seconds int) worker.Effect {
	e.At = e.At.Add(time.Duration(seconds) * time.Second)
	return e
}

func remove[T any](list []T, n int) []T { return append(list[:n:n], list[n+1:]...) }

// insert puts a record of status where it does not belong.
func insert(b *books, sequence int, events ...map[string]any) {
	b.status = append(b.status, statusRecord{instanceID(1), load.Echo, "chain", "active", sequence, events, second(9), second(9)})
}

func TestEveryViolationIsFound(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		kind  Kind
		spoil func(*books)
		says  string
	}{
		{"status record missing", Lost, func(b *books) { b.status = remove(b.status, 1) }, "sequence 2 is not in the status topic"},
		{"last status record missing", Waiting, func(b *books) { b.status = remove(b.status, 3); b.history = remove(b.history, 3) }, "echo chain: active"},
		{"task command missing", Lost, func(b *books) { b.commands = remove(b.commands, 1) }, "the task command is not in Kafka"},
		{"hop without side effect", Lost, func(b *books) { b.effects = remove(b.effects, 1) }, "no worker did hop 2"},
		{"answer without side effect", Lost, func(b *books) { b.effects = remove(b.effects, 4) }, "a result without the side effect"},
		{"history misses a step", Lost, func(b *books) { b.history = remove(b.history, 2) }, "history has 3 of 4 steps"},
		{"start without effect", Lost, func(b *books) { b.sent = append(b.sent, load.Sent{ID: "x", Key: "x", Process: load.Fan}) }, "message x started nothing"},
		{"branch never ran", Lost, func(b *books) {
			b.status[8].events, b.history[8].events = b.status[8].events[1:], b.history[8].events[1:]
		}, "task a: 0 instead of 1"},
		{"join misses a branch", Lost, func(b *books) { b.effects[7].Did = "a c" }, `has the variables "a c" only`},
		{"race ends without a message", Lost, func(b *books) {
			b.status[10].events, b.history[10].events = []map[string]any{}, []map[string]any{}
		}, "without message race-one"},
		{"instance twice", Doubled, func(b *books) { b.step(9, load.Timer, "t", "active") }, "message timer-begun:t started 2 instances"},
		{"step after the end", Doubled, func(b *books) { insert(b, 5) }, "sequence 5 after its end"},
		{"task completed twice", Doubled, func(b *books) {
			b.status[3].events = append(b.status[3].events, happened("task-completed", "go", 2))
		}, "completed 2 times"},
		{"task sent twice", Doubled, func(b *books) { b.status[3].events = append(b.status[3].events, happened("task-sent", "go", 2)) }, "was sent twice"},
		{"message taken twice", Doubled, func(b *books) {
			b.status[11].events = append(b.status[11].events, happened("message-correlated", "one", 1, "messageId", "race-one:r"))
		}, "message race-one:r was correlated 2 times"},
		{"work repeated without a fault", Doubled, func(b *books) { b.effects = append(b.effects, later(b.effects[1], 5)) }, "no fault explains it"},
		{"work repeated long after a fault", Doubled, func(b *books) {
			b.effects = append(b.effects, later(b.effects[1], 500))
			b.faults = []span{{second(-100), second(-90)}}
		}, "no fault explains it"},
		{"chain with two next hops", Forked, func(b *books) { b.task(1, 7, "go", `{"hop":1}`, "hop", 2) }, "hop 2 was sent as"},
		{"command that status does not tell of", Forked, func(b *books) { b.task(3, 9, "a", `{}`, "step", 0) }, "no status record tells of"},
		{"sequence told in two ways", Forked, func(b *books) { insert(b, 2, happened("task-sent", "go", 9)) }, "published twice with different events"},
		{"command copied with other contents", Forked, func(b *books) {
			c := b.commands[0]
			c.Offset, c.Value = 100, []byte(`{"hop":0,"x":1}`)
			b.commands = append(b.commands, c)
		}, "published twice with different contents"},
		{"completed without a result", Forked, func(b *books) { b.results = remove(b.results, 0) }, "ended without a result"},
		{"history tells another story", Forked, func(b *books) { b.history[1].events = nil }, "history tells another sequence 2"},
		{"history knows more", Forked, func(b *books) { b.history = append(b.history, statusRecord{instance: instanceID(1), sequence: 9}) }, "history has sequence 9"},
		{"work nobody asked for", Forked, func(b *books) {
			b.effects = append(b.effects, worker.Effect{CorrelationID: instanceID(1) + ".0.8.1"})
		}, "without a task command"},
		{"instance nobody started", Forked, func(b *books) { b.step(9, load.Timer, "unknown", "active") }, "1 instances that no message started"},
		{"hop follows an open hop", Forked, func(b *books) { b.status[1].events = b.status[1].events[1:]; b.history[1] = b.status[1] }, "follows hop 1, which was not completed"},
		{"work done twice differently", Forked, func(b *books) {
			e := later(b.effects[1], 1)
			e.Did, b.faults = "else", []span{{second(1), second(2)}}
			b.effects = append(b.effects, e)
		}, "was done twice, differently"},
		{"status out of order", Reordered, func(b *books) { b.status[1], b.status[2] = b.status[2], b.status[1] }, "sequence 2 was published after 3"},
		{"commands out of order", Reordered, func(b *books) { b.commands[0].Offset, b.commands[1].Offset = 1, 0 }, "is before command"},
		{"commands on two partitions", Reordered, func(b *books) { b.commands[1].Partition = 3 }, "commands on partitions 0 and 3"},
		{"timer early by the engine's clock", Early, func(b *books) { b.status[5].at = second(1) }, "timer wait due"},
		{"timer early by Kafka's clock", Early, func(b *books) { b.status[5].published = second(1) }, "timer wait due"},
		{"timer early by the worker's clock", Early, func(b *books) { b.effects[3].At = second(1) }, "a worker was asked at"},
		{"retry early", Early, func(b *books) {
			b.status[2].events = append(b.status[2].events, happened("task-failed", "go", 2, "retryAt", second(100)))
			b.status[3].events = append(b.status[3].events, happened("task-sent", "go", 2, "attempt", 2))
		}, "was tried again at"},
		{"instance waits", Waiting, func(b *books) { b.status[9].state = "active" }, "fan f: active"},
		{"incident", Defect, func(b *books) {
			b.status[0].events = append(b.status[0].events, happened("incident-raised", "go", 1, "kind", "expression"))
		}, "incident expression"},
		{"dead letter", Defect, func(b *books) { b.dead = append(b.dead, "oops") }, "dead letter in barnabas.results.dlq: oops"},
		{"parked", Defect, func(b *books) { b.status[0].state = "parked" }, "was parked"},
		{"cancelled", Defect, func(b *books) { b.status[9].state = "cancelled" }, "fan f: cancelled"},
		{"not a status record", Defect, func(b *books) { b.status = append(b.status, statusRecord{}) }, "can't be read"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := clean()
			c.spoil(b)
			require.True(t, tells(b.judge().Findings, c.kind, c.says), "want %s: %s; got %v", c.kind, c.says, b.judge().Findings)
		})
	}
}

func tells(findings []Finding, k Kind, text string) bool {
	for _, f := range findings {
		if f.Kind == k && strings.Contains(f.What, text) {
			return true
		}
	}
	return false
}

func TestPathsOfClaimsAndInterrupts(t *testing.T) {
	t.Parallel()
	claim := func(verdict string, completed, failed, thrown times) []Finding {
		return wrong(load.Sent{Process: load.Claim, Verdict: verdict}, &instance{completed: completed, failed: failed, thrown: thrown})
	}
	require.Empty(t, claim("pay", times{"judge": 1, "pay": 1}, nil, nil))
	require.Empty(t, claim("refuse", times{"compensate": 1}, nil, times{"judge": 1}))
	require.Empty(t, claim("flaky", times{"judge": 1, "pay": 1}, times{"judge": 2}, nil))
	require.True(t, tells(claim("refuse", times{"judge": 1, "pay": 1}, nil, nil), Doubled, "task pay"))
	require.True(t, tells(claim("flaky", times{"judge": 1, "pay": 1}, nil, nil), Lost, "failed attempt judge"))

	interrupt := func(completed, fired times) []Finding {
		return wrong(load.Sent{Process: load.Interrupt}, &instance{completed: completed, fired: fired})
	}
	require.Empty(t, interrupt(times{"hold": 1, "keep": 1}, nil))
	require.Empty(t, interrupt(times{"undo": 1}, nil))
	require.Empty(t, interrupt(times{"escalate": 1}, times{"overdue": 1}))
	require.True(t, tells(interrupt(times{"hold": 1, "keep": 1, "undo": 1}, nil), Doubled, "hold"), "the answer and the message both won")
	require.True(t, tells(interrupt(times{"hold": 1, "keep": 1}, times{"overdue": 1}), Lost, "escalate"), "the timer fired and nothing came of it")
	require.True(t, tells(interrupt(times{}, nil), Lost, "keep"))
}

func TestALineTornByAKillIsLeftOut(t *testing.T) {
	t.Parallel()
	c := NewChecker(nil)
	require.NoError(t, c.effects(strings.NewReader(`{"at":"2026-11-21T12:00:00Z","correlationId":"`+instanceID(1)+`.0.1.1"}`+"\n"+`{"at":"20`)))
	require.Equal(t, 1, c.figures.Effects)
	require.ErrorContains(t, c.effects(strings.NewReader("no json\n")), "no json")
}
