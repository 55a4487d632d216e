package sim

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"hash/fnv"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// checker keeps books of its own on all that is committed and published, and
// says at once when they can't be right.
type checker struct {
	w         *World
	owners    map[int32]*process // of homes, by the last claim
	positions map[topicPartition]int64
	decided   map[decisionKey]*decision
	books     map[engine.InstanceID]*book
	records   map[uint64]*outgoing // committed, by their contents
	effective map[string]int       // messages that had an effect, by id and process
	echoes    int                  // instances of the process echo
	ended     int
}

// decision is what the engine decided for an instance, perhaps to be taken back.
type decision struct {
	process *bpmn.Process
	id      engine.Identity
	in      engine.Input
	events  []engine.Event
}

type decisionKey struct {
	p        *process
	id       engine.InstanceID
	sequence uint64
}

// book is what is known of an instance.
type book struct {
	process  *bpmn.Process
	fold     *engine.State // of the committed events
	attempts map[engine.Key]uint32
	open     map[engine.Key]bool // tasks that a worker has
	sent     map[string]int      // commands, by correlation id; 1: to be sent, 2: sent
	statuses []uint64            // hashes of those published, by sequence
}

type outgoing struct{ committed, published int }

func newChecker(w *World) *checker {
	return &checker{
		w: w, owners: make(map[int32]*process), positions: make(map[topicPartition]int64),
		decided: make(map[decisionKey]*decision), books: make(map[engine.InstanceID]*book),
		records: make(map[uint64]*outgoing), effective: make(map[string]int),
	}
}

// claimed notes the owner of a home.
func (c *checker) claimed(home int32, p *process) { c.owners[home] = p }

