package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/barnabas-project/barnabas/pkg/api"
)

type deployCommand struct {
	Models []string `arg:"" help:"BPMN files." type:"existingfile"`
}

func (c *deployCommand) Run(ctx context.Context, g *globals) error {
	all := []api.Deployment{}
	for _, file := range c.Models {
		d, err := deploy(ctx, g.client(), file)
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	return g.print(all, func() {
		for i, d := range all {
			for _, w := range d.Warnings {
				fmt.Printf("%s:%d: warning: %s: %s\n", c.Models[i], w.Line, w.Element, w.Message)
			}
			for _, def := range d.Definitions {
				fmt.Printf("deployed %s version %d from %s\n", def.ProcessID, def.Version, def.Resource)
			}
		}
	})
}

func deploy(ctx context.Context, engine *client, file string) (d api.Deployment, err error) {
	xml, err := os.ReadFile(file)
	if err != nil {
		return d, err
	}
	err = engine.call(ctx, "POST", "/v1/deployments?resource="+url.QueryEscape(filepath.Base(file)), xml, &d)
	if err != nil {
		return d, fmt.Errorf("deploy %s: %w", file, err)
	}
	return d, nil
}
