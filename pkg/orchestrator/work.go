package orchestrator

import (
	"errors"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// disposition is how an input ended. Every consumed record ends as exactly one.
type disposition uint8

const (
	undecided disposition = iota
	// Applied: an instance took it.
	applied
	// Duplicate: it had been taken before.
	duplicate
	// Late: what it is for is over (another attempt, ended, no longer waiting).
	late
	// Unknown: what it is for never was. Counted with late on the wire's terms,
	// but worth a look of its own.
	unknown
	// Buffered: a message that waits for a subscription.
	buffered
	// Unmatched: a message without time to live that found nobody.
	unmatched
	// DeadLettered: it can never be processed.
	deadLettered
	// Forwarded: sent on to the home of its instance; it ends there.
	forwarded
	// Parked: kept for an instance that a defect has stopped.
	parked
	// Refused: a request that does not fit the state.
	refused
	// Nothing: a look at the clock that found nothing to do.
	nothing
)

var dispositionNames = [...]string{
	undecided: "undecided", applied: "applied", duplicate: "duplicate", late: "late", unknown: "unknown", buffered: "buffered",
	unmatched: "unmatched", deadLettered: "dead-lettered", forwarded: "forwarded", parked: "parked", refused: "refused", nothing: "nothing",
}

func (d disposition) String() string { return dispositionNames[d] }

// input is something to decide.
type input interface {
	// needs names what must be loaded before decide.
	needs(n *needs)
	// decide works the input out, within b, and says how it ended.
	decide(b *batch, w *work) disposition
}

// needs collects what a batch has to load.
type needs struct {
	instances    map[engine.InstanceID]struct{}
	correlations map[store.CorrelationKey]struct{}
	defs         *definitions
}

func (n *needs) instance(id engine.InstanceID) { n.instances[id] = struct{}{} }

func (n *needs) correlation(name, key string) {
	n.correlations[store.CorrelationKey{Name: name, Key: key}] = struct{}{}
}

// work is an input on its way through a batch.
type work struct {
	in     input
	record *wire.Record // as consumed; nil for calls and timers
	from   *partitionQueue
	call   *call // who waits for the answer, if anybody

	end          disposition
	instances    []*instance    // touched
	correlations []*correlation // touched
	// defects are failures of the engine when it last decided this input, by instance.
	defects map[engine.InstanceID]error
	answer  Answer
	failure error // for the caller
	redo    bool
	// unbuffered and expired are how many buffered messages it delivered and dropped.
	unbuffered, expired int
}

// reset forgets what the last decision did, but not its defects.
func (w *work) reset() {
	w.end, w.instances, w.correlations = undecided, w.instances[:0], w.correlations[:0]
	w.answer, w.failure, w.redo = Answer{}, nil, false
	w.unbuffered, w.expired = 0, 0
}

// touch notes that the decision depends on i.
func (w *work) touch(i *instance) {
	for _, t := range w.instances {
		if t == i {
			return
		}
	}
	w.instances = append(w.instances, i)
}

// touchCorrelation notes that the decision depends on c.
func (w *work) touchCorrelation(c *correlation) {
	for _, t := range w.correlations {
		if t == c {
			return
		}
	}
	w.correlations = append(w.correlations, c)
}

// call is somebody waiting for a local input to be committed.
type call struct {
	done chan result
}

type result struct {
	answer Answer
	err    error
}

// Answer is what became of a call.
type Answer struct {
	// Disposition: applied, duplicate, buffered, unmatched, forwarded …
	Disposition string
	// Instances that the input started or was given to.
	Instances []engine.InstanceID
	ProcessID string
	Version   int32
	Home      int32
}

// ErrNotOwner says that this engine owns no home that could take the call; another
// engine does, or one will within seconds.
var ErrNotOwner = errors.New("this engine owns no home that can take the call; try again or ask another engine")

// RefusedError says why a call does not fit the state of what it names.
type RefusedError struct {
	Reason  string
	Missing bool // what it names is not there
	// Malformed says that it would be refused at any time.
	Malformed bool
}

func (e *RefusedError) Error() string { return e.Reason }
