package orchestrator

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
)

// start is a call that starts an instance at the process's none start event.
type start struct {
	def         *definition
	businessKey string
	tenant      string
	variables   engine.Variables
}

func (in *start) needs(*needs) {}

func (in *start) decide(b *batch, w *work) disposition {
	return b.start(w, in.def, engine.Start{
		Now: b.now, Node: in.def.process.Start, BusinessKey: in.businessKey, Tenant: in.tenant, Variables: in.variables,
	})
}

func (b *batch) startByMessage(w *work, in *message, at messageStart) disposition {
	businessKey := in.BusinessKey
	if businessKey == "" {
		businessKey = in.CorrelationKey
	}
	return b.start(w, at.def, engine.Start{
		Now: b.now, Node: at.node, BusinessKey: businessKey, Tenant: in.Tenant,
		Variables: in.variables, MessageID: in.ID, TraceParent: in.TraceParent,
	})
}

// start creates an instance at this home.
func (b *batch) start(w *work, def *definition, in engine.Start) disposition {
	id := b.h.newInstanceID()
	inst := &instance{def: def, state: engine.NewState(def.process, engine.Identity{
		ID: id, Home: b.h.id, Definition: def.ID, ProcessID: def.ProcessID, Version: def.Version,
	})}
	if cause := w.defects[engine.InstanceID{}]; cause != nil {
		w.failure = cause
		return b.deadLetter(w, "defect", cause.Error())
	}
	b.fresh[id] = inst
	end := b.apply(w, inst, in, nil)
	if inst.broken {
		// It never began, so there is nothing to park: the input is put aside.
		w.defects[engine.InstanceID{}] = w.defects[id]
	}
	if end == applied {
		w.answer.Instances = append(w.answer.Instances, id)
		w.answer.ProcessID, w.answer.Version, w.answer.Home = def.ProcessID, def.Version, b.h.id
	}
	return end
}

// newInstanceID is a time-ordered id (UUID version 7): instances of a home lie
// in the order of their start, which keeps the tail of the index hot. Within a
// millisecond a counter keeps the order.
func (h *home) newInstanceID() engine.InstanceID {
	ms := max(uint64(h.o.now().UnixMilli()), h.lastID>>12)
	h.lastID = max(h.lastID+1, ms<<12)
	id := h.o.newUUID()
	binary.BigEndian.PutUint64(id[:8], h.lastID>>12<<16|7<<12|h.lastID&0xfff)
	return engine.InstanceID(id)
}

// newUUID is a random id (UUID version 4).
func (o *Orchestrator) newUUID() uuid.UUID {
	return uuid.Must(uuid.NewRandomFromReader(o.cfg.Random)) // the system's randomness does not fail
}

// startedAt is when the id was made.
func startedAt(id engine.InstanceID) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16))
}
