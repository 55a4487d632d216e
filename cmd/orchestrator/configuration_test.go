package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// parsed reads a command line with a configuration file.
func parsed(t *testing.T, file string, args ...string) (commands, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "barnabas.yaml")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	var c commands
	parser, err := kong.New(&c, kong.DefaultEnvars("BARNABAS"), kong.Configuration(yamlConfiguration), kong.Vars{"version": "1"})
	require.NoError(t, err)
	_, err = parser.Parse(append([]string{"--config", path}, args...))
	return c, err
}

func TestConfigurationFile(t *testing.T) {
	c, err := parsed(t, `
brokers: [a:9092, b:9092]
log-level: warn
insecure: true
group: all
serve: {group: engines, history: false}
bench: {homes: 3, duration: 7s}
`, "serve")
	require.NoError(t, err)
	require.Equal(t, []string{"a:9092", "b:9092"}, c.Brokers)
	require.Equal(t, "warn", c.LogLevel)
	require.True(t, c.Insecure)
	require.Equal(t, "engines", c.Serve.Group, "the command's own goes before what is for all")
	require.False(t, c.Serve.History)
	require.True(t, c.Serve.Relay, "not mentioned")
}

func TestConfigurationGoesBehindFlagsAndEnvironment(t *testing.T) {
	t.Setenv("BARNABAS_LISTEN", "127.0.0.1:2")
	c, err := parsed(t, "listen: 127.0.0.1:1\ndatabase: postgres://file\nlog_level: warn", "serve", "--database", "postgres://flag")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:2", c.Listen)
	require.Equal(t, "postgres://flag", c.Database)
	require.Equal(t, "warn", c.LogLevel, "underscores are as good")
}

func TestConfigurationNamesWhatItDoesNotKnow(t *testing.T) {
	for file, says := range map[string]string{
		"brokres: [a:9092]":              "brokres is neither a flag nor a command",
		"serve: {gruop: x}":              "serve.gruop is neither",
		"serve: x":                       "serve is neither",
		"instances: {list: {limitt: 3}}": "instances.list.limitt is neither",
		"a: [":                           "configuration:",
	} {
		_, err := parsed(t, file, "serve")
		require.ErrorContains(t, err, says, file)
	}
}
