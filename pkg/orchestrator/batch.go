package orchestrator

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// batch is the inputs a home decides together, and all that they lead to. It
// holds decisions only: nothing is true before the commit.
//
// Inputs touch instances and correlation rows. When the commit finds one of
// those changed by somebody else, or the engine fails on one, the inputs that
// touched it, and those that touched anything these touched, are decided again;
// the rest keep their decisions.
type batch struct {
	h     *home
	ctx   context.Context //nolint:containedctx // of the decision under way: rare reads happen in its midst
	now   time.Time
	defs  *definitions
	works []*work
	left  []*work // did not fit: for the next batch
	bytes int     // about what will be written: of the instances touched

	fresh        map[engine.InstanceID]*instance // loaded or created here; nil: not running
	unreadable   map[engine.InstanceID]error     // stored, but not to be decoded
	touched      []*instance
	correlations map[store.CorrelationKey]*correlation
	marks        map[[16]byte]*work // message ids this batch marks as seen
	seen         map[[16]byte]bool  // message ids known to the database
	pending      []subscriptionChange
	pendingKeys  map[store.CorrelationKey]bool
	startTimers  []startTimerMove
	parked       []parkedInput
	unpark       []unparked

	pack   *wire.Pack
	spans  []span
	torn   bool            // decisions were taken back: the pack holds records that don't count
	events []byte          // scratch
	at     []wire.Position // scratch
	err    error           // a read in the midst of a decision that did not succeed
}

// span is a run of records in the pack that one work has led to.
type span struct {
	w        *work
	from, to wire.Mark
}

// subscriptionChange is a subscription opened or closed whose correlation row
// is not loaded yet.
type subscriptionChange struct {
	w    *work
	key  store.CorrelationKey
	sub  subscription
	inst *instance
	open bool
}

func newBatch(h *home, works []*work) *batch {
	defs := h.o.catalogue.get()
	h.fence.Generation = defs.generation
	pack := new(wire.Pack) // given away with the outbox: a new one each time
	pack.Grow(h.outboxBytes * len(works))
	return &batch{
		h: h, defs: defs, works: works, pack: pack,
		fresh:        make(map[engine.InstanceID]*instance),
		unreadable:   make(map[engine.InstanceID]error),
		correlations: make(map[store.CorrelationKey]*correlation),
		marks:        make(map[[16]byte]*work),
		seen:         make(map[[16]byte]bool),
		pendingKeys:  make(map[store.CorrelationKey]bool),
	}
}

// decide works out all inputs of the batch.
func (b *batch) decide(ctx context.Context) error {
	return b.decideThese(ctx, b.works)
}

// decideThese loads what the works need, decides them in order as far as the batch
// has room, and decides again whatever a defect of the engine spoiled.
func (b *batch) decideThese(ctx context.Context, works []*work) error {
	b.ctx, b.now = ctx, b.h.o.now()
	portions, err := b.load(works)
	if err != nil {
		return err
	}
	packed := b.pack.Len()
	for i, w := range works {
		if i > 0 && len(works) == len(b.works) && b.isFull(packed) {
			works = b.endAt(i)
			break
		}
		if i%loadAhead == 0 {
			if err := b.loadInstances(b.instancesOf(portions[i/loadAhead])); err != nil {
				return err
			}
		}
		b.decideOne(w)
	}
	b.settle()
	if b.err != nil {
		return b.err
	}
	if spoiled := b.spoiled(works); len(spoiled) > 0 {
		return b.again(ctx, spoiled)
	}
	return nil
}

// endAt leaves the works from i on for the next batch, and gives those that stay.
func (b *batch) endAt(i int) []*work {
	b.left = slices.Concat(b.works[i:], b.left)
	b.works = b.works[:i]
	return b.works
}

// isFull tells whether the works decided so far are as much as one transaction
// should write, and the relay take from one row. It is asked only where all works are
// decided: when a few are decided again, others have been decided after them.
func (b *batch) isFull(packed int) bool {
	return b.bytes+b.pack.Len()-packed >= b.h.o.cfg.BatchBytes
}

func (b *batch) decideOne(w *work) {
	w.end = w.in.decide(b, w)
}

// loadAhead is for how many inputs instances are read at once: enough to make little
// of the round trip, and few enough to have room for them when all are as large as
// they may be. The batch may be full before the others are needed.
const loadAhead = 128

// load reads the correlation rows that the works need and that are not in hand. It
// gives what they need portion by portion, each of loadAhead works.
func (b *batch) load(works []*work) (portions []*needs, err error) {
	correlations := make(map[store.CorrelationKey]struct{})
	for portion := range slices.Chunk(works, loadAhead) {
		n := &needs{instances: make(map[engine.InstanceID]struct{}), correlations: make(map[store.CorrelationKey]struct{}), defs: b.defs}
		for _, w := range portion {
			w.in.needs(n)
		}
		maps.Copy(correlations, n.correlations)
		portions = append(portions, n)
	}
	return portions, b.loadCorrelations(correlations)
}

// instancesOf is the instances that works need: those they name, and those that wait
// under their correlation keys.
func (b *batch) instancesOf(n *needs) map[engine.InstanceID]struct{} {
	for key := range n.correlations {
		for _, s := range b.correlations[key].subscriptions {
			if s.home == b.h.id {
				n.instance(s.instance)
			}
		}
	}
	return n.instances
}

