package engine

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/internal/randomprocess"
	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

var update = flag.Bool("update", false, "rewrite the expected output of testdata/*/*.txt; read the diff")

// TestTranscripts runs testdata/<element>/<case>.txt: a comment, a process in
// the notation of notation_test.go, "---", then inputs, each a line that begins
// with "> ", followed by what they lead to:
//
//	event           what happened
//	=> command      what the shell has to do
//	!! rejection    the input made no sense
//
// "> deploy FILE" deploys a model of testdata/businessrule, "> deploy FILE together"
// in one go with the process.
//
// Times are given as the distance from the beginning.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			runTranscript(t, file)
		})
	}
}

func runTranscript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	process, script, found := strings.Cut(string(text), "\n---\n")
	require.True(t, found, "%s has no line ---", file)
	p, err := parseProcess(process)
	require.NoError(t, err)
	got := process + "\n---\n" + play(t, p, script)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	require.Equal(t, string(text), got, "after reading the difference: go test -update")
}

// play runs the inputs of a script and writes down what they lead to.
func play(t *testing.T, p *bpmn.Process, script string) string {
	w := newWitness(t, p)
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "> "):
			fmt.Fprintf(&out, "\n%s\n", line)
			out.WriteString(w.run(line[2:]))
		case strings.HasPrefix(line, "# "):
			fmt.Fprintf(&out, "\n%s", line)
		}
	}
	return strings.TrimPrefix(out.String(), "\n")
}

// beginning is the time at which every transcript starts.
var beginning = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// command is a line of a script taken apart.
type commandLine struct {
	verb    string
	words   []string
	options map[string]string
	json    Variables
}

func parseCommand(t testing.TB, line string) commandLine {
	var c commandLine
	line, json, found := strings.Cut(line, " {")
	if found {
		var err error
		c.json, err = ParseVariables([]byte("{" + json))
		require.NoError(t, err)
	}
	c.options = map[string]string{}
	for i, w := range randomprocess.Words(line) {
		name, value, isOption := strings.Cut(w, "=")
		switch {
		case i == 0:
			c.verb = w
		case isOption:
			c.options[name] = value
		default:
			c.words = append(c.words, w)
		}
	}
	return c
}

func (c commandLine) word(i int) string {
	if i < len(c.words) {
		return c.words[i]
	}
	return ""
}

// run does one line of a script and tells what it leads to.
func (w *witness) run(line string) string {
	c := parseCommand(w.t, line)
	switch c.verb {
	case "state":
		return w.describe()
	case "deploy":
		w.decisions = w.decisions.deploy(w.t, c.word(0), c.word(1) == "together")
		return ""
	case "park":
		out := Park(w.s, w.now, strings.Join(c.words, " "))
		w.follow(out)
		return w.render(out)
	}
	return w.render(w.decide(parseInput(w, c)))
}

func parseInput(w *witness, c commandLine) Input {
	switch c.verb {
	case "start":
		return startInput(w, c)
	case "complete", "fail", "error", "progress":
		return resultInput(w, c)
	case "message":
		node := c.words[len(c.words)-1]
		e := w.find(c.word(0), func(e *element) []int { return nodesOf(e.waits) })
		return MessageReceived{
			Now: w.now, Element: e.key, Node: w.node(node), MessageID: c.options["id"], Variables: c.json,
		}
	case "tick":
		w.advance(c.word(0))
		return Tick{Now: w.now}
	case "cancel":
		return Cancel{Now: w.now, Reason: strings.Join(c.words, " ")}
	case "resolve":
		in := ResolveIncident{Now: w.now, Variables: c.json}
		in.Retries, _ = strconv.Atoi(c.options["retries"])
		if c.word(0) != "all" {
			in.Element = w.find(c.word(0), func(*element) []int { return nil }).key
		}
		return in
	}
	w.t.Fatalf("unknown command %q", c.verb)
	return nil
}

func startInput(w *witness, c commandLine) Input {
	in := Start{
		Now: w.now, Node: w.p.Start, BusinessKey: c.options["businessKey"], Tenant: c.options["tenant"],
		MessageID: c.options["messageId"], Variables: c.json,
	}
	if c.word(0) != "" {
		in.Node = w.node(c.word(0))
	}
	return in
}

var statuses = map[string]ResultStatus{
	"complete": ResultCompleted, "fail": ResultFailed, "error": ResultBPMNError, "progress": ResultProgress,
}

func resultInput(w *witness, c commandLine) Input {
	e := w.find(c.word(0), func(*element) []int { return nil })
	in := TaskResult{
		Now: w.now, Task: e.key, Attempt: e.task.attempt, Status: statuses[c.verb], Variables: c.json,
		ErrorCode: c.options["code"], ErrorMessage: c.options["message"],
	}
	if a, ok := c.options["attempt"]; ok {
		n, err := strconv.Atoi(a)
		require.NoError(w.t, err)
		in.Attempt = uint32(n)
	}
	if r, ok := c.options["retries"]; ok {
		n, err := strconv.Atoi(r)
		require.NoError(w.t, err)
		in.Retries = &n
	}
	if after, ok := c.options["after"]; ok {
		delay := mustDuration(after)
		in.RetryAfter = &delay
	}
	return in
}
