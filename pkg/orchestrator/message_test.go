package orchestrator

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// noted: message "order" → task "work", with a boundary event "note" (key = orderId) that lets it go on.
const noted = bpmnHead + `
  <bpmn:message id="m_order" name="order"/>
  <bpmn:message id="m_note" name="note"><bpmn:extensionElements><zeebe:subscription correlationKey="=orderId"/></bpmn:extensionElements></bpmn:message>
  <bpmn:process id="noted" isExecutable="true">
    <bpmn:startEvent id="start"><bpmn:outgoing>f1</bpmn:outgoing><bpmn:messageEventDefinition id="med" messageRef="m_order"/></bpmn:startEvent>
    <bpmn:serviceTask id="work"><bpmn:extensionElements><zeebe:taskDefinition type="work"/></bpmn:extensionElements>
      <bpmn:incoming>f1</bpmn:incoming><bpmn:outgoing>f2</bpmn:outgoing></bpmn:serviceTask>
    <bpmn:boundaryEvent id="note" attachedToRef="work" cancelActivity="false"><bpmn:outgoing>f3</bpmn:outgoing>
      <bpmn:messageEventDefinition id="med2" messageRef="m_note"/></bpmn:boundaryEvent>
    <bpmn:endEvent id="end"><bpmn:incoming>f2</bpmn:incoming></bpmn:endEvent>
    <bpmn:endEvent id="noted-end"><bpmn:incoming>f3</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="f1" sourceRef="start" targetRef="work"/>
    <bpmn:sequenceFlow id="f2" sourceRef="work" targetRef="end"/>
    <bpmn:sequenceFlow id="f3" sourceRef="note" targetRef="noted-end"/>
  </bpmn:process>
</bpmn:definitions>`

// waitsForPayment starts an instance at home 0 that waits for the payment of o1.
func (f *fixture) waitsForPayment() {
	f.t.Helper()
	f.deploy(waiting)
	f.produce(0, f.message("order", "o1", "", `{"orderId":"o1"}`))
	f.produce(0, f.reply(f.commands(1, "work")[0], `{}`, nil))
	require.Equal(f.t, map[string]int{"applied": 2}, f.ends(2))
}

// controls waits for n control records.
func (f *fixture) controls(n int) []wire.Record {
	f.t.Helper()
	return f.await(n, "control records", func(r wire.Record) bool { return r.Topic == f.topics.control })
}

// A message is decided at one home while a subscription opens at another: whichever way the row they share is written, the one that
// commits second sees the other. What TestInvariant4NoLostWakeUp meets by chance.
func TestSubscriptionOpenedDuringADecisionIsSeen(t *testing.T) {
	t.Parallel()
	for waitingBefore, write := range []string{"the message inserts the row", "removes it", "updates it"} {
		t.Run(write, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			f.deploy(waiting)
			for range waitingBefore + 1 {
				f.produce(0, f.message("order", "o1", "", `{"orderId":"o1"}`))
			}
			cmds := f.commands(waitingBefore+1, "work")
			for _, cmd := range cmds[:waitingBefore] {
				f.produce(0, f.reply(cmd, `{}`, nil))
			}
			f.ends(2*waitingBefore + 1)
			committing, letGo := f.held()
			f.produce(1, f.message("payment", "o1", "", `{}`))
			<-committing
			f.produce(0, f.reply(cmds[waitingBefore], `{}`, nil))
			f.ends(2*waitingBefore + 2)
			letGo()
			for range waitingBefore {
				f.produce(1, f.message("payment", "o1", "", `{}`))
			}
			f.carryControl(waitingBefore+1, "completed")
		})
	}
}

// The message is marked where it arrived, its delivery where the instance is; Kafka may bring either twice.
func TestDeliveryHasAMarkOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.waitsForPayment()
	f.produce(1, f.message("payment", "o1", "p1", `{}`))
	delivery := f.controls(1)[0]
	f.produce(0, delivery, delivery)
	f.statuses(1, "completed")
	f.produce(0, delivery)
	f.produce(1, f.message("payment", "o1", "p1", `{}`))
	require.Equal(t, map[string]int{"applied": 3, "forwarded": 1, "duplicate": 3}, f.ends(7))
	require.Zero(t, f.count(`SELECT count(*) FROM correlation`), "no copy waits for another instance")
}

// A message without an id is not idempotent: two are two, wherever they arrive.
func TestMessagesWithoutIDAreNotTakenForEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.deploy(noted)
	f.produce(0, f.message("order", "o1", "", `{"orderId":"o1"}`))
	f.commands(1, "work")
	f.produce(1, f.message("note", "o1", "", `{"n":1}`), f.message("note", "o1", "", `{"n":2}`))
	deliveries := f.controls(2)
	f.produce(0, deliveries...)
	f.produce(0, deliveries...) // Kafka may bring them twice all the same
	require.Equal(t, map[string]int{"applied": 3, "forwarded": 2, "duplicate": 2}, f.ends(7))
}

