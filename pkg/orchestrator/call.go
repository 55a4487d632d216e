package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// StartRequest starts an instance at the none start event of a process.
type StartRequest struct {
	ProcessID   string
	Version     int32 // 0: the latest
	BusinessKey string
	Tenant      string
	Variables   []byte // a JSON object, or nil
}

// Start starts an instance and returns when that is committed.
func (o *Orchestrator) Start(ctx context.Context, r StartRequest) (Answer, error) {
	def, err := o.startable(r)
	if err != nil {
		return Answer{}, err
	}
	v, err := engine.ParseVariables(r.Variables)
	limits := o.cfg.Limits
	if err = errors.Join(err, limits.CheckName("businessKey", r.BusinessKey), limits.CheckName("tenant", r.Tenant)); err != nil {
		return Answer{}, malformed(err)
	}
	return o.call(ctx, o.anyHome(r.BusinessKey), &start{def: def, businessKey: r.BusinessKey, tenant: r.Tenant, variables: v})
}

func (o *Orchestrator) startable(r StartRequest) (*definition, error) {
	defs := o.catalogue.get()
	def := defs.latest[r.ProcessID]
	if def == nil {
		return nil, &RefusedError{Reason: fmt.Sprintf("no process %q is deployed", r.ProcessID), Missing: true}
	}
	if r.Version > 0 && r.Version != def.Version {
		def = defs.version(r.ProcessID, r.Version)
	}
	if def == nil {
		return nil, &RefusedError{Reason: fmt.Sprintf("process %q has no version %d", r.ProcessID, r.Version), Missing: true}
	}
	if def.process.Start == bpmn.None {
		return nil, &RefusedError{Reason: fmt.Sprintf("process %q has no none start event: it is started by a message or a timer", r.ProcessID)}
	}
	return def, nil
}

func (d *definitions) version(processID string, version int32) *definition {
	for _, def := range d.byID {
		if def.ProcessID == processID && def.Version == version {
			return def
		}
	}
	return nil
}

// Publish takes a message as if it had come on the message topic.
func (o *Orchestrator) Publish(ctx context.Context, m wire.Message) (Answer, error) {
	in, err := newMessage(m)
	if err = errors.Join(err, checkMessage(&m, o.cfg.Limits)); err != nil {
		return Answer{}, malformed(err)
	}
	return o.call(ctx, o.anyHome(m.CorrelationKey), in)
}

// checkMessage sees that the message could have come as a record: what can't be
// stored would stop the home.
func checkMessage(m *wire.Message, l wire.Limits) error {
	return errors.Join(l.CheckName("name", m.Name), l.CheckKey("correlationKey", m.CorrelationKey), l.CheckName("messageId", m.ID),
		l.CheckName("businessKey", m.BusinessKey), l.CheckName("tenant", m.Tenant))
}

func malformed(err error) error { return &RefusedError{Reason: err.Error(), Malformed: true} }

// Cancel ends a running instance.
func (o *Orchestrator) Cancel(ctx context.Context, id engine.InstanceID, reason string) (Answer, error) {
	home, err := o.homeOf(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	return o.call(ctx, o.ownedOrAny(home), &cancellation{instance: id, home: home, reason: reason})
}

// ResolveRequest tries again what an incident stopped.
type ResolveRequest struct {
	Instance  engine.InstanceID
	Element   engine.Key // 0: every incident of the instance
	Retries   int        // attempts given to a task; 0: as the model says
	Variables []byte     // set first; a JSON object, or nil
}

// Resolve resolves incidents.
func (o *Orchestrator) Resolve(ctx context.Context, r ResolveRequest) (Answer, error) {
	v, err := engine.ParseVariables(r.Variables)
	if err != nil {
		return Answer{}, malformed(err)
	}
	home, err := o.homeOf(ctx, r.Instance)
	if err != nil {
		return Answer{}, err
	}
	return o.call(ctx, o.ownedOrAny(home), &resolution{
		instance: r.Instance, home: home, element: r.Element, retries: r.Retries, variables: v,
	})
}

func newResolution(c *wire.Control) (*resolution, error) {
	v, err := engine.ParseVariables(c.Variables)
	if err != nil {
		return nil, err
	}
	return &resolution{instance: c.Instance, home: c.Home, element: engine.Key(c.Element), retries: c.Retries, variables: v}, nil
}

func (o *Orchestrator) homeOf(ctx context.Context, id engine.InstanceID) (int32, error) {
	home, ok, err := o.store.FindHome(ctx, id)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, &RefusedError{Reason: fmt.Sprintf("no instance %s is running: it has ended or never was", uuid.UUID(id)), Missing: true}
	}
	return home, nil
}

// anyHome picks one of the homes owned here, the same for the same key as long
// as ownership does not change.
func (o *Orchestrator) anyHome(key string) *home {
	ids := o.Homes()
	if len(ids) == 0 {
		return nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	if key == "" {
		id := o.newUUID()
		_, _ = h.Write(id[:])
	}
	return o.home(ids[h.Sum32()%uint32(len(ids))])
}

// ownedOrAny is the home itself when it is owned here, else one that can send
// the input there.
func (o *Orchestrator) ownedOrAny(id int32) *home {
	if h := o.home(id); h != nil {
		return h
	}
	return o.anyHome("")
}

// call puts an input into a home's next batch and waits for the commit.
func (o *Orchestrator) call(ctx context.Context, h *home, in input) (Answer, error) {
	c := &call{done: make(chan result, 1)}
	if h == nil || !h.inbox.call(&work{in: in, call: c}) {
		return Answer{}, ErrNotOwner
	}
	select {
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("gave up waiting; it may still happen: %w", ctx.Err())
	case r := <-c.done:
		return r.answer, r.err
	}
}
