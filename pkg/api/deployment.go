package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barnabas-project/barnabas/pkg/orchestrator"
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
	Resource string `json:"resource,omitempty"`
	Element  string `json:"element,omitempty"`
	Line     int    `json:"line,omitempty"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// Deployment is the answer to a deployment.
type Deployment struct {
	Definitions []Definition `json:"definitions"`
	Decisions   []Decision   `json:"decisions"`
	Warnings    []Warning    `json:"warnings"`
}

type deployInput struct {
	Resource    string `query:"resource" doc:"File name of the model; parts of a form have their own" default:"model.bpmn"`
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/xml"`
}

type deployOutput struct{ Body Deployment }

type definitionsOutput struct {
	Body struct {
		Definitions []Definition `json:"definitions"`
	}
}

func (s *server) deployments(api huma.API) {
	deploy := op(http.MethodPost, "/v1/deployments", "deploy", "deployments", "Deploy models: executable BPMN processes and DMN decisions become new versions")
	deploy.Description = "One model as XML, or several in one go as a form with a file for each: all are deployed or none. A process that binds to decisions of its deployment has to come with them."
	deploy.DefaultStatus = http.StatusCreated
	huma.Register(api, deploy, s.deploy)
	// Described afterwards: what is registered as a form would be checked as JSON.
	api.OpenAPI().Paths[deploy.Path].Post.RequestBody.Content["multipart/form-data"] = &huma.MediaType{Schema: &huma.Schema{
		Type: huma.TypeObject, Description: "Files, whatever the names of their parts",
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, Format: "binary"},
	}}
	huma.Register(api, op(http.MethodGet, "/v1/definitions", "list-definitions", "deployments", "List the latest version of every process"), s.listDefinitions)
}

func (s *server) deploy(ctx context.Context, in *deployInput) (*deployOutput, error) {
	resources, err := in.resources()
	if err != nil {
		return nil, err
	}
	d, err := s.o.DeployAll(ctx, resources)
	if err != nil {
		return nil, problem(err)
	}
	return &deployOutput{Deployment{Definitions: definitions(d.Definitions), Decisions: decisions(d.Decisions), Warnings: warnings(d.Warnings)}}, nil
}

// resources are the documents of the body: itself, or the files of a form.
func (in *deployInput) resources() ([]orchestrator.Resource, error) {
	kind, params, err := mime.ParseMediaType(in.ContentType)
	isForm := err == nil && kind == "multipart/form-data"
	if !isForm {
		return []orchestrator.Resource{{Name: in.Resource, XML: in.RawBody}}, nil
	}
	var found []orchestrator.Resource
	form := multipart.NewReader(bytes.NewReader(in.RawBody), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, huma.Error400BadRequest("read the form: " + err.Error())
		}
		if part.FileName() == "" {
			continue // fields of the form that are no files
		}
		xml, err := io.ReadAll(part)
		if err != nil {
			return nil, huma.Error400BadRequest("read " + part.FileName() + " of the form: " + err.Error())
		}
		found = append(found, orchestrator.Resource{Name: part.FileName(), XML: xml})
	}
	if len(found) == 0 {
		return nil, huma.Error400BadRequest("the form has no file: send each model as a part with a file name")
	}
	return found, nil
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

func warnings(found []orchestrator.Warning) []Warning {
	list := []Warning{}
	for _, p := range found {
		list = append(list, Warning{Resource: p.Resource, Element: p.ElementID, Line: p.Line, Code: p.Code, Message: p.Message})
	}
	return list
}
