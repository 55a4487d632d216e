package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/barnabas-project/barnabas/pkg/dev"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
)

type fsckCommand struct{}

// fsckReport is what fsck says as JSON.
type fsckReport struct {
	orchestrator.Checked
	List []orchestrator.Finding `json:"list"`
}

func (c *fsckCommand) Run(ctx context.Context, g *globals) error {
	if g.Database != "" {
		if err := g.checkDatabase(); err != nil {
			return err
		}
		return fsck(ctx, g, g.Database)
	}
	return withStack(ctx, g, func(s *dev.Stack) error { return fsck(ctx, g, s.Postgres.URL()) })
}

func fsck(ctx context.Context, g *globals, database string) error {
	s, err := store.Open(ctx, store.Config{URL: database})
	if err != nil {
		return &awayError{fmt.Sprintf("%v; name the database of the engines with --database", err)}
	}
	defer s.Close()
	o, err := orchestrator.New(ctx, orchestrator.Config{ID: "fsck", Store: s, Relay: elsewhere{}})
	if err != nil {
		return noSchema(err)
	}
	report := fsckReport{List: []orchestrator.Finding{}}
	report.Checked, err = o.Check(ctx, func(f orchestrator.Finding) {
		if g.JSON {
			report.List = append(report.List, f)
			return
		}
		fmt.Printf("%s %s: %s\n", f.What, f.Instance, f.Message)
	})
	if err != nil {
		return err
	}
	err = g.print(report, func() {
		fmt.Printf("checked %d instances and %d correlations; %d outbox rows are not published yet\n", report.Instances, report.Correlations, report.Unpublished)
	})
	if err == nil && report.Findings > 0 {
		err = &refusedError{fmt.Sprintf("%d findings", report.Findings)}
	}
	return err
}

// noSchema says what it means that a table is missing.
func noSchema(err error) error {
	var missing *pgconn.PgError
	if errors.As(err, &missing) && missing.Code == "42P01" {
		return &refusedError{"this database holds no Barnabas schema: name the one of the engines with --database; an engine makes its tables when it starts"}
	}
	return err
}
