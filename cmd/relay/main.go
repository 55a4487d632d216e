// Command relay publishes the outbox in a process of its own. Several of them share the homes; when one dies the others go on. Engines that
// publish themselves need none.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// flags are the command line. Each may be given by environment as BARNABAS_….
type flags struct {
	Brokers  []string      `help:"Kafka brokers." placeholder:"HOST:PORT" required:""`
	Database string        `help:"Postgres URL." placeholder:"URL" required:""`
	Listen   string        `help:"Address of /healthz, /readyz and /metrics." default:"127.0.0.1:7071" env:"BARNABAS_RELAY_LISTEN"`
	Insecure bool          `help:"Let others than this machine read those. They hold no secrets, but names of topics and figures."`
	LeaseTTL time.Duration `help:"How long homes of a relay that died wait for another one." default:"3s" name:"lease-ttl"`
	LogLevel string        `help:"Least level of log lines: debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`

	Version kong.VersionFlag `help:"Print the version and exit." env:"-"`
}

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2 // wrong flags
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	f, err := parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "relay: %v\nTry: relay --help\n", err)
		return exitUsage
	}
	if err := serve(ctx, f); err != nil {
		fmt.Fprintf(os.Stderr, "relay: %v\n", err)
		return exitFailed
	}
	return 0
}

// parse reads and checks the command line.
func parse(args []string) (*flags, error) {
	var f flags
	parser, err := kong.New(&f,
		kong.Name("relay"),
		kong.Description("Publishes the outbox of Barnabas to Kafka. Every flag may be given by environment (BARNABAS_…)."),
		kong.DefaultEnvars("BARNABAS"),
		kong.Vars{"version": version()},
	)
	if err != nil {
		return nil, err
	}
	if _, err = parser.Parse(args); err != nil {
		return nil, err
	}
	return &f, errors.Join(f.checkListen(), f.checkDatabase())
}

// checkListen wants to be told when figures are to be seen from elsewhere.
func (f *flags) checkListen() error {
	host, _, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: want host:port, e.g. 127.0.0.1:7071", f.Listen)
	}
	ip := net.ParseIP(host)
	if f.Insecure || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %s can be reached from other machines, without a password: it shows no secrets, but names of topics and figures; say --insecure if that is meant", f.Listen)
}

// checkDatabase finds what waiting for the database would not cure.
func (f *flags) checkDatabase() error {
	if _, err := pgconn.ParseConfig(f.Database); err != nil {
		return fmt.Errorf("--database: %w; want postgres://user:password@host:port/name", err)
	}
	return nil
}

// logger writes JSON lines to standard error, or readable ones to a terminal.
func (f *flags) logger() (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(f.LogLevel)
	if err != nil {
		return nil, err
	}
	cfg := zap.NewProductionConfig()
	if term.IsTerminal(int(os.Stderr.Fd())) {
		cfg = zap.NewDevelopmentConfig()
		cfg.DisableCaller, cfg.DisableStacktrace = true, true
	}
	cfg.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	cfg.Level = zap.NewAtomicLevelAt(level)
	return cfg.Build()
}

// version is the commit the command was built from, or else the module's.
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
