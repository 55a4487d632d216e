package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/barnabas-project/barnabas/pkg/api"
)

type incidentsCommand struct {
	List    incidentsList    `cmd:"" help:"List open incidents."`
	Resolve incidentsResolve `cmd:"" help:"Try again what an instance's incidents stopped."`
}

type incidentsList struct{ filter }

func (c *incidentsList) Run(ctx context.Context, g *globals) error {
	var page struct {
		Incidents []api.Incident `json:"incidents"`
	}
	if err := g.client().call(ctx, "GET", "/v1/incidents?"+c.query().Encode(), nil, &page); err != nil {
		return err
	}
	return g.print(page, func() {
		rows := [][]string{{"INSTANCE", "PROCESS", "ELEMENT", "KEY", "KIND", "SINCE", "MESSAGE"}}
		for _, i := range page.Incidents {
			rows = append(rows, []string{i.Instance, i.ProcessID, i.Element, fmt.Sprint(i.Key), i.Kind, i.Since.Local().Format(time.DateTime), i.Message})
		}
		table(rows)
	})
}

type incidentsResolve struct {
	ID        string    `arg:"" help:"Instance id."`
	Key       uint64    `help:"Only the incident with this key." env:"-"`
	Retries   int       `help:"Attempts given to a task; default: as many as the model says."`
	Variables variables `short:"v" help:"JSON object set before trying again; @file reads a file, - standard input." placeholder:"JSON"`
}

func (c *incidentsResolve) Run(ctx context.Context, g *globals) error {
	vars, err := c.Variables.read()
	if err != nil {
		return err
	}
	in := map[string]any{"key": c.Key, "retries": c.Retries, "variables": vars}
	var a api.Answer
	if err := g.client().call(ctx, "POST", "/v1/instances/"+url.PathEscape(c.ID)+"/resolve", in, &a); err != nil {
		return err
	}
	return g.print(a, func() {
		if a.Disposition == "forwarded" {
			fmt.Println("will be resolved by the engine that owns the instance")
			return
		}
		fmt.Println("resolved")
	})
}
