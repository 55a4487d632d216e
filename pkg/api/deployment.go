package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// Definition is a deployed version of a process.
type Definition struct {
	ID         int64  `json:"id"`
	ProcessID  string `json:"processId"`
	Version    int32  `json:"version"`
	VersionTag string `json:"versionTag,omitempty"`
	Resource   string `json:"resource"`
}

// Warning is something odd in a model that was deployed all the same.
type Warning struct {
	Element string `json:"element,omitempty"`
	Line    int    `json:"line,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Deployment is the answer to a deployment.
type Deployment struct {
	Definitions []Definition `json:"definitions"`
	Warnings    []Warning    `json:"warnings"`
}

type deployInput struct {
	Resource string `query:"resource" doc:"File name of the model" default:"model.bpmn"`
	RawBody  []byte `contentType:"application/xml"`
}

type deployOutput struct{ Body Deployment }

type definitionsOutput struct {
	Body struct {
		Definitions []Definition `json:"definitions"`
	}
}

func (s *server) deployments(api huma.API) {
	deploy := op(http.MethodPost, "/v1/deployments", "deploy", "deployments", "Deploy a BPMN model: its executable processes become new versions")
	deploy.DefaultStatus = http.StatusCreated
	huma.Register(api, deploy, s.deploy)
	huma.Register(api, op(http.MethodGet, "/v1/definitions", "list-definitions", "deployments", "List the latest version of every process"), s.listDefinitions)
}

func (s *server) deploy(ctx context.Context, in *deployInput) (*deployOutput, error) {
	d, err := s.o.Deploy(ctx, in.Resource, in.RawBody)
	if err != nil {
		return nil, problem(err)
	}
	return &deployOutput{Deployment{Definitions: definitions(d.Definitions), Warnings: warnings(d.Model)}}, nil
}

func (s *server) listDefinitions(context.Context, *struct{}) (*definitionsOutput, error) {
	out := &definitionsOutput{}
	out.Body.Definitions = definitions(s.o.Definitions())
	slices.SortFunc(out.Body.Definitions, func(a, b Definition) int { return cmp.Compare(a.ProcessID, b.ProcessID) })
	return out, nil
}

func definitions(defs []store.Definition) []Definition {
	list := make([]Definition, len(defs))
	for i, d := range defs {
		list[i] = Definition{ID: d.ID, ProcessID: d.ProcessID, Version: d.Version, VersionTag: d.VersionTag, Resource: d.Resource}
	}
	return list
}

func warnings(m *bpmn.Model) []Warning {
	list := []Warning{}
	for _, p := range m.Warnings {
		list = append(list, Warning{Element: p.ElementID, Line: p.Line, Code: p.Code, Message: p.Message})
	}
	return list
}
