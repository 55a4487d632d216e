package orchestrator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// definition is a deployed version of a process, compiled.
type definition struct {
	store.Definition
	process *bpmn.Process
	routes  []*taskRoute // by node index; nil unless a task of a constant type
	asks    bool         // it has business rule tasks
}

// messageStart is a start event that messages of a name trigger.
type messageStart struct {
	def  *definition
	node int
}

// definitions is an immutable picture of all deployed definitions.
type definitions struct {
	generation int64
	seen       store.Seen
	byID       map[int64]*definition
	latest     map[string]*definition    // by process id
	starts     map[string][]messageStart // by message name: latest versions only
	// caught has the names that instances of any version may wait for. everything
	// says that some model computes a name, so that any name may be waited for.
	caught     map[string]bool
	everything bool

	decisions decisions
}

// onlyStarts tells whether messages of the name start processes and nothing can
// wait for them, so that there is no correlation row to look at.
func (d *definitions) onlyStarts(name string) bool {
	return len(d.starts[name]) > 0 && !d.everything && !d.caught[name]
}

// catalogue keeps the definitions of the database compiled in memory.
type catalogue struct {
	store   DefinitionStore
	prepare func(*definition) error // works out what the process needs of the configuration
	broken  func(resource string, err error)
	current atomic.Pointer[definitions]
	// refreshing is held by who refreshes. It is no mutex, since it is held while the
	// database is read: who waits for it can be given up.
	refreshing chan struct{}
}

func (c *catalogue) get() *definitions { return c.current.Load() }

// refresh reads what was deployed since the last refresh.
func (c *catalogue) refresh(ctx context.Context) (*definitions, error) {
	select {
	case c.refreshing <- struct{}{}:
		defer func() { <-c.refreshing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	old := c.current.Load()
	added, err := c.store.Catalogue(ctx, old.seen)
	if err != nil {
		return nil, err
	}
	next := &definitions{generation: added.Generation, seen: old.seen, byID: make(map[int64]*definition), latest: make(map[string]*definition)}
	for id, d := range old.byID {
		next.add(id, d)
	}
	for _, d := range added.Definitions {
		compiled, err := c.compile(d)
		if err != nil {
			c.broken(d.Resource, err)
			next.seen.Definition = max(next.seen.Definition, d.ID)
			continue
		}
		next.add(d.ID, compiled)
	}
	next.decisions = old.decisions.with(added.Models, c.broken)
	for _, m := range added.Models {
		next.seen.Model = max(next.seen.Model, m.ID)
	}
	next.index()
	c.current.Store(next)
	return next, nil
}

func (d *definitions) add(id int64, def *definition) {
	d.byID[id] = def
	d.seen.Definition = max(d.seen.Definition, id)
	if l := d.latest[def.ProcessID]; l == nil || l.Version < def.Version {
		d.latest[def.ProcessID] = def
	}
}

func (d *definitions) index() {
	d.starts, d.caught = make(map[string][]messageStart), make(map[string]bool)
	for _, id := range slices.Sorted(maps.Keys(d.latest)) { // a message starts processes in one order everywhere
		def := d.latest[id]
		for _, n := range def.process.MessageStarts {
			name := def.process.Nodes[n].Message.StaticName
			d.starts[name] = append(d.starts[name], messageStart{def, n})
		}
	}
	for _, def := range d.byID {
		for i := range def.process.Nodes {
			d.indexCatch(&def.process.Nodes[i])
		}
	}
}

func (d *definitions) indexCatch(n *bpmn.Node) {
	switch n.Kind {
	case bpmn.ReceiveTask, bpmn.MessageCatchEvent, bpmn.MessageBoundaryEvent:
		if n.Message.StaticName == "" {
			d.everything = true
		}
		d.caught[n.Message.StaticName] = true
	}
}

// compile parses a stored model. It was accepted when it was deployed, so a
// problem now means that this engine is older than the one that deployed it.
func (c *catalogue) compile(d store.Definition) (*definition, error) {
	model, err := bpmn.Parse(d.XML, bpmn.Config{})
	if err != nil {
		return nil, fmt.Errorf("definition %d (%s version %d) was deployed by a newer engine: %w", d.ID, d.ProcessID, d.Version, err)
	}
	for _, p := range model.Processes {
		if p.ID == d.ProcessID {
			def := &definition{Definition: d, process: p, asks: asksDecisions(p)}
			return def, c.prepare(def)
		}
	}
	return nil, fmt.Errorf("definition %d has no process %s", d.ID, d.ProcessID)
}
