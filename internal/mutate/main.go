// Command mutate proves that the tests of the guards which the design rests on
// can fail. It takes each guard of mutations.txt out of a copy of the sources (a
// condition dropped from a statement, a mark not written, a step left out) and
// runs the tests that should notice. A mutation that they pass is a hole: the
// promise is written down, but nothing keeps it. The checkout is never touched:
// its files, as they are now, are copied to a temporary folder, and the compiler
// is given the mutated file in place of the copied one. Before that the same
// tests must pass without any mutation. Run it with make mutate, or with go run
// ./internal/mutate --only some-name --verbose while you work on one of them.
//
// When a change makes a text of the table disappear, write the mutation that
// removes the guard in its new form. When you add a guard, add a mutation.
//
// Start reading at mutations.txt, then mutation.go.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

//go:embed mutations.txt
var table string

// Exit codes.
const (
	exitHole  = 1 // a mutation was not caught, or could not be tried
	exitUsage = 2 // wrong flags
)

const usage = `Removes each guard of internal/mutate/mutations.txt from a copy of the sources and runs the tests that should notice.
Exits with 1 if tests do not notice, if a text to replace is not found exactly once, or if a mutated copy does not compile.

Usage: go run ./internal/mutate [flags]

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	only    string
	commit  string
	json    bool
	list    bool
	verbose bool
	jobs    int
	timeout time.Duration
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.only, "only", "", "try this mutation alone, by `name`")
	flags.StringVar(&o.commit, "commit", "", "take the sources of this `commit` instead of the files as they are")
	flags.BoolVar(&o.json, "json", false, "print the outcomes as JSON")
	flags.BoolVar(&o.list, "list", false, "print what would be tried, as the table of docs/reliability.md, and end")
	flags.BoolVar(&o.verbose, "verbose", false, "print what the tests say")
	flags.IntVar(&o.jobs, "jobs", 2, "try so many mutations at a time")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "end tests that take longer; they count as failed")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("there are no arguments, only flags: %q", flags.Arg(0))
		fmt.Fprintln(stderr, "mutate:", err)
	}
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	holes, err := try(ctx, o, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return exitHole
	}
	if holes > 0 {
		return exitHole
	}
	return 0
}

// try tries what the options select and says how many were not caught.
func try(ctx context.Context, o options, stdout, stderr io.Writer) (holes int, err error) {
	mutations, err := parse(table)
	if err != nil {
		return 0, err
	}
	if mutations, err = choose(mutations, o.only); err != nil {
		return 0, err
	}
	if o.list {
		fmt.Fprint(stdout, markdown(mutations))
		return 0, nil
	}
	l, err := newLaboratory(ctx, o, stderr)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(l.dir)
	if err := l.control(ctx, mutations); err != nil {
		return 0, err
	}
	return report(ctx, l, mutations, stdout)
}

// report prints the outcomes in the order of the table.
func report(ctx context.Context, l *laboratory, mutations []mutation, stdout io.Writer) (holes int, err error) {
	began := time.Now()
	outcomes := make([]outcome, 0, len(mutations))
	for _, pending := range l.tryAll(ctx, mutations) {
		out := <-pending
		outcomes = append(outcomes, out)
		if ctx.Err() != nil {
			return holes, ctx.Err()
		}
		if out.isHole() {
			holes++
		}
		if !l.json {
			fmt.Fprint(stdout, out.line())
		}
	}
	if l.json {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return holes, encoder.Encode(outcomes)
	}
	fmt.Fprintf(stdout, "%d mutations, %d not caught, %s\n", len(outcomes), holes, time.Since(began).Round(time.Second))
	return holes, nil
}
