package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/fault"
	"github.com/barnabas-project/barnabas/internal/chaos/ledger"
	"github.com/barnabas-project/barnabas/internal/chaos/load"
	"github.com/barnabas-project/barnabas/internal/chaos/report"
	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// How long the phases without faults take.
const (
	warmUp = 15 * time.Second // measured: what the site does when nothing is broken
	settle = 3 * time.Minute  // at most, for everything to go on when all is mended
)

// chaos is one run.
type chaos struct {
	options
	stdout, stderr io.Writer

	folder   string
	site     *site.Site
	driver   *load.Driver
	watch    *load.Watch
	injector *fault.Injector
	checker  *ledger.Checker
	outcome  report.Outcome

	groups   sync.WaitGroup
	turmoils []load.Turmoil // valid once groups has been waited for
	unwatch  context.CancelFunc
}

// run makes the run, tells of it, and says whether all is as it should be.
func (c *chaos) run(ctx context.Context) (clean bool, err error) {
	plan := fault.Plan(c.seed, c.duration, c.every)
	if c.plan {
		for _, f := range plan {
			fmt.Fprintf(c.stdout, "%9s %s\n", f.At.Round(10*time.Millisecond), f)
		}
		return true, nil
	}
	if c.folder, err = makeFolder(c.seed); err != nil {
		return false, err
	}
	c.say("seed %d: %d faults in %s; data and logs are in %s", c.seed, len(plan), c.duration, c.folder)
	defer func() { err = c.close(clean, err) }()
	for _, phase := range []func(context.Context) error{c.start, c.begin, func(ctx context.Context) error { return c.harm(ctx, plan) }, c.mend, c.end, c.judge} {
		if err := phase(ctx); err != nil {
			return false, err
		}
	}
	return len(c.outcome.Findings) == 0, c.tell()
}

func makeFolder(seed uint64) (string, error) {
	if err := os.MkdirAll(".data/chaos", 0o755); err != nil {
		return "", fmt.Errorf("folder of the run: %w; run chaos from the root of the repository", err)
	}
	folder, err := os.MkdirTemp(".data/chaos", fmt.Sprintf("%d-", seed))
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"", "effects"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil {
			return "", err
		}
	}
	return filepath.Abs(folder)
}

// say tells what goes on.
func (c *chaos) say(format string, args ...any) {
	fmt.Fprintf(c.stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// start starts everything.
func (c *chaos) start(ctx context.Context) error {
	command, err := workers(ctx, c.folder, c.think)
	if err != nil {
		return err
	}
	if commit, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output(); err == nil { // else these are no sources of git
		c.outcome.Commit = strings.TrimSpace(string(commit))
	}
	c.say("starting Kafka, Postgres, engines, relays and workers")
	if c.site, err = site.Start(ctx, site.Config{Folder: c.folder, Worker: command}); err != nil {
		return err
	}
	if c.outcome.Postgres, err = c.site.Postgres.Version(ctx); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.folder, "logs", "faults.log"))
	if err != nil {
		return err
	}
	c.injector = fault.NewInjector(c.site, log)
	for _, process := range load.Processes() {
		resource, xml, err := load.Model(process, 1)
		if err != nil {
			return err
		}
		if err := c.site.Deploy(ctx, resource, xml); err != nil {
			return err
		}
	}
	if c.driver, err = load.NewDriver(c.site.Kafka.Address); err != nil {
		return err
	}
	c.watch, err = load.NewWatch(c.site.Kafka.Address)
	return err
}

// begin begins all chains and waits until each has made a hop.
func (c *chaos) begin(ctx context.Context) error {
	c.watchGroups(ctx)
	c.driver.Chains(c.chains)
	return c.await(ctx, "all chains to make their first hop", func() error {
		moving := 0
		for _, sequence := range c.watch.Chains() {
			if sequence > 1 {
				moving++
			}
		}
		if moving < c.chains {
			return fmt.Errorf("%d of %d have", moving, c.chains)
		}
		return nil
	})
}

// watchGroups notes when work may be done again.
func (c *chaos) watchGroups(ctx context.Context) {
	ctx, c.unwatch = context.WithCancel(ctx)
	c.groups.Go(func() {
		var err error
		if c.turmoils, err = load.Groups(ctx, c.site.Kafka.Address); err != nil {
			c.say("%v", err)
		}
	})
}

// await waits until the condition holds, at most for the time to settle.
func (c *chaos) await(ctx context.Context, what string, condition func() error) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", settle, what, err)
		case <-tick.C:
		}
	}
}

// harm keeps the site busy while faults are injected.
func (c *chaos) harm(ctx context.Context, plan []fault.Fault) error {
	loading, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { c.driver.Run(loading, c.rate, c.seed) })
	all.Go(func() { c.progress(loading, len(plan)) })
	c.outcome.Warmed = time.Now()
	if !fault.Wait(ctx, warmUp) {
		all.Wait()
		return ctx.Err()
	}
	c.outcome.Began = time.Now()
	c.injector.Run(ctx, plan)
	fault.Wait(ctx, time.Until(c.outcome.Began.Add(c.duration)))
	c.outcome.Mended = time.Now()
	c.outcome.Processors, c.outcome.Load = runtime.NumCPU(), loadAverage()
	stop()
	all.Wait()
	return ctx.Err()
}

// loadAverage is that of the last quarter of an hour; 0 if the system does not tell.
func loadAverage() (load float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var one, five float64
	_, _ = fmt.Sscan(string(text), &one, &five, &load) // what is not there is 0
	return load
}

// progress says how far it is, every ten seconds.
func (c *chaos) progress(ctx context.Context, faults int) {
	const every = 10 * time.Second
	hops, began := c.watch.Hops(), time.Now()
	for fault.Wait(ctx, every) {
		now := c.watch.Hops()
		c.say("%7s  %d hops (%d/s)  %d instances ended  %d of %d faults over", time.Since(began).Round(time.Second), now,
			(now-hops)*int(time.Second)/int(every), c.watch.Ended(), c.injector.Count(), faults)
		hops = now
	}
}

// close ends everything, and throws data away unless somebody will want to look.
func (c *chaos) close(clean bool, err error) error {
	if c.unwatch != nil {
		c.unwatch()
		c.groups.Wait()
	}
	if c.driver != nil {
		c.driver.Close()
	}
	if c.watch != nil {
		c.watch.Close()
	}
	if c.site != nil {
		if closing := c.site.Close(); err == nil {
			err = closing
		}
	}
	if clean && err == nil && !c.keep {
		return os.RemoveAll(c.folder)
	}
	c.say("data and logs are kept in %s", c.folder)
	return err
}

// tell prints the outcome and writes the report.
func (c *chaos) tell() error {
	if c.report != "" {
		if err := report.Write(c.report, &c.outcome); err != nil {
			return err
		}
		c.say("the report is in %s", c.report)
	}
	if c.json {
		encoder := json.NewEncoder(c.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(&c.outcome)
	}
	_, err := io.WriteString(c.stdout, c.outcome.Summary())
	return err
}
