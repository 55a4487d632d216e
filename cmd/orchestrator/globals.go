package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// globals are the flags that mean the same everywhere.
type globals struct {
	Brokers  []string        `help:"Kafka brokers (host:port). Without, an embedded one is used where that makes sense." placeholder:"HOST:PORT"`
	Database string          `help:"Postgres URL. Without, a private one is used where that makes sense." placeholder:"URL"`
	Listen   string          `help:"Address of the REST interface: where an engine listens and where commands find it." default:"127.0.0.1:7070"`
	Data     string          `help:"Folder of the embedded Kafka and Postgres." default:".barnabas" type:"path"`
	Token    string          `help:"Bearer token: required by an engine, sent by commands." placeholder:"TOKEN"`
	Insecure bool            `help:"Let an engine listen on other than loopback addresses without a token."`
	Topics   string          `help:"Folder with topic declarations that replace the built-in ones." type:"path" name:"topics-dir"`
	JSON     bool            `help:"Write JSON." name:"json"`
	LogLevel string          `help:"Least level of log lines: debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`
	Config   kong.ConfigFlag `help:"YAML file with values for flags." placeholder:"FILE"`

	log *zap.Logger // instead of what the flags describe
}

// logger writes JSON lines to standard error, or readable ones to a terminal.
func (g *globals) logger() (*zap.Logger, error) {
	if g.log != nil {
		return g.log, nil
	}
	level, err := zapcore.ParseLevel(g.LogLevel)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	cfg := zap.NewProductionConfig()
	if term.IsTerminal(int(os.Stderr.Fd())) {
		cfg = zap.NewDevelopmentConfig()
		cfg.EncoderConfig.EncodeLevel = zapcore.CapitalColorLevelEncoder
		cfg.DisableCaller, cfg.DisableStacktrace = true, true
	}
	cfg.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	cfg.Level = zap.NewAtomicLevelAt(level)
	return cfg.Build()
}

// checkListen refuses to serve the world without a lock on the door.
func (g *globals) checkListen() error {
	host, _, err := net.SplitHostPort(g.Listen)
	if err != nil {
		return &usageError{fmt.Sprintf("--listen %s: want host:port, e.g. 127.0.0.1:7070", g.Listen)}
	}
	ip := net.ParseIP(host)
	loopback := host == "localhost" || (ip != nil && ip.IsLoopback())
	if loopback || g.Token != "" || g.Insecure {
		return nil
	}
	return &usageError{fmt.Sprintf("--listen %s can be reached from other machines and no --token is set: "+
		"set one (BARNABAS_TOKEN), or say --insecure if something else keeps strangers out", g.Listen)}
}

// external says what the engine or command runs on; both or neither must be given.
func (g *globals) external() (bool, error) {
	switch {
	case len(g.Brokers) > 0 && g.Database != "":
		return true, g.checkDatabase()
	case len(g.Brokers) == 0 && g.Database == "":
		return false, nil
	}
	return false, &usageError{"give both --brokers and --database, or neither to use embedded ones"}
}

// checkDatabase finds what waiting for the database would not cure.
func (g *globals) checkDatabase() error {
	if _, err := pgconn.ParseConfig(g.Database); err != nil {
		return &usageError{fmt.Sprintf("--database: %v; want postgres://user:password@host:port/name", err)}
	}
	return nil
}

// self is how to call this program as a client of this engine.
func (g *globals) self() string {
	self := os.Args[0]
	if strings.Contains(self, "go-build") && filepath.Base(self) == "orchestrator" { // of go run
		self = "go run ./cmd/orchestrator"
	}
	if g.Listen != defaultListen {
		self += " --listen " + g.Listen
	}
	return self
}
