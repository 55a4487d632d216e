package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Variables are a JSON object of process variables.
type Variables = map[string]json.RawMessage

// Answer is what became of a call.
type Answer struct {
	// Disposition: applied, forwarded (another engine applies it within moments),
	// buffered, unmatched, duplicate.
	Disposition string   `json:"disposition"`
	Instances   []string `json:"instances"`
	ProcessID   string   `json:"processId,omitempty"`
	Version     int32    `json:"version,omitempty"`
}

// InstanceSummary is a line in a list of running instances.
type InstanceSummary struct {
	ID          string `json:"id"`
	Home        int32  `json:"home"`
	ProcessID   string `json:"processId"`
	Version     int32  `json:"version"`
	BusinessKey string `json:"businessKey"`
	Sequence    int64  `json:"sequence"`
	Incidents   int32  `json:"incidents"`
	Parked      bool   `json:"parked"`
}

// Instance is a running instance.
type Instance struct {
	ID          string          `json:"id"`
	Home        int32           `json:"home"`
	ProcessID   string          `json:"processId"`
	Version     int32           `json:"version"`
	BusinessKey string          `json:"businessKey"`
	Tenant      string          `json:"tenant,omitempty"`
	Sequence    uint64          `json:"sequence"`
	StartedAt   time.Time       `json:"startedAt"`
	Parked      bool            `json:"parked"`
	NextDue     *time.Time      `json:"nextDue,omitempty"`
	At          []Element       `json:"at"`
	AtTruncated bool            `json:"atTruncated,omitempty"`
	Incidents   []Incident      `json:"incidents"`
	Variables   json.RawMessage `json:"variables"`
}

// Element is an element instance that holds a token.
type Element struct {
	Element string `json:"element"`
	Name    string `json:"name,omitempty"`
	Key     uint64 `json:"key"`
}

type startInput struct {
	ProcessID string `path:"processId"`
	Body      struct {
		Version     int32     `json:"version,omitempty" doc:"0: the latest"`
		BusinessKey string    `json:"businessKey,omitempty" maxLength:"256"`
		Tenant      string    `json:"tenant,omitempty" maxLength:"256"`
		Variables   Variables `json:"variables,omitempty"`
	}
}

type answerOutput struct {
	Status int
	Body   Answer
}

type listInput struct {
	ProcessID   string `query:"processId"`
	BusinessKey string `query:"businessKey"`
	Incident    bool   `query:"incident" doc:"Only instances with incidents"`
	After       string `query:"after" doc:"Continue after this instance id"`
	Limit       int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type listOutput struct {
	Body struct {
		Instances []InstanceSummary `json:"instances"`
		Next      string            `json:"next,omitempty" doc:"Give as after to go on; absent at the end"`
	}
}

type instanceInput struct {
	ID string `path:"id"`
}

type instanceOutput struct{ Body Instance }

// History is what happened to an instance, running or ended.
type History struct {
	ID          string     `json:"id"`
	ProcessID   string     `json:"processId"`
	Version     int32      `json:"version"`
	BusinessKey string     `json:"businessKey"`
	Tenant      string     `json:"tenant,omitempty"`
	State       string     `json:"state"`
	Sequence    int64      `json:"sequence"`
	Incidents   int32      `json:"incidents"`
	StartedAt   time.Time  `json:"startedAt"`
	EndedAt     *time.Time `json:"endedAt,omitempty"`
	Steps       []Step     `json:"steps"`
}

// Step is one decided input.
type Step struct {
	Sequence int64           `json:"sequence"`
	At       time.Time       `json:"at"`
	Events   json.RawMessage `json:"events"`
}

type historyOutput struct{ Body History }

type cancelInput struct {
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	}
}

func (s *server) instances(api huma.API) {
	start := op(http.MethodPost, "/v1/processes/{processId}/instances", "start", "instances", "Start an instance at the none start event")
	start.DefaultStatus = http.StatusCreated
	huma.Register(api, start, s.start)
	huma.Register(api, op(http.MethodGet, "/v1/instances", "list-instances", "instances", "List running instances in the order of their start"), s.list)
	huma.Register(api, op(http.MethodGet, "/v1/instances/{id}", "get-instance", "instances", "Show a running instance"), s.get)
	huma.Register(api, op(http.MethodPost, "/v1/instances/{id}/cancel", "cancel", "instances", "End a running instance"), s.cancel)
	huma.Register(api, op(http.MethodGet, "/v1/instances/{id}/history", "get-history", "instances", "Show what happened to an instance, running or ended"), s.history)
}

