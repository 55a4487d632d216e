package main

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/api"
)

type deployCommand struct {
	Models []string `arg:"" help:"BPMN and DMN files: all are deployed in one go, or none." type:"existingfile"`
}

func (c *deployCommand) Run(ctx context.Context, g *globals) error {
	d, err := deploy(ctx, g.client(), c.Models...)
	if err != nil {
		return err
	}
	return g.print(d, func() {
		for _, w := range d.Warnings {
			fmt.Printf("%s:%d: warning: %s: %s\n", c.path(w.Resource), w.Line, w.Element, w.Message)
		}
		for _, def := range d.Definitions {
			fmt.Printf("deployed %s version %d from %s\n", def.ProcessID, def.Version, def.Resource)
		}
		for _, decision := range d.Decisions {
			fmt.Printf("deployed decision %s version %d from %s\n", decision.DecisionID, decision.Version, decision.Resource)
		}
	})
}

// path is the file that a resource was read from.
func (c *deployCommand) path(resource string) string {
	for _, file := range c.Models {
		if filepath.Base(file) == resource {
			return file
		}
	}
	return resource
}

// form is a request body of several files.
type form struct {
	contentType string
	body        []byte
}

// deploy sends files in one go.
func deploy(ctx context.Context, engine *client, files ...string) (d api.Deployment, err error) {
	models, err := formOf(files)
	if err != nil {
		return d, err
	}
	err = engine.call(ctx, "POST", "/v1/deployments", models, &d)
	if err != nil {
		return d, fmt.Errorf("deploy %s: %w", strings.Join(files, " "), err)
	}
	return d, nil
}

func formOf(files []string) (form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, file := range files {
		xml, err := os.ReadFile(file)
		if err != nil {
			return form{}, err
		}
		part, err := w.CreateFormFile("model", filepath.Base(file))
		if err == nil {
			_, err = part.Write(xml)
		}
		if err != nil {
			return form{}, fmt.Errorf("put %s into a form: %w", file, err)
		}
	}
	if err := w.Close(); err != nil {
		return form{}, fmt.Errorf("close a form: %w", err)
	}
	return form{w.FormDataContentType(), b.Bytes()}, nil
}
