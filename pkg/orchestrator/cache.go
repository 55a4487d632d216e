package orchestrator

import (
	"container/list"

	"github.com/barnabas-project/barnabas/pkg/engine"
)

// instance is a running instance in hand: its decoded state and what its row
// holds.
type instance struct {
	state *engine.State
	def   *definition
	// version and due are the row's version (0: no row yet) and next_due (unix
	// ms, 0: none).
	version int64
	due     int64
	paged   bool // the row has parts
	// written and pagedNow are what due and paged become with the commit.
	written  int64
	pagedNow bool

	element *list.Element // in the cache
	size    int
	touched bool // by the batch being decided
	recheck bool // a tick looked at it: the row's due time must be made right
	broken  bool // the engine failed on it: state is garbage until loaded anew
}

// cache keeps the decoded states of hot instances of a home, least recently
// used out first, bounded in bytes. It is never trusted alone: every write
// names the version it has seen.
type cache struct {
	limit int
	bytes int
	byID  map[engine.InstanceID]*instance
	order *list.List // most recent first
}

func newCache(limit int) *cache {
	return &cache{limit: limit, byID: make(map[engine.InstanceID]*instance), order: list.New()}
}

func (c *cache) get(id engine.InstanceID) *instance { return c.byID[id] }

// put adds or refreshes an instance and makes room for it.
func (c *cache) put(i *instance) {
	id := i.state.ID
	c.bytes += i.state.Size() - i.size
	i.size = i.state.Size()
	if i.element == nil {
		i.element = c.order.PushFront(i)
		c.byID[id] = i
	} else {
		c.order.MoveToFront(i.element)
	}
	for c.bytes > c.limit && c.order.Len() > 1 {
		c.drop(c.order.Back().Value.(*instance))
	}
}

// drop forgets an instance.
func (c *cache) drop(i *instance) {
	if i.element == nil {
		return
	}
	c.order.Remove(i.element)
	delete(c.byID, i.state.ID)
	c.bytes -= i.size
	i.element, i.size = nil, 0
}
