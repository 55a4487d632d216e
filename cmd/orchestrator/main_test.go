package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asCommand makes this binary the command instead of its tests, so that tests
// can send signals to it and kill it.
const asCommand = "BARNABAS_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	if at := os.Getenv(asWorker); at != "" {
		work(at)
		return
	}
	code := m.Run()
	_ = os.Remove(relayPath()) // built if a test needed it
	os.Exit(code)
}

// process is the command as a process of its own.
type process struct {
	*exec.Cmd
	output output
	ended  chan struct{}
}

func startCommandLine(t *testing.T, args ...string) *process {
	t.Helper()
	command := exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), asCommand+"=1")
	return startProcess(t, command)
}

// startProcess starts a command, which ends with the test at the latest.
func startProcess(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: command, ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.output, &p.output
	require.NoError(t, p.Start())
	go func() {
		defer close(p.ended)
		_ = p.Wait() // the exit code tells
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // ended: nothing to kill
		<-p.ended
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(command.Args, " "), tail(p.output.String(), 10_000))
		}
	})
	return p
}

func tail(text string, most int) string { return text[max(len(text)-most, 0):] }

// code waits for the end and gives the exit code.
func (p *process) code(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		require.FailNow(t, "the command does not end", p.output.String())
		return -1
	}
}

// says waits until the output contains text.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return bytes.Contains(p.output.bytes(), []byte(text)) },
		patience, 10*time.Millisecond, "does not say %q: %s", text, &p.output)
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.text.Bytes())
}

func (o *output) String() string { return string(o.bytes()) }
