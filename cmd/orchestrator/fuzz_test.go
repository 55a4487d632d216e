package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// FuzzConfiguration reads any file and any values of the environment, a variable
// a line, for every command: it is taken, or refused in words.
func FuzzConfiguration(f *testing.F) {
	names := []string{"serve", "dev", "deploy", "bench", "fsck", "topics", "instances"}
	arguments := map[string][]string{
		"deploy": {"deploy", "x"}, "bench": {"bench", "one-task"}, "topics": {"topics", "plan"}, "instances": {"instances", "list"},
	}
	f.Fuzz(func(t *testing.T, command byte, file, environment string) {
		name := names[int(command)%len(names)]
		args := arguments[name]
		if args == nil {
			args = []string{name}
		}
		for line := range strings.Lines(environment) {
			variable, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			if variable == "" || strings.ContainsAny(variable+value, "\x00") {
				continue // no environment has it
			}
			t.Setenv("BARNABAS_"+variable, value)
		}
		path := filepath.Join(t.TempDir(), "barnabas.yaml")
		require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
		c, err := configured(path, args)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.Contains(t, []string{"debug", "info", "warn", "error"}, c.LogLevel)
		_ = c.checkListen()
		_, _ = c.external()
	})
}

// stopped is what kong would end the program with, to print help or the version.
type stopped int

func configured(path string, args []string) (c commands, err error) {
	defer func() {
		if v := recover(); v != nil {
			if _, is := v.(stopped); !is {
				panic(v)
			}
		}
	}()
	parser, err := kong.New(&c, kong.DefaultEnvars("BARNABAS"), kong.Configuration(yamlConfiguration), kong.Vars{"version": "1"},
		kong.Writers(io.Discard, io.Discard), kong.Exit(func(code int) { panic(stopped(code)) }))
	if err != nil {
		return c, err
	}
	_, err = parser.Parse(append([]string{"--config", path}, args...))
	return c, err
}
