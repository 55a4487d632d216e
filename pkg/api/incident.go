package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
)

// Incident is something a human has to mend.
type Incident struct {
	Instance  string    `json:"instance"`
	ProcessID string    `json:"processId"`
	Element   string    `json:"element,omitempty"`
	Key       uint64    `json:"key"`
	Kind      string    `json:"kind"`
	Message   string    `json:"message"`
	Since     time.Time `json:"since"`
}

type incidentsOutput struct {
	Body struct {
		Incidents []Incident `json:"incidents"`
	}
}

type resolveInput struct {
	ID   string `path:"id"`
	Body struct {
		Key       uint64    `json:"key,omitempty" doc:"The incident's key; 0: all of the instance"`
		Retries   int       `json:"retries,omitempty" minimum:"0" maximum:"1000" doc:"Attempts given to a task; 0: as many as the model says"`
		Variables Variables `json:"variables,omitempty" doc:"Set before trying again"`
	}
}

// Discarded is a result or message that was not applied.
type Discarded struct {
	At        time.Time `json:"at"`
	End       string    `json:"end" enum:"duplicate,late,unknown,unmatched"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Key       string    `json:"key"`
	Reason    string    `json:"reason,omitempty"`
}

type discardedOutput struct {
	Body struct {
		Discarded []Discarded `json:"discarded"`
	}
}

func (s *server) incidents(api huma.API) {
	huma.Register(api, op(http.MethodGet, "/v1/discarded", "list-discarded", "incidents",
		"List the last results and messages this engine did not apply: duplicate, late, unknown, unmatched"), s.listDiscarded)
	huma.Register(api, op(http.MethodGet, "/v1/incidents", "list-incidents", "incidents", "List open incidents"), s.listIncidents)
	huma.Register(api, op(http.MethodPost, "/v1/instances/{id}/resolve", "resolve", "incidents", "Try again what incidents stopped"), s.resolve)
}

func (s *server) listIncidents(ctx context.Context, in *listInput) (*incidentsOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	found, err := s.o.Incidents(ctx, q)
	if err != nil {
		return nil, problem(err)
	}
	out := &incidentsOutput{}
	out.Body.Incidents = incidents(found)
	return out, nil
}

func incidents(views []orchestrator.IncidentView) []Incident {
	list := make([]Incident, len(views))
	for i, v := range views {
		list[i] = Incident{
			Instance: uuid.UUID(v.Instance).String(), ProcessID: v.ProcessID, Element: v.Element, Key: uint64(v.Key),
			Kind: v.Kind, Message: v.Message, Since: v.Since,
		}
	}
	return list
}

func (s *server) resolve(ctx context.Context, in *resolveInput) (*answerOutput, error) {
	id, err := parseID(in.ID)
	if err != nil {
		return nil, err
	}
	a, err := s.o.Resolve(ctx, orchestrator.ResolveRequest{
		Instance: id, Element: engine.Key(in.Body.Key), Retries: in.Body.Retries, Variables: object(in.Body.Variables),
	})
	if err != nil {
		return nil, problem(err)
	}
	return &answerOutput{accepted(a), answer(a)}, nil
}

func (s *server) listDiscarded(context.Context, *struct{}) (*discardedOutput, error) {
	out := &discardedOutput{}
	out.Body.Discarded = []Discarded{}
	for _, d := range s.o.Discarded() {
		out.Body.Discarded = append(out.Body.Discarded, Discarded(d))
	}
	return out, nil
}
