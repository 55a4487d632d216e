package orchestrator

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// InstanceView is a running instance as its stored rows have it.
type InstanceView struct {
	ID          engine.InstanceID
	Home        int32
	ProcessID   string
	Version     int32
	BusinessKey string
	Tenant      string
	Sequence    uint64
	StartedAt   time.Time
	Parked      bool
	NextDue     time.Time // zero: nothing
	Active      []ElementView
	Truncated   bool // there are more active elements
	Incidents   []IncidentView
	Variables   []byte // JSON object of the root scope
}

// ElementView is an element instance that holds a token.
type ElementView struct {
	Element string // id in the model
	Name    string
	Key     engine.Key
}

// IncidentView is something a human has to mend.
type IncidentView struct {
	Instance  engine.InstanceID
	ProcessID string
	Element   string // id in the model; "" for the instance as a whole
	Key       engine.Key
	Kind      string
	Message   string
	Since     time.Time
}

// maxViewElements is how many active elements a view lists.
const maxViewElements = 1000

// Instance reads a running instance of any home.
func (o *Orchestrator) Instance(ctx context.Context, id engine.InstanceID) (InstanceView, error) {
	home, err := o.homeOf(ctx, id)
	if err != nil {
		return InstanceView{}, err
	}
	s, def, err := o.readState(ctx, home, id)
	if err != nil {
		return InstanceView{}, err
	}
	v := InstanceView{
		ID: id, Home: home, ProcessID: s.ProcessID, Version: s.Version, BusinessKey: s.BusinessKey, Tenant: s.Tenant,
		Sequence: s.Sequence, StartedAt: s.StartedAt, Parked: s.Parked, Variables: s.Variables().AppendJSON(nil),
		Incidents: incidentViews(s, def.process),
	}
	v.NextDue, _ = s.NextDue()
	active, truncated := s.Active(maxViewElements)
	v.Truncated = truncated
	for _, a := range active {
		n := &def.process.Nodes[a.Node]
		v.Active = append(v.Active, ElementView{Element: n.ID, Name: n.Name, Key: a.Key})
	}
	return v, nil
}

func (o *Orchestrator) readState(ctx context.Context, home int32, id engine.InstanceID) (*engine.State, *definition, error) {
	rows, err := o.store.LoadInstances(ctx, home, [][16]byte{id})
	if err != nil {
		return nil, nil, err
	}
	row := rows[id]
	if row == nil {
		return nil, nil, &RefusedError{Reason: "instance " + uuid.UUID(id).String() + " has just ended", Missing: true}
	}
	inst, err := decodeInstance(o.catalogue.get(), home, row)
	if err != nil {
		return nil, nil, err
	}
	return inst.state, inst.def, nil
}

func incidentViews(s *engine.State, p *bpmn.Process) []IncidentView {
	var list []IncidentView
	for _, i := range s.Incidents() {
		v := IncidentView{Instance: s.ID, ProcessID: s.ProcessID, Key: i.Key, Kind: i.Kind.String(), Message: i.Message, Since: i.Since}
		if i.Node != bpmn.None {
			v.Element = p.Nodes[i.Node].ID
		}
		list = append(list, v)
	}
	return list
}

// Instances lists running instances in the order of their start.
func (o *Orchestrator) Instances(ctx context.Context, q store.InstanceQuery) ([]store.FoundInstance, error) {
	return o.store.FindInstances(ctx, q)
}

// Incidents lists the incidents of the instances that q finds.
func (o *Orchestrator) Incidents(ctx context.Context, q store.InstanceQuery) ([]IncidentView, error) {
	q.Incident = true
	found, err := o.store.FindInstances(ctx, q)
	if err != nil {
		return nil, err
	}
	byHome := make(map[int32][][16]byte)
	for _, f := range found {
		byHome[f.Home] = append(byHome[f.Home], f.ID)
	}
	var list []IncidentView
	for home, ids := range byHome {
		rows, err := o.store.LoadInstances(ctx, home, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if rows[id] == nil {
				continue // it has just ended
			}
			inst, err := decodeInstance(o.catalogue.get(), home, rows[id])
			if err != nil {
				return nil, err
			}
			list = append(list, incidentViews(inst.state, inst.def.process)...)
		}
	}
	return list, nil
}

// Definitions lists the latest version of every deployed process.
func (o *Orchestrator) Definitions() []store.Definition {
	var list []store.Definition
	for _, d := range o.catalogue.get().latest {
		list = append(list, d.Definition)
	}
	return list
}

// History reads what happened to an instance, running or ended.
func (o *Orchestrator) History(ctx context.Context, id engine.InstanceID, limit int) (store.HistoryInstance, []store.HistoryEntry, bool, error) {
	return o.store.History(ctx, id, limit)
}
