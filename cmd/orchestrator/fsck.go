package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/barnabas-project/barnabas/pkg/dev"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/topics"
)

type fsckCommand struct {
	Repair bool   `help:"Mend what can be mended safely, also beside running engines. Without, nothing is changed."`
	Group  string `help:"Consumer group of the engines." default:"barnabas"`
}

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
		return c.check(ctx, g, g.Database, g.Brokers)
	}
	if len(g.Brokers) > 0 {
		return &usageError{"give --database too, or neither for the embedded ones"}
	}
	return withStack(ctx, g, func(s *dev.Stack) error { return c.check(ctx, g, s.Postgres.URL(), s.Kafka.Brokers()) })
}

func (c *fsckCommand) check(ctx context.Context, g *globals, database string, brokers []string) error {
	s, err := store.Open(ctx, store.Config{URL: database})
	if err != nil {
		return &awayError{fmt.Sprintf("%v; name the database of the engines with --database", err)}
	}
	defer s.Close()
	f := orchestrator.Fsck{Store: s, Repair: c.Repair, Progress: fsckProgress(os.Stderr)}
	if len(brokers) > 0 {
		logger, err := g.logger()
		if err != nil {
			return err
		}
		a, err := kafka.NewAdmin(kafka.Config{Brokers: brokers, Logger: logger})
		if err != nil {
			return &usageError{err.Error()}
		}
		defer a.Close()
		set, err := topics.Load(g.Topics)
		if err != nil {
			return &usageError{err.Error()}
		}
		f.Cluster, f.Names, f.Group = a, set.Names(), c.Group
	}
	return c.run(ctx, g, f)
}

func (c *fsckCommand) run(ctx context.Context, g *globals, f orchestrator.Fsck) (err error) {
	report := fsckReport{List: []orchestrator.Finding{}}
	f.Found = func(found orchestrator.Finding) {
		if g.JSON {
			report.List = append(report.List, found)
			return
		}
		c.printFinding(found)
	}
	if report.Checked, err = f.Run(ctx); err != nil {
		return noSchema(err)
	}
	if err := g.print(report, func() { c.printSummary(report.Checked, f.Cluster != nil) }); err != nil {
		return err
	}
	if left := report.Findings - report.Repaired; left > 0 {
		return &refusedError{fmt.Sprintf("%d findings", left)}
	}
	return nil
}

func (c *fsckCommand) printFinding(f orchestrator.Finding) {
	fmt.Printf("%s %s: %s\n", f.What, f.Key, f.Message)
	switch {
	case f.Done:
		fmt.Printf("  repaired: %s\n", f.Repair)
	case c.Repair && f.Repair != "":
		fmt.Printf("  not repaired: it has changed meanwhile; check again\n")
	default:
		fmt.Printf("  do: %s\n", f.Advice)
	}
}

func (c *fsckCommand) printSummary(n orchestrator.Checked, withTopics bool) {
	fmt.Printf("checked %d instances, %d correlations and %d homes; %d outbox rows are not published yet\n", n.Instances, n.Correlations, n.Homes, n.Unpublished)
	if withTopics {
		fmt.Printf("history has %d records to take\n", n.HistoryBehind)
	} else {
		fmt.Println("positions in topics were not compared: name the brokers with --brokers")
	}
	if n.Undecided > 0 {
		fmt.Printf("%d instances wait for messages that may be on their way: check again when all is published and consumed\n", n.Undecided)
	}
	if n.Findings > 0 {
		fmt.Printf("%d findings, %d repaired\n", n.Findings, n.Repaired)
	}
}

// fsckProgress says every few seconds how far the check has come.
func fsckProgress(to *os.File) func(orchestrator.Checked) {
	const every = 5 * time.Second
	said := time.Now()
	return func(n orchestrator.Checked) {
		if time.Since(said) < every {
			return
		}
		said = time.Now()
		_, _ = fmt.Fprintf(to, "… %d instances and %d correlations checked, %d findings\n", n.Instances, n.Correlations, n.Findings) // nobody may listen
	}
}

// noSchema says what it means that a table is missing.
func noSchema(err error) error {
	var missing *pgconn.PgError
	if errors.As(err, &missing) && missing.Code == "42P01" {
		return &refusedError{"this database holds no Barnabas schema: name the one of the engines with --database; an engine makes its tables when it starts"}
	}
	return err
}
