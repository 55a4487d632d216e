package dev

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// supervisorScript runs a server as its child and stops it when standard input ends. The other end of that pipe is held by our process
// alone, so the kernel closes it however we end, SIGKILL included; a signal on the parent's death (PR_SET_PDEATHSIG) would be Linux only
// and tied to the life of one thread. Arguments: the signal that stops the server, a folder to remove afterwards or "", the command.
//
// Descriptor 3 belongs to the server (see cluster.path), so standard input is kept as 9. The shell lets background commands ignore
// SIGINT and SIGQUIT, which Postgres undoes by installing handlers of its own.
const supervisorScript = `
exec 9<&0
stop=$1 doomed=$2
shift 2
"$@" </dev/null 9<&- &
server=$!
{ while read -r _; do :; done; kill -s "$stop" "$server"; } <&9 2>/dev/null &
watch=$!
wait "$server"
code=$?
kill "$watch" 2>/dev/null
[ -z "$doomed" ] || rm -rf "$doomed"
exit "$code"
`

// supervised is a server that cannot outlive this process.
type supervised struct {
	lifeline io.Closer     // closing it stops the server
	done     chan struct{} // closed when the server has ended
	err      error         // how it ended; valid once done is closed
}

type serverCommand struct {
	account account
	args    []string
	files   []*os.File // become descriptors 3, 4, …
	log     *os.File
	lock    *folderLock // of its data: kept while the server runs, even if the owner loses sight of it
	signal  string      // stops the server: "INT", "QUIT"
	doomed  string      // folder removed after the server has ended, "" for none
}

func supervise(c serverCommand) (*supervised, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervisorScript, "supervisor", c.signal, c.doomed}, c.args...)...)
	cmd.Env = serverEnv()
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = c.log, c.log, c.files
	// A group of its own, so that Ctrl-C reaches us alone and we decide what stops when.
	cmd.SysProcAttr = c.account.processAttributes()
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.args[0], err)
	}
	s := &supervised{lifeline: lifeline, done: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		runtime.KeepAlive(c.lock)
		close(s.done)
	}()
	return s, nil
}

// stop tells the server to end and waits until it has, or patience is over.
func (s *supervised) stop(patience time.Duration) {
	s.lifeline.Close()
	select {
	case <-s.done:
	case <-time.After(patience):
	}
}

// serverEnv keeps variables meant for Postgres clients and for other locales away from the server.
func serverEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// run executes a short program to its end as the given account; its output is part of the error.
func (a account) run(ctx context.Context, files []*os.File, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles, cmd.SysProcAttr = serverEnv(), "/", files, a.processAttributes()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("run %s: %w\n%s", args[0], err, out)
	}
	return string(out), nil
}