// decide is the engine as the processes have it: what it decides is noted, and
// sometimes it fails.
func (p *process) decide(process *bpmn.Process, s *engine.State, in engine.Input, decisions engine.Decisions) (engine.Outcome, error) {
	c := p.w.check
	if p.w.defective(s, in) {
		return engine.Outcome{}, errDefect
	}
	due, any := s.NextDue()
	given := in
	if r, is := in.(engine.TaskResult); is && p.w.cfg.IgnoreAttempt {
		r.Attempt = c.currentAttempt(s, r)
		given = r
	}
	out, err := engine.DecideWith(process, s, given, decisions)
	if err != nil || out.Rejection != nil {
		if err != nil {
			p.w.fail("the engine failed on its own: %v", err)
		}
		return out, err
	}
	if t, is := in.(engine.Tick); is && (!any || due.After(t.Now) || t.Now.After(p.clock())) {
		p.w.fail("a timer fires early: due %v, told that it is %v", due, t.Now)
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	c.decided[decisionKey{p, s.ID, s.Sequence}] = &decision{process, s.Identity, in, out.Events}
	return out, nil
}

// currentAttempt is what a result would have to say to be taken.
func (c *checker) currentAttempt(s *engine.State, r engine.TaskResult) uint32 {
	for n := uint32(1); n < 10; n++ {
		if s.HasTask(r.Task, n) {
			return n
		}
	}
	return r.Attempt
}

// committed checks a batch that has become true.
func (c *checker) committed(p *process, f store.Fence, rows *store.Rows) {
	if owner := c.owners[f.Home]; owner != p {
		c.w.fail("two owners: %s commits a batch of home %d, which %s has claimed since", p.id, f.Home, owner.id)
		return
	}
	for _, o := range rows.Offsets {
		at := topicPartition{o.Topic, o.Partition}
		if c.positions[at] != o.First {
			c.w.fail("records %d to %d of %s/%d are consumed, but those before %d were", o.First, o.Next-1, o.Topic, o.Partition, c.positions[at])
		}
		c.positions[at] = o.Next
	}
	touched := make(map[engine.InstanceID]bool)
	err := wire.Unpack(rows.Outbox, func(r wire.Record) error {
		c.outgoing(p, &r, rows, touched)
		return nil
	})
	if err != nil {
		c.w.fail("an outbox row can't be read: %v", err)
	}
	for id := range touched {
		c.commandsSent(id)
	}
	c.instanceRows(f.Home, rows)
	for i := range rows.Correlations {
		c.correlationRow(&rows.Correlations[i])
	}
}

// outgoing notes a committed record.
func (c *checker) outgoing(p *process, r *wire.Record, rows *store.Rows, touched map[engine.InstanceID]bool) {
	h := contents(r)
	if c.records[h] == nil {
		c.records[h] = &outgoing{}
	}
	c.records[h].committed++
	switch {
	case r.Topic == c.w.names.Status():
		id, _ := wire.ParseUUID(r.Key)
		touched[id] = true
		c.step(p, id, r, rows)
	case strings.HasPrefix(r.Topic, taskPrefix):
		text, _ := r.Header(wire.HeaderCorrelationID)
		id, err := wire.ParseCorrelationID(text)
		if err != nil {
			c.w.fail("correlation id %q: %v", text, err)
			return
		}
		b := c.book(id.Instance)
		if b.sent[string(text)] > 1 {
			c.w.fail("the task command %s is sent twice", text)
		}
		b.sent[string(text)] += 2
	}
}

func (c *checker) book(id engine.InstanceID) *book {
	b := c.books[id]
	if b == nil {
		b = &book{attempts: make(map[engine.Key]uint32), open: make(map[engine.Key]bool), sent: make(map[string]int)}
		c.books[id] = b
	}
	return b
}

// contents is the hash of all that a record says.
func contents(r *wire.Record) uint64 {
	d := fnv.New64a()
	part := func(b []byte) {
		_, _ = d.Write(strconv.AppendInt(nil, int64(len(b)), 10)) // never fails
		_, _ = d.Write(b)
	}
	part([]byte(r.Topic))
	part(r.Key)
	part(r.Value)
	for i := range r.Headers {
		part([]byte(r.Headers[i].Key))
		part(r.Headers[i].Value)
	}
	return d.Sum64()
}

// step takes a committed status record in: the events it stands for lead from the
// instance's last state to the next.
func (c *checker) step(p *process, id engine.InstanceID, r *wire.Record, rows *store.Rows) {
	text, _ := r.Header(wire.HeaderCEID)
	sequence, err := strconv.ParseUint(string(text[37:]), 10, 64)
	b := c.book(id)
	before := uint64(0)
	if b.fold != nil {
		before = b.fold.Sequence
	}
	if err != nil || sequence != before+1 {
		c.w.fail("instance %s goes from step %d to step %q", uuid.UUID(id), before, text)
		return
	}
	key := decisionKey{p, id, sequence}
	c.w.mu.Lock()
	d := c.decided[key]
	delete(c.decided, key)
	c.w.mu.Unlock()
	if bytes.Contains(r.Value, []byte(`"type":"instance-parked"`)) {
		c.parked(b, id, rows)
		return
	}
	if d == nil {
		c.w.fail("step %d of instance %s is committed, but was never decided", sequence, uuid.UUID(id))
		return
	}
	if b.fold == nil {
		b.process, b.fold = d.process, engine.NewState(d.process, d.id)
		if d.id.ProcessID == "echo" {
			c.echoes++
		}
	}
	b.process = d.process
	c.w.note(d, sequence)
	c.input(b, d)
	for _, e := range d.events {
		engine.Apply(d.process, b.fold, e)
		c.event(b, e)
	}
	b.fold.Sequence++
	if events := engine.AppendEvents(nil, d.process, d.events, d.process.StatusVariables); !bytes.Contains(r.Value, events) {
		c.w.fail("step %d of instance %s tells other events than happened: %s instead of %s", sequence, uuid.UUID(id), r.Value, events)
	}
}

// parked follows an instance that a defect has stopped: what the shell did to it
// can only be read from its row.
func (c *checker) parked(b *book, id engine.InstanceID, rows *store.Rows) {
	changed := slices.Clone(rows.Inserts)
	for i := range rows.Updates {
		changed = append(changed, rows.Updates[i].InstanceRow)
	}
	for i := range changed {
		if row := &changed[i]; row.ID == id && b.fold != nil {
			b.fold.Saved()
			s, err := engine.DecodeState(b.process, id, b.fold.Home, row.State, c.w.db.enginePart(instanceKey{b.fold.Home, id}))
			if err != nil || !s.Parked {
				c.w.fail("instance %s is parked, and its row is not: %v", uuid.UUID(id), err)
				return
			}
			s.ProcessID, s.Version, s.Definition = b.fold.ProcessID, b.fold.Version, b.fold.Definition
			s.Sequence = b.fold.Sequence + 1
			b.fold = s
			return
		}
	}
	c.w.fail("instance %s is parked, and no row says so", uuid.UUID(id))
}

// input checks what an instance has taken.
func (c *checker) input(b *book, d *decision) {
	switch in := d.in.(type) {
	case engine.TaskResult:
		if b.attempts[in.Task] != in.Attempt || !b.open[in.Task] {
			c.w.fail("instance %s takes a result for attempt %d of task %d, of which attempt %d is the current one (a worker has it: %t)",
				uuid.UUID(d.id.ID), in.Attempt, in.Task, b.attempts[in.Task], b.open[in.Task])
		}
	case engine.MessageReceived:
		c.effect(in.MessageID, d.id)
	case engine.Start:
		c.effect(in.MessageID, d.id)
	}
}

func (c *checker) effect(message string, id engine.Identity) {
	if message == "" {
		return
	}
	key := message + " on " + id.ProcessID
	if c.effective[key]++; c.effective[key] > 1 {
		c.w.fail("message %s has an effect for the second time, on instance %s", key, uuid.UUID(id.ID))
	}
}

// event keeps the books of tasks.
func (c *checker) event(b *book, e engine.Event) {
	switch e := e.(type) {
	case engine.TaskSent:
		b.attempts[e.Key], b.open[e.Key] = e.Attempt, true
		id := wire.CorrelationID{Instance: b.fold.ID, Home: b.fold.Home, Task: uint64(e.Key), Attempt: e.Attempt}
		b.sent[id.String()]++
	case engine.TaskCompleted:
		delete(b.open, e.Key)
	case engine.TaskFailed:
		delete(b.open, e.Key)
	case engine.ErrorThrown:
		delete(b.open, e.Key)
	case engine.ElementTerminated:
		delete(b.open, e.Key)
	case engine.InstanceCompleted, engine.InstanceTerminated, engine.InstanceCancelled:
		c.ended++
	}
}

// commandsSent sees that every attempt sent has its command, and no other has.
func (c *checker) commandsSent(id engine.InstanceID) {
	b := c.books[id]
	for text, n := range b.sent {
		if n != 3 {
			c.w.fail("task command %s: %s", text, [...]string{"", "the attempt began without it", "no attempt of that number began"}[n])
		}
	}
	clear(b.sent)
}

// instanceRows compares the rows with the fold of the events.
func (c *checker) instanceRows(home int32, rows *store.Rows) {
	for i := range rows.Inserts {
		c.instanceRow(&rows.Inserts[i])
	}
	for i := range rows.Updates {
		c.instanceRow(&rows.Updates[i].InstanceRow)
	}
	for _, row := range rows.Deletes {
		b := c.books[row.ID]
		if b == nil || b.fold == nil || !b.fold.Ended() {
			c.w.fail("instance %s is removed, but has not ended", uuid.UUID(row.ID))
			continue
		}
		b.process = nil // what is still told of it is published already or under way
	}
}

func (c *checker) instanceRow(row *store.InstanceRow) {
	b := c.books[row.ID]
	if b == nil || b.fold == nil || int64(b.fold.Sequence) != row.Version {
		c.w.fail("instance %s is stored as of step %d, which nobody was told of", uuid.UUID(row.ID), row.Version)
		return
	}
	changes := b.fold.Changes()
	if !changes.Paged && !bytes.Equal(changes.Header, row.State) {
		c.w.fail("the stored state of instance %s at step %d is not the fold of its events", uuid.UUID(row.ID), row.Version)
	}
	b.fold.Saved()
}

// correlationRow sees that nobody waits for a message that is there.
func (c *checker) correlationRow(row *store.CorrelationRow) {
	waiting, messages, err := orchestrator.Waiting(*row, time.Now().Add(3*time.Second))
	if err != nil {
		c.w.fail("correlation %s/%s can't be read: %v", row.Name, row.Key, err)
	}
	if waiting > 0 && messages > 0 {
		c.w.fail("%d subscriptions and %d messages wait for each other at %s/%s", waiting, messages, row.Name, row.Key)
	}
}

// published checks a record that has come to Kafka.
func (c *checker) published(r *wire.Record) {
	out := c.records[contents(r)]
	if out == nil {
		c.w.fail("a record on %s is published, but was never committed: %s", r.Topic, r.Value)
		return
	}
	out.published++
	if r.Topic != c.w.names.Status() {
		return
	}
	id, _ := wire.ParseUUID(r.Key)
	text, _ := r.Header(wire.HeaderCEID)
	sequence, _ := strconv.Atoi(string(text[37:]))
	b := c.book(id)
	switch h := contents(r); {
	case sequence == len(b.statuses)+1:
		b.statuses = append(b.statuses, h)
	case sequence > len(b.statuses):
		c.w.fail("instance %s tells of step %d before step %d", uuid.UUID(id), sequence, len(b.statuses)+1)
	case b.statuses[sequence-1] != h:
		c.w.fail("instance %s tells of step %d twice, differently", uuid.UUID(id), sequence)
	}
}
