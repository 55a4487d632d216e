package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/barnabas-project/barnabas/internal/chaos/ledger"
	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// mend waits until everything goes on by itself: every chain, and every short
// process to its end. What does not is a finding.
func (c *chaos) mend(ctx context.Context) error {
	before := c.watch.Chains()
	sent, err := c.driver.Sent(ctx)
	if err != nil {
		return err
	}
	c.outcome.Faults = c.injector.Done()
	c.checker = ledger.NewChecker(sent)
	c.say("all is mended; waiting until %d chains and all short processes have gone on", c.chains)
	_ = c.await(ctx, "everything to go on", func() error { // who has not is told of below
		if n := len(c.watch.Waiting(sent, before)); n > 0 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	c.outcome.Settled = time.Now()
	for _, what := range c.watch.Waiting(sent, before) {
		c.checker.Waiting(what)
	}
	return ctx.Err()
}

// end lets the chains end, and then all processes, in order.
func (c *chaos) end(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(c.folder, stopFile), nil, 0o644); err != nil {
		return err
	}
	c.say("gone on %s after the last fault was mended; letting chains end", c.outcome.Settled.Sub(c.outcome.Mended).Round(time.Second))
	sent, err := c.driver.Sent(ctx)
	if err != nil {
		return err
	}
	_ = c.await(ctx, "all chains to end", func() error { // the checker finds who has not
		if n := len(c.watch.Waiting(sent, nil)); n > 0 {
			return fmt.Errorf("%d have not", n)
		}
		return nil
	})
	err = c.await(ctx, "history to be complete", func() error { return c.historyComplete(ctx) })
	if err != nil { // the checker finds what is missing
		c.say("%v", err)
	}
	for _, name := range slices.Concat(site.Workers, site.Engines, site.Relays) {
		c.site.Processes[name].Stop(15 * time.Second)
	}
	return c.fsck(ctx)
}

// historyComplete asks whether history has all the steps the watch has seen.
func (c *chaos) historyComplete(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.site.Postgres.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var has int64
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM history_step`).Scan(&has); err != nil {
		return err
	}
	if want := c.watch.Steps(); has < want {
		return fmt.Errorf("it has %d of %d steps", has, want)
	}
	return nil
}

// fsck asks the product's own check of the database.
func (c *chaos) fsck(ctx context.Context) error {
	check := exec.CommandContext(ctx, filepath.Join(c.site.Bin, "orchestrator"), "fsck", "--json", "--database", c.site.Postgres.URL)
	var complaints bytes.Buffer
	check.Stderr = &complaints
	out, err := check.Output()
	var found struct {
		Instances   int
		Unpublished int
		Findings    int
	}
	if parsed := json.Unmarshal(out, &found); parsed != nil {
		return fmt.Errorf("orchestrator fsck: %w: %s", err, complaints.String())
	}
	c.outcome.Fsck = fmt.Sprintf("%d findings, %d instances left, %d outbox rows not published", found.Findings, found.Instances, found.Unpublished)
	if found.Findings > 0 {
		c.outcome.Findings = append(c.outcome.Findings, ledger.Finding{Kind: ledger.Defect, What: "orchestrator fsck: " + string(out)})
	}
	if found.Unpublished > 0 {
		c.outcome.Findings = append(c.outcome.Findings, ledger.Finding{Kind: ledger.Lost, What: fmt.Sprintf("%d outbox rows were never published", found.Unpublished)})
	}
	return nil
}

// judge compares the books.
func (c *chaos) judge(ctx context.Context) error {
	c.say("reading Kafka, history and the workers' logs")
	if err := c.checker.ReadKafka(ctx, c.site.Kafka.Address); err != nil {
		return err
	}
	if err := c.checker.ReadHistory(ctx, c.site.Postgres.URL); err != nil {
		return err
	}
	if err := c.checker.ReadEffects(filepath.Join(c.folder, "effects")); err != nil {
		return err
	}
	c.unwatch()
	c.groups.Wait()
	for _, t := range c.turmoils {
		c.checker.Turmoil(t)
	}
	for _, f := range c.injector.Done() {
		c.checker.Fault(f.Began, f.Mended)
	}
	verdict := c.checker.Judge()
	c.outcome.Seed, c.outcome.Duration, c.outcome.Every = c.seed, c.duration, c.every
	c.outcome.Figures, c.outcome.PerSecond = verdict.Figures, verdict.PerSecond
	c.outcome.Findings = append(c.outcome.Findings, verdict.Findings...)
	c.outcome.Deaths = c.site.Deaths()
	c.outcome.Findings = append(c.outcome.Findings, c.complaints()...)
	return nil
}

// complaints are processes of the product that ended by themselves, and what
// they say that only a defect makes them say.
func (c *chaos) complaints() (all []ledger.Finding) {
	for _, d := range c.outcome.Deaths {
		if !slices.Contains(site.Workers, d.Process) {
			all = append(all, ledger.Finding{Kind: ledger.Defect, What: fmt.Sprintf("%s ended by itself at %s: %s", d.Process, d.At.Format(time.TimeOnly), d.How)})
		}
	}
	for _, name := range slices.Concat(site.Engines, site.Relays) {
		text, err := os.ReadFile(filepath.Join(c.folder, "logs", name+".log"))
		if err != nil {
			continue // it never ran: the run failed before
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "please report this") || strings.HasPrefix(line, "panic:") || strings.Contains(line, "RECORDS ARE GONE") {
				all = append(all, ledger.Finding{Kind: ledger.Defect, What: name + " says: " + strings.TrimSpace(line)})
			}
		}
	}
	return all
}