func (b *batch) loadCorrelations(keys map[store.CorrelationKey]struct{}) error {
	var missing []store.CorrelationKey
	for k := range keys {
		if b.correlations[k] == nil {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := b.h.o.store.LoadCorrelations(b.ctx, missing)
	if err != nil {
		return err
	}
	for _, k := range missing {
		c := &correlation{key: k}
		if row, ok := rows[k]; ok {
			c = decodeCorrelation(row)
		}
		b.correlations[k] = c
	}
	return nil
}

func (b *batch) loadInstances(ids map[engine.InstanceID]struct{}) error {
	var missing [][16]byte
	for id := range ids {
		if _, here := b.fresh[id]; !here && b.h.cache.get(id) == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := b.h.o.store.LoadInstances(b.ctx, b.h.id, missing)
	if err != nil {
		return err
	}
	for _, id := range missing {
		row, running := rows[id]
		if !running {
			b.fresh[id] = nil
			continue
		}
		b.fresh[id], err = decodeInstance(b.defs, b.h.id, row)
		if err != nil {
			b.unreadable[id] = err
			b.h.o.log.unreadable(id, err)
		}
	}
	return nil
}

// decodeInstance reads a stored instance. What can't be read is a matter for
// people: its inputs are put aside, everybody else's go on.
func decodeInstance(defs *definitions, home int32, row *store.StoredInstance) (*instance, error) {
	def := defs.byID[row.Definition]
	if def == nil {
		return nil, fmt.Errorf("instance %s: its definition %d is not known or can't be compiled by this engine", uuid.UUID(row.ID), row.Definition)
	}
	parts := make([]engine.Part, len(row.Parts))
	for i, p := range row.Parts {
		parts[i] = engine.Part{No: p.No, Data: p.Data}
	}
	state, err := engine.DecodeState(def.process, row.ID, home, row.State, parts)
	if err != nil {
		return nil, fmt.Errorf("instance %s: stored state: %w", uuid.UUID(row.ID), err)
	}
	state.Sequence = uint64(row.Version) // the guard is the row's
	return &instance{state: state, def: def, version: row.Version, due: row.NextDue, paged: len(row.Parts) > 0}, nil
}

// instance is a running instance of this home, or nil.
func (b *batch) instance(id engine.InstanceID) *instance {
	if i, here := b.fresh[id]; here {
		return i
	}
	if i := b.h.cache.get(id); i != nil {
		return i
	}
	if err := b.loadInstances(map[engine.InstanceID]struct{}{id: {}}); err != nil {
		b.err = err
		return nil
	}
	return b.fresh[id]
}

// correlation is the correlation row of a key, and notes that w depends on it.
func (b *batch) correlation(w *work, key store.CorrelationKey) *correlation {
	c := b.correlations[key]
	if c == nil {
		// A later read that succeeds does not mend an earlier one that did not.
		if err := b.loadCorrelations(map[store.CorrelationKey]struct{}{key: {}}); err != nil {
			b.err = err
			return &correlation{key: key}
		}
		c = b.correlations[key]
	}
	w.touchCorrelation(c)
	return c
}

// apply lets the engine decide what in does to inst, and keeps what follows. k
// is the input in a form that can be kept should the instance be parked; nil
// for inputs that a parked instance takes too, or that come by themselves again.
func (b *batch) apply(w *work, inst *instance, in engine.Input, k keeper) (end disposition) {
	b.touch(w, inst)
	if inst.broken {
		return undecided // decided again, from the stored state
	}
	if cause := w.defects[inst.state.ID]; cause != nil {
		return b.park(w, inst, cause, k)
	}
	if inst.state.Parked && k != nil {
		b.parkInput(w, inst, k)
		return parked
	}
	out, err := b.h.o.decideSafely(inst, in, b.defs.decisionsFor(inst.def))
	if err != nil {
		b.defect(w, inst, err)
		return undecided
	}
	if out.Rejection != nil {
		w.failure = &RefusedError{Reason: out.Rejection.Reason}
		return rejected(out.Rejection.Kind)
	}
	if err := b.keep(w, inst, out); err != nil {
		b.defect(w, inst, err)
		return undecided
	}
	return applied
}

func (b *batch) touch(w *work, inst *instance) {
	w.touch(inst)
	if !inst.touched {
		inst.touched = true
		b.bytes += inst.state.Size()
		b.touched = append(b.touched, inst)
	}
}

// decideSafely turns a panic into an error: both are defects of ours, and
// neither may take the other instances of the batch along.
func (o *Orchestrator) decideSafely(inst *instance, in engine.Input, known engine.Decisions) (out engine.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return o.engine(inst.def.process, inst.state, in, known)
}

func rejected(k engine.RejectionKind) disposition {
	switch k {
	case engine.Duplicate:
		return duplicate
	case engine.Late:
		return late
	case engine.Unknown:
		return unknown
	}
	return refused
}

// defect notes that the engine failed on w for inst. The state is in an unknown
// condition: nothing more happens to it before it is loaded anew.
func (b *batch) defect(w *work, inst *instance, err error) {
	if w.defects == nil {
		w.defects = make(map[engine.InstanceID]error)
	}
	w.defects[inst.state.ID] = err
	w.redo, inst.broken = true, true
	b.h.o.defect(w, inst, err)
}

// keep adds the records that an outcome leads to and follows its subscriptions. It
// fails if they are more than a batch may have.
func (b *batch) keep(w *work, inst *instance, out engine.Outcome) error {
	from, packed := b.pack.Mark(), b.pack.Len()
	for _, cmd := range out.Commands {
		b.command(w, inst, cmd)
		if limit := b.h.o.cfg.BatchBytes; b.pack.Len()-packed > limit {
			return fmt.Errorf("one step leads to more than %d bytes of task commands: send less with each task (input mappings), or begin fewer at once", limit)
		}
	}
	b.addStatus(inst, out.Events)
	b.span(w, from)
	return nil
}
