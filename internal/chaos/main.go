// Command chaos runs the real thing and breaks it: Apache Kafka, Postgres, two
// engines, two relays and workers in two languages, each a process of its own,
// under load; kills, pauses and cuts them on a schedule that follows from a seed;
// and then compares three independent books of what happened. Run it with
// make chaos DURATION=30m, or with go run ./internal/chaos --help.
//
// Start reading at run.go, which has the phases of a run. Package site is what
// runs, load what keeps it busy, fault what breaks it, ledger what judges, report
// what tells.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/worker"
)

// Exit codes.
const (
	exitFindings = 1 // something does not add up, or the run could not be made
	exitUsage    = 2 // wrong flags
	exitBroken   = 130
)

const usage = `Runs Apache Kafka, Postgres, two engines, two relays and workers in two languages under load, breaks them on a schedule
that follows from the seed, and checks that nothing was lost, doubled, forked, reordered, early, or waits without reason.
Exits with 1 if something was. Run it from the root of the repository; it needs Java, Maven, Python 3 with pip, and Postgres.

Usage: go run ./internal/chaos [flags]

`

type options struct {
	duration time.Duration
	every    time.Duration
	seed     uint64
	chains   int
	think    time.Duration
	rate     int
	report   string
	json     bool
	keep     bool
	plan     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == workerCommand {
		if err := worker.Run(ctx); err != nil {
			fmt.Fprintln(stderr, "chaos worker:", err)
			return exitFindings
		}
		return 0
	}
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	clean, err := (&chaos{options: o, stdout: stdout, stderr: stderr}).run(ctx)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "chaos: interrupted; everything it started is ended")
		return exitBroken
	case err != nil:
		fmt.Fprintln(stderr, "chaos:", err)
		return exitFindings
	case !clean:
		return exitFindings
	}
	return 0
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.DurationVar(&o.duration, "duration", 3*time.Minute, "inject faults for so long; starting, settling and checking come on top")
	flags.DurationVar(&o.every, "every", 5*time.Second, "mean `time` from fault to fault")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "of the schedule; the default is drawn and printed")
	flags.IntVar(&o.chains, "chains", 200, "run so many echo chains")
	flags.DurationVar(&o.think, "think", 250*time.Millisecond, "a hop takes a worker so long, in whole milliseconds")
	flags.IntVar(&o.rate, "rate", 10, "start so many short processes a second")
	flags.StringVar(&o.report, "report", "", "write chaos.md, chaos.svg and chaos.json into this `folder`")
	flags.BoolVar(&o.json, "json", false, "print the outcome as JSON")
	flags.BoolVar(&o.keep, "keep", false, "keep data and logs of a run that found nothing, too")
	flags.BoolVar(&o.plan, "plan", false, "print the schedule of faults, and end")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := o.check(flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
	}
	return o, err
}

func (o options) check(args []string) error {
	switch {
	case len(args) > 0:
		return fmt.Errorf("there are no arguments, only flags: %q", args[0])
	case o.duration <= 0 || o.every <= 0:
		return fmt.Errorf("--duration %s and --every %s must be positive", o.duration, o.every)
	case o.chains < 1 || o.rate < 1 || o.rate > 1000:
		return fmt.Errorf("--chains %d must be 1 or more, --rate %d from 1 to 1000", o.chains, o.rate)
	case o.think < time.Millisecond || o.think%time.Millisecond != 0:
		return fmt.Errorf("--think %s: give whole milliseconds, at least one", o.think)
	}
	return nil
}
