package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeelOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "vars.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"order": {"total": 120.50}, "first name": "Joe"}`), 0o600))
	for _, c := range []struct {
		args              []string
		code              int
		out, errorMessage string
	}{
		{args: []string{"1 + 1"}, out: "2\n"},
		{args: []string{"= [1, \"a\", @\"P1D\"]"}, out: "[1, \"a\", @\"P1D\"]\n"},
		{args: []string{"--vars", file, "order.total * 2"}, out: "241\n"},
		{args: []string{"--vars", file, `first name + "!"`}, out: "\"Joe!\"\n"},
		{args: []string{"nope"}, out: "null\n", errorMessage: "warning: no variable is named \"nope\""},
		{args: []string{"--mode", "strict", "nope"}, code: 1, errorMessage: `line 1, column 1: no variable is named "nope"`},
		{args: []string{"--json", "nope"}, out: "{\n  \"value\": null,\n  \"type\": \"null\",\n  \"warnings\": [\n    \"no variable is named \\\"nope\\\"\"\n  ]\n}\n"},
		{args: []string{"--juel", "${1 + 2} items"}, out: "\"3 items\"\n"},
		{args: []string{"--juel", "--vars", file, "order.total > 100"}, out: "true\n"},
		{args: []string{"1 +"}, code: 1, errorMessage: "line 1, column 4"},
		{args: []string{"--mode", "odd", "1"}, code: 2, errorMessage: "--mode"},
		{args: []string{"--vars", filepath.Join(dir, "none.json"), "1"}, code: 2, errorMessage: "none.json"},
	} {
		got := commandLine(t, append([]string{"feel"}, c.args...)...)
		require.Equal(t, c.code, got.code, "%v: %s", c.args, got.errors)
		require.Equal(t, c.out, got.out, c.args)
		require.Contains(t, got.errors, c.errorMessage, c.args)
	}
}

func TestFeelVariablesHaveToBeAnObject(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "vars.json")
	for text, want := range map[string]string{"[1]": "has a list; want a JSON object", "{": "read JSON"} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		got := commandLine(t, "feel", "--vars", file, "1")
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.errors, want)
	}
}

func TestFeelPiped(t *testing.T) {
	t.Parallel()
	got := invocation{args: []string{"feel"}, stdin: "1+1"}.run(t)
	require.Equal(t, answered{out: "2 : number\n"}, got)
	got = invocation{args: []string{"feel"}, stdin: "1/0\n1 +\n2\n:what\n"}.run(t)
	require.Equal(t, 1, got.code)
	require.Equal(t, "warning: division by zero\nnull : null\n2 : number\n", got.out)
	require.Contains(t, got.errors, "the expression ends where a value is expected")
	require.Contains(t, got.errors, "there is no command :what")
	require.Contains(t, got.errors, "2 of the expressions failed")
	got = invocation{args: []string{"feel", "--json"}, stdin: "\"a\"\n"}.run(t)
	require.Equal(t, "{\"value\":\"a\",\"type\":\"string\"}\n", got.out)
	got = invocation{args: []string{"feel"}, stdin: "[1,\n"}.run(t)
	require.Contains(t, got.errors, "the input ends within an expression: [1,")
}

// TestFeelSession is what a session says to each line.
func TestFeelSession(t *testing.T) {
	t.Parallel()
	s := feelSession{}
	for _, c := range [][2]string{
		{"total := 3 * 4", "12 : number"}, {"total + 1", "13 : number"}, {"unit price := 2.50", "2.5 : number"}, {"total * unit price", "30 : number"},
		{"[1,", ""}, {"2]", "[1, 2] : list"}, {`1 + \`, ""}, {"1", "2 : number"}, {`{"a(": 1,`, ""}, {"b: 2}", `{"a(": 1, b: 2} : context`},
		{":vars", "total = 12 : number\nunit price = 2.5 : number"}, {":type total > 1", "boolean"}, {":type", "context"},
		{":mode", "camunda"}, {"nope", "warning: no variable is named \"nope\"\nnull : null"}, {":mode strict", "strict"},
		{"nope", "error: expression \"nope\", line 1, column 1: no variable is named \"nope\""}, {":mode loud", `error: there is no mode "loud"; use strict or camunda`},
		{":lang juel", "JUEL"}, {"${total + 1}", "13 : number"}, {":lang feel", "FEEL"}, {"", ""}, {":help", feelHelp}, {":quit", "quit"},
	} {
		var out bytes.Buffer
		s.out = &out
		err := s.line(c[0])
		said := strings.TrimSuffix(out.String(), "\n")
		switch {
		case errors.Is(err, errQuit):
			said = "quit"
		case err != nil:
			said = "error: " + err.Error()
		}
		require.Equal(t, c[1], said, c[0])
	}
}

func TestFeelHistory(t *testing.T) {
	t.Parallel()
	h := &lineHistory{file: filepath.Join(t.TempDir(), "state", "history")}
	for _, line := range []string{"1", "2", "2", "", "3"} {
		h.Add(line)
	}
	require.Equal(t, 3, h.Len())
	require.Equal(t, "3", h.At(0))
	require.Equal(t, "1", h.At(2))
	for range 2 * maxHistory {
		h.Add("a")
		h.Add("b")
	}
	require.Equal(t, maxHistory, h.Len())
	h.close()
	text, err := os.ReadFile(h.file)
	require.NoError(t, err)
	require.Equal(t, maxHistory, strings.Count(string(text), "\n"))
	info, err := os.Stat(h.file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
