package site

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shell is a process that notes its number and then runs the script.
func shell(t *testing.T, script string) (p *Process, pid func() int) {
	t.Helper()
	folder := t.TempDir()
	noted := filepath.Join(folder, "pid")
	p = newProcess("shell", folder, func() *exec.Cmd {
		return exec.Command("/bin/sh", "-c", "echo $$ >"+noted+".new; mv "+noted+".new "+noted+"; "+script)
	})
	t.Cleanup(p.Kill)
	return p, func() (n int) {
		eventually(t, func() bool {
			text, err := os.ReadFile(noted)
			if err == nil {
				n, err = strconv.Atoi(strings.TrimSpace(string(text)))
			}
			return err == nil
		})
		return n
	}
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 5*time.Millisecond)
}

// state is a letter of ps: R and S run, T is stopped, "" is gone.
func state(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))[0]
}

func TestKillIsForGood(t *testing.T) {
	t.Parallel()
	p, pid := shell(t, "exec sleep 600")
	require.NoError(t, p.Start())
	first := pid()
	p.Kill()
	require.Empty(t, state(first))
	require.Empty(t, p.Deaths(), "it was us")
	require.NoError(t, p.Start())
	eventually(t, func() bool { return pid() != first })
}

func TestAProcessThatEndsByItselfIsRememberedAndStartedAgain(t *testing.T) {
	t.Parallel()
	p, pid := shell(t, "exec sleep 600")
	require.NoError(t, p.Start())
	first := pid()
	require.NoError(t, syscall.Kill(first, syscall.SIGTERM))
	eventually(t, func() bool { return pid() != first })
	require.Len(t, p.Deaths(), 1)
	require.Contains(t, p.Deaths()[0].How, "terminated")
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	p, pid := shell(t, "exec sleep 600") // a shell that starts a command can't be seen as stopped
	require.NoError(t, p.Start())
	number := pid()
	p.Pause()
	eventually(t, func() bool { return state(number) == "T" })
	p.Resume()
	eventually(t, func() bool { return state(number) != "T" })
	p.Pause()
	p.Kill() // a paused process too
	require.Empty(t, state(number))
}

func TestStopKillsWhoDoesNotEnd(t *testing.T) {
	t.Parallel()
	p, pid := shell(t, "trap '' TERM; while :; do sleep 0.01; done")
	require.NoError(t, p.Start())
	number := pid()
	p.Stop(50 * time.Millisecond)
	require.Empty(t, state(number))
}

func TestChildrenOf(t *testing.T) {
	t.Parallel()
	p, pid := shell(t, "sleep 600 & sleep 600 & wait")
	require.NoError(t, p.Start())
	eventually(t, func() bool { return len(childrenOf(pid())) == 2 })
}
