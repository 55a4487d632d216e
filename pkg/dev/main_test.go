//go:build unix

package dev_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev"
)

// The tests kill owners of servers, so this binary can also play such an owner: with childEnv naming what to start it starts that,
// says where it is, and waits to be killed.
const childEnv = "BARNABAS_DEV_TEST_CHILD"

type started struct {
	DataDir string
	URL     string
	Brokers []string
}

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		if err := runChild(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

// runChild starts a temporary Postgres for "temporary", else a stack in the folder named.
func runChild(what string) error {
	var s started
	if what == "temporary" {
		p, err := dev.StartPostgres(context.Background(), dev.PostgresConfig{Temporary: true})
		if err != nil {
			return err
		}
		s = started{DataDir: p.DataDir(), URL: p.URL()}
	} else {
		stack, err := dev.Start(context.Background(), dev.Config{DataDir: what})
		if err != nil {
			return err
		}
		s = started{DataDir: stack.Postgres.DataDir(), URL: stack.Postgres.URL(), Brokers: stack.Kafka.Brokers()}
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// child is an owner of servers in a process of its own.
type child struct {
	started
	cmd *exec.Cmd
}

// startChild runs this binary as an owner; adjust may change the command before it starts.
func startChild(t *testing.T, what string, adjust ...func(*exec.Cmd)) child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.Stderr = os.Stderr
	for _, f := range adjust {
		f(cmd)
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() // whatever the test did before
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err, "the child did not start its servers")
	c := child{cmd: cmd}
	require.NoError(t, json.Unmarshal(line, &c.started))
	return c
}

func (c child) end(t *testing.T, signal os.Signal) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(signal))
	require.Error(t, c.cmd.Wait())
}

// postmaster is the process id of the server in a data folder, from the file Postgres keeps there.
func postmaster(t *testing.T, dataDir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dataDir, "cluster", "postmaster.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	require.NoError(t, err)
	return pid
}

func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }, 20*time.Second, 10*time.Millisecond, "process %d lives on", pid)
}

// dataDir is a folder closed to other users, in memory where there is some: a new cluster is a thousand files.
func dataDir(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "barnabas-test-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

func query(t *testing.T, url, sql string) (value int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}