func (s *server) start(ctx context.Context, in *startInput) (*answerOutput, error) {
	a, err := s.o.Start(ctx, orchestrator.StartRequest{
		ProcessID: in.ProcessID, Version: in.Body.Version, BusinessKey: in.Body.BusinessKey, Tenant: in.Body.Tenant, Variables: object(in.Body.Variables),
	})
	if err != nil {
		return nil, problem(err)
	}
	return &answerOutput{http.StatusCreated, answer(a)}, nil
}

func (s *server) list(ctx context.Context, in *listInput) (*listOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	found, err := s.o.Instances(ctx, q)
	if err != nil {
		return nil, problem(err)
	}
	out := &listOutput{}
	out.Body.Instances = make([]InstanceSummary, len(found))
	for i, f := range found {
		out.Body.Instances[i] = InstanceSummary{
			ID: uuid.UUID(f.ID).String(), Home: f.Home, ProcessID: f.ProcessID, Version: f.ProcessVer,
			BusinessKey: f.BusinessKey, Sequence: f.Version, Incidents: f.Incidents, Parked: f.Parked,
		}
	}
	if len(found) == in.Limit {
		out.Body.Next = out.Body.Instances[len(found)-1].ID
	}
	return out, nil
}

func (in *listInput) query() (store.InstanceQuery, error) {
	q := store.InstanceQuery{ProcessID: in.ProcessID, BusinessKey: in.BusinessKey, Incident: in.Incident, Limit: in.Limit}
	if err := errors.Join(wire.Limits{}.CheckKey("processId", in.ProcessID), wire.Limits{}.CheckKey("businessKey", in.BusinessKey)); err != nil {
		return q, huma.Error422UnprocessableEntity(err.Error())
	}
	if in.After == "" {
		return q, nil
	}
	after, err := parseID(in.After)
	q.After = after
	return q, err
}

func (s *server) get(ctx context.Context, in *instanceInput) (*instanceOutput, error) {
	id, err := parseID(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.o.Instance(ctx, id)
	if err != nil {
		return nil, problem(err)
	}
	return &instanceOutput{instance(v)}, nil
}

func instance(v orchestrator.InstanceView) Instance {
	i := Instance{
		ID: uuid.UUID(v.ID).String(), Home: v.Home, ProcessID: v.ProcessID, Version: v.Version, BusinessKey: v.BusinessKey,
		Tenant: v.Tenant, Sequence: v.Sequence, StartedAt: v.StartedAt, Parked: v.Parked, AtTruncated: v.Truncated,
		At: []Element{}, Incidents: incidents(v.Incidents), Variables: v.Variables,
	}
	if !v.NextDue.IsZero() {
		i.NextDue = &v.NextDue
	}
	for _, e := range v.Active {
		i.At = append(i.At, Element{Element: e.Element, Name: e.Name, Key: uint64(e.Key)})
	}
	return i
}

func (s *server) cancel(ctx context.Context, in *cancelInput) (*answerOutput, error) {
	id, err := parseID(in.ID)
	if err != nil {
		return nil, err
	}
	a, err := s.o.Cancel(ctx, id, in.Body.Reason)
	if err != nil {
		return nil, problem(err)
	}
	return &answerOutput{accepted(a), answer(a)}, nil
}

// accepted tells what is done from what another engine will do.
func accepted(a orchestrator.Answer) int {
	if a.Disposition == "forwarded" {
		return http.StatusAccepted
	}
	return http.StatusOK
}

func answer(a orchestrator.Answer) Answer {
	out := Answer{Disposition: a.Disposition, Instances: []string{}, ProcessID: a.ProcessID, Version: a.Version}
	for _, id := range a.Instances {
		out.Instances = append(out.Instances, uuid.UUID(id).String())
	}
	return out
}

// object is the variables as the JSON object they came as.
func object(v Variables) []byte {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // raw messages of a decoded body are valid JSON
	}
	return b
}

// maxHistorySteps is how many steps a history lists.
const maxHistorySteps = 10_000

func (s *server) history(ctx context.Context, in *instanceInput) (*historyOutput, error) {
	id, err := parseID(in.ID)
	if err != nil {
		return nil, err
	}
	h, steps, known, err := s.o.History(ctx, id, maxHistorySteps)
	if err != nil {
		return nil, problem(err)
	}
	if !known {
		return nil, huma.Error404NotFound("history knows nothing of instance " + in.ID + ": it never was, or its first record is on its way")
	}
	out := &historyOutput{History{
		ID: in.ID, ProcessID: h.ProcessID, Version: h.Version, BusinessKey: h.BusinessKey, Tenant: h.Tenant, State: h.State,
		Sequence: h.Sequence, Incidents: h.Incidents, StartedAt: h.StartedAt, EndedAt: h.EndedAt, Steps: []Step{},
	}}
	for _, e := range steps {
		out.Body.Steps = append(out.Body.Steps, Step(e))
	}
	return out, nil
}