// A delivery that was kept for a parked instance comes back as the same record, and is no duplicate of itself.
func TestDeliveryIsNotLostByParking(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	var mended atomic.Bool
	f.engine = func(p *bpmn.Process, s *engine.State, in engine.Input, known engine.Decisions) (engine.Outcome, error) {
		if _, is := in.(engine.MessageReceived); is && !mended.Load() {
			return engine.Outcome{}, errors.New("a defect")
		}
		return engine.DecideWith(p, s, in, known)
	}
	f.waitsForPayment()
	f.produce(1, f.message("payment", "o1", "p1", `{}`))
	delivery := f.controls(1)[0]
	f.produce(0, delivery)
	id, ok := wire.ParseUUID([]byte(f.statuses(1, "parked")[0].InstanceID))
	require.True(t, ok)
	mended.Store(true)
	_, err := f.Resolve(t.Context(), ResolveRequest{Instance: id})
	require.NoError(t, err)
	f.produce(0, f.controls(2)[1])
	f.statuses(1, "completed")
	f.produce(0, delivery)
	require.Equal(t, 1, f.ends(6)["duplicate"])
}

func TestExpiredMessageIsNotDelivered(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	f := newFixture(t, 2, func(c *Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	f.deploy(waiting)
	f.produce(0, f.message("order", "o1", "", `{"orderId":"o1"}`))
	cmd := f.commands(1, "work")[0]
	// At the other home, which will not have swept it when the instance asks.
	f.produce(1, record(f.topics.messages, "o1", `{}`, headers{wire.HeaderMessageName: "payment", wire.HeaderTTL: "PT10M"}))
	require.Equal(t, map[string]int{"applied": 1, "buffered": 1}, f.ends(2))
	ahead.Store(int64(11 * time.Minute))
	f.produce(0, f.reply(cmd, `{}`, nil))
	require.Equal(t, map[string]int{"applied": 2, "buffered": 1}, f.ends(3))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM instance`), "it waits for a message that is valid")
	f.produce(0, f.message("payment", "o1", "", `{}`))
	f.statuses(1, "completed")
}

func TestMessagesAreBufferedUpToALimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(waiting)
	messages := make([]wire.Record, maxBufferedMessages+1)
	for i := range messages {
		messages[i] = f.message("payment", "o1", "", `{}`)
	}
	f.produce(0, messages...)
	require.Equal(t, map[string]int{"buffered": maxBufferedMessages, "dead-lettered": 1}, f.ends(len(messages)))
	require.Equal(t, "buffer-full", header(f.deadLetters(1)[0], wire.HeaderDLQClass))
}

// A subscription that stays takes every message that waited for it, not only the oldest.
func TestSubscriptionThatStaysTakesAllThatWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(noted)
	f.produce(0, f.message("note", "o1", "n1", `{}`), f.message("note", "o1", "n2", `{}`))
	require.Equal(t, map[string]int{"buffered": 2}, f.ends(2))
	f.produce(0, f.message("order", "o1", "", `{"orderId":"o1"}`))
	f.until("both notes are delivered and none waits", func() bool {
		waiting := f.count(`SELECT count(*) FROM correlation WHERE next_expiry IS NOT NULL`)
		return waiting == 0 && len(f.statuses(1, "")) == 3
	})
}

// A message for two processes comes back from one of them, which has stopped waiting: it is not started again by the other.
func TestMessageThatComesBackIsNotGivenToOthersAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.waitsForPayment()
	f.deploy(strings.ReplaceAll(strings.ReplaceAll(oneTask, `name="order"`, `name="payment"`), `id="one-task"`, `id="paid"`))
	f.produce(1, f.message("payment", "o1", "p1", `{}`))
	delivery := f.controls(1)[0]
	require.Equal(t, "waiting", header(delivery, wire.HeaderProcessID))
	f.commands(2, "work") // that of the process the payment starts
	_, err := f.Cancel(t.Context(), f.statuses(1, "")[0].id(t), "gave up")
	require.NoError(t, err)
	f.produce(0, delivery)
	require.Equal(t, 1, f.ends(4)["late"])
	require.Len(t, f.commands(2, "work"), 2, "the payment starts one instance")
}

func (s status) id(t *testing.T) engine.InstanceID {
	t.Helper()
	id, err := uuid.Parse(s.InstanceID)
	require.NoError(t, err)
	return engine.InstanceID(id)
}
