package main

import (
	"net"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startDemo starts a demo of seven orders, one of each kind, on the data in a folder.
func startDemo(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return startCommandLine(t, append([]string{"demo", "--data", data, "--listen", "127.0.0.1:0", "--orders", "7", "--rate", "50"}, args...)...)
}

// nothingLeft waits until the demo's servers are gone.
func nothingLeft(t *testing.T, p *process) {
	t.Helper()
	servers := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(p.output.String(), 3)
	require.Len(t, servers, 3, "REST, Kafka and Postgres")
	for _, address := range servers {
		require.Eventually(t, func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err != nil
		}, 30*time.Second, 20*time.Millisecond, "%s still answers", address)
	}
}

func TestDemoChecksEveryEndAndKeepsItsData(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, stuck := range []string{"1 instances", "2 instances"} {
		p := startDemo(t, data, "--once")
		require.Zero(t, p.code(t), &p.output)
		for _, row := range []string{
			`ordinary +1 +shipped +1 `, `large, checked for fraud +1 +shipped +1 `, `card fails twice +1 +shipped after 2 failed attempts +1 `,
			`article sold out +1 +out-of-stock +1 `, `never paid +1 +payment-timed-out +1 `, `large, by an impostor +1 +rejected +1 `,
			`card always fails +1 +incident after 3 failed attempts +1 `, `All 7 orders came to the end they should`,
		} {
			require.Regexp(t, row, p.output.String())
		}
		require.Contains(t, p.output.String(), "Deployed process order version 1", "the same model is the same version")
		nothingLeft(t, p)
		fsck := startCommandLine(t, "fsck", "--data", data+"/demo", "--log-level", "warn")
		require.Zero(t, fsck.code(t), &fsck.output)
		require.Contains(t, fsck.output.String(), "checked "+stuck, "the stuck order of every run")
	}
}

// Every command that the demo suggests does what it says; Ctrl-C ends it all.
func TestDemoStaysAndItsSuggestionsWork(t *testing.T) {
	t.Parallel()
	p := startDemo(t, t.TempDir())
	p.says(t, "What happens to orders is shown here")
	suggested := map[string]string{}
	for _, line := range strings.Split(p.output.String(), "\n") {
		if !strings.HasPrefix(line, "    "+os.Args[0]) {
			continue
		}
		command := exec.Command("sh", "-c", line)
		command.Env = append(os.Environ(), asCommand+"=1")
		answer, err := command.CombinedOutput()
		require.NoError(t, err, "%s\n%s", line, answer)
		suggested[strings.TrimPrefix(line, "    "+os.Args[0])] = string(answer)
	}
	require.Len(t, suggested, 7)
	stuck := regexp.MustCompile(`(\S+) +\S+ +\d+ +\S+s  ■ incident`).FindStringSubmatch(p.output.String())
	require.NotNil(t, stuck)
	p.says(t, stuck[1]+"  instance-completed")
	p.says(t, "own-1      incident-raised      charge")
	p.says(t, "own-2      instance-completed")

	require.NoError(t, p.Process.Signal(os.Interrupt))
	require.Zero(t, p.code(t), &p.output)
	require.Contains(t, p.output.String(), "Stopped. Data stays in ")
	nothingLeft(t, p)
}

func TestDemoLeavesNothingWhenKilled(t *testing.T) {
	t.Parallel()
	p := startDemo(t, t.TempDir(), "--orders", "1000")
	p.says(t, "■ shipped")
	require.NoError(t, p.Process.Signal(syscall.SIGKILL))
	nothingLeft(t, p)
}

func TestDemoOnceFailsWhenInterrupted(t *testing.T) {
	t.Parallel()
	p := startDemo(t, t.TempDir(), "--once", "--orders", "1000")
	p.says(t, "■ shipped")
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Equal(t, exitFailed, p.code(t))
	require.Contains(t, p.output.String(), "interrupted before all orders had come to their ends")
	nothingLeft(t, p)
}

func TestDemoNamesWrongFlags(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"--brokers b:1 --database postgres://h/d": "leave out --brokers",
		"--orders=-1":     "want 1 to 100000",
		"--orders 100001": "want 1 to 100000",
		"--rate 0":        "want more than 0",
		"--rate 1001":     "at most 1000",
		"--rate NaN":      "at most 1000",
		"--listen :7070":  "no --token is set",
	} {
		p := startCommandLine(t, append(strings.Fields("demo "+args), "--data", t.TempDir())...)
		require.Equal(t, exitUsage, p.code(t), args)
		require.Contains(t, p.output.String(), says, args)
	}
}

func TestDemoEvadesWhoeverListensAlready(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", defaultListen)
	if err == nil { // else somebody else listens there
		t.Cleanup(func() { l.Close() })
	}
	address, err := demoAddress(defaultListen)
	require.NoError(t, err)
	require.NotEqual(t, defaultListen, address)
	_, err = demoAddress("192.0.2.1:1")
	require.ErrorContains(t, err, "choose another address with --listen")
	listen, _ := reflect.TypeFor[globals]().FieldByName("Listen")
	require.Equal(t, defaultListen, listen.Tag.Get("default"))
}
