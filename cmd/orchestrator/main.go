// Command orchestrator runs Barnabas and talks to it: serve and dev are the
// engine, the other commands are clients of its REST interface, of Kafka
// (topics) or of both and the database (bench, fsck).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	globals

	Dev        devCommand        `cmd:"" help:"Run everything on this machine: embedded Kafka, private Postgres, engine."`
	Serve      serveCommand      `cmd:"" help:"Run an engine on a Kafka cluster and a Postgres database."`
	Demo       demoCommand       `cmd:"" help:"Run the order example with everything embedded."`
	Deploy     deployCommand     `cmd:"" help:"Deploy BPMN and DMN models."`
	Start      startCommand      `cmd:"" help:"Start an instance of a process."`
	Message    messageCommand    `cmd:"" help:"Publish a message."`
	Instances  instancesCommand  `cmd:"" help:"List, show and cancel instances."`
	Incidents  incidentsCommand  `cmd:"" help:"List and resolve incidents."`
	Decide     decideCommand     `cmd:"" help:"Evaluate a decision of a DMN file, without an engine, and explain it."`
	Feel       feelCommand       `cmd:"" help:"Evaluate FEEL or JUEL: one expression, a pipe, or a conversation."`
	Topics     topicsCommand     `cmd:"" help:"Plan and apply the topics Barnabas needs."`
	Bench      benchCommand      `cmd:"" help:"Measure the engine beside a pipeline without an engine."`
	Fsck       fsckCommand       `cmd:"" help:"Check that the database is consistent in itself."`
	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`

	Version kong.VersionFlag `help:"Print the version and exit." env:"-"`
}

// Exit codes.
const (
	exitFailed  = 1 // the command did not succeed
	exitUsage   = 2 // wrong flags or arguments
	exitRefused = 3 // the engine refused: not found, conflict, bad model
	exitAway    = 4 // the engine, Kafka or the database can't be reached
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	var c commands
	parser, err := kong.New(&c,
		kong.Name("orchestrator"),
		kong.Description("Barnabas executes BPMN so that Kafka is the interface.\n\n"+
			"Every flag may be given by environment (BARNABAS_…) or in a YAML file (--config)."),
		kong.DefaultEnvars("BARNABAS"),
		kong.Configuration(yamlConfiguration),
		kong.Vars{"version": version()},
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: false}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&c.globals),
	)
	if err != nil {
		panic(err) // the structs above are wrong
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "orchestrator: %v\nTry: orchestrator --help\n", err)
		return exitUsage
	}
	return exitCode(parsed.Run())
}

// exitCode says what went wrong, on standard error, and the code for it.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "orchestrator: %v\n", err)
	var refused *refusedError
	var away *awayError
	var usage *usageError
	switch {
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &away):
		return exitAway
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

// usageError is a combination of flags that makes no sense.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

// version is that of the module, or of the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
