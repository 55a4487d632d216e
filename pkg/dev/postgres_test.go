//go:build unix

package dev_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/barnabas-project/barnabas/pkg/dev"
)

func startPostgres(t *testing.T, config dev.PostgresConfig) *dev.Postgres {
	t.Helper()
	p, err := dev.StartPostgres(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestPostgresKeepsItsDataAcrossRestarts(t *testing.T) {
	t.Parallel()
	config := dev.PostgresConfig{DataDir: dataDir(t)}
	first := startPostgres(t, config)
	url, err := first.CreateDatabase(t.Context(), `odd "name"`)
	require.NoError(t, err)
	execute(t, url, "CREATE TABLE kept AS SELECT 42 AS answer")
	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "closing twice is harmless")

	logs, lines := observer.New(zap.InfoLevel)
	config.Logger = zap.New(logs)
	second := startPostgres(t, config)
	conn, err := pgx.ParseConfig(second.URL())
	require.NoError(t, err)
	conn.Database = `odd "name"`
	require.Equal(t, 42, query(t, conn.ConnString(), "SELECT 42"))
	db, err := pgx.ConnectConfig(t.Context(), conn)
	require.NoError(t, err)
	defer db.Close(t.Context())
	var answer int
	require.NoError(t, db.QueryRow(t.Context(), "SELECT answer FROM kept").Scan(&answer))
	require.Equal(t, 42, answer)
	require.Equal(t, second.DataDir(), lines.FilterMessage("Postgres is running").All()[0].ContextMap()["data"])
}

func TestPostgresNeedsThePassword(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, dev.PostgresConfig{Temporary: true})
	config, err := pgx.ParseConfig(p.URL())
	require.NoError(t, err)
	config.Password = "guess"
	_, err = pgx.ConnectConfig(t.Context(), config)
	require.ErrorContains(t, err, "password authentication failed")
}

func TestPostgresTakesSettingsAndPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port

	config := dev.PostgresConfig{Temporary: true, Port: port, Settings: map[string]string{"max_connections": "17"}}
	_, err = dev.StartPostgres(t.Context(), config)
	require.ErrorContains(t, err, "Address already in use")

	require.NoError(t, l.Close())
	p := startPostgres(t, config)
	require.Contains(t, p.URL(), fmt.Sprintf(":%d/", port))
	require.Equal(t, 17, query(t, p.URL(), "SELECT current_setting('max_connections')::int"))
}

func TestPostgresRefusesBadConfigurations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  dev.PostgresConfig
		problem string
	}{
		"neither folder nor temporary": {dev.PostgresConfig{}, "give either a data folder or Temporary"},
		"both":                         {dev.PostgresConfig{DataDir: "x", Temporary: true}, "give either a data folder or Temporary"},
		"port":                         {dev.PostgresConfig{Temporary: true, Port: 65536}, "port 65536 is not in 0..65535"},
		"unknown setting":              {dev.PostgresConfig{Temporary: true, Settings: map[string]string{"no_such": "x"}}, `unrecognized configuration parameter "no_such"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dev.StartPostgres(t.Context(), c.config)
			require.ErrorContains(t, err, c.problem)
		})
	}
}

func TestPostgresRefusesDataOfAVersionNotAtHand(t *testing.T) {
	t.Parallel()
	folder := dataDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "cluster"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "cluster", "PG_VERSION"), []byte("99\n"), 0o600))
	_, err := dev.StartPostgres(t.Context(), dev.PostgresConfig{DataDir: folder})
	require.ErrorContains(t, err, "made by PostgreSQL 99, which this machine does not have: install it")
}

func TestPostgresDoesNotShareItsFolder(t *testing.T) {
	t.Parallel()
	config := dev.PostgresConfig{DataDir: dataDir(t)}
	p := startPostgres(t, config)
	_, err := dev.StartPostgres(t.Context(), config)
	require.ErrorIs(t, err, dev.ErrLocked)
	require.ErrorContains(t, err, fmt.Sprintf("held by process %d", os.Getpid()))
	require.Equal(t, 1, query(t, p.URL(), "SELECT 1"), "the first server is undisturbed")
}

func TestPostgresIgnoresAPidFileOfAnotherProgram(t *testing.T) {
	t.Parallel()
	config := dev.PostgresConfig{DataDir: dataDir(t)}
	require.NoError(t, startPostgres(t, config).Close())
	stale := fmt.Sprintf("%d\n/somewhere\n", os.Getpid())
	require.NoError(t, os.WriteFile(filepath.Join(config.DataDir, "cluster", "postmaster.pid"), []byte(stale), 0o600))
	require.Equal(t, 1, query(t, startPostgres(t, config).URL(), "SELECT 1"))
}

func TestPostgresEndsWhenItsSupervisorWasKilled(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, dev.PostgresConfig{DataDir: dataDir(t)})
	pid := postmaster(t, p.DataDir())
	require.NoError(t, syscall.Kill(parentOf(t, pid), syscall.SIGKILL))
	<-p.Done()
	require.NoError(t, syscall.Kill(pid, 0), "the server itself still runs")
	require.NoError(t, p.Close())
	requireGone(t, pid)
}

// Others take a folder whose lock is free for left behind, and end its server.
func TestForgottenPostgresKeepsItsFolder(t *testing.T) {
	t.Parallel()
	p, err := dev.StartPostgres(t.Context(), dev.PostgresConfig{Temporary: true})
	require.NoError(t, err)
	url, lock := p.URL(), filepath.Join(p.DataDir(), "lock")
	p = nil //nolint:wastedassign // the garbage collector is to find it
	for range 3 {
		runtime.GC()
	}
	file, err := os.Open(lock)
	require.NoError(t, err)
	defer file.Close()
	require.ErrorIs(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
	require.Equal(t, 1, query(t, url, "SELECT 1"))
}

func parentOf(t *testing.T, pid int) (parent int) {
	t.Helper()
	out, err := exec.Command("ps", "-o", "ppid=", "-p", fmt.Sprint(pid)).Output()
	require.NoError(t, err)
	_, err = fmt.Sscan(string(out), &parent)
	require.NoError(t, err)
	require.Greater(t, parent, 1)
	return parent
}

func TestTemporaryPostgresLeavesNothing(t *testing.T) {
	t.Parallel()
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		p := startPostgres(t, dev.PostgresConfig{Temporary: true})
		pid := postmaster(t, p.DataDir())
		require.NoError(t, p.Close())
		requireGone(t, pid)
		require.NoDirExists(t, p.DataDir())
	})
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			c := startChild(t, "temporary")
			pid := postmaster(t, c.DataDir)
			c.end(t, signal)
			requireGone(t, pid)
			require.Eventually(t, func() bool {
				_, err := os.Stat(c.DataDir)
				return os.IsNotExist(err)
			}, 10*time.Second, 10*time.Millisecond, "%s is left", c.DataDir)
		})
	}
}

func TestTemporaryPostgresRemovesWhatOthersLeft(t *testing.T) {
	t.Parallel()
	root := filepath.Dir(startPostgres(t, dev.PostgresConfig{Temporary: true}).DataDir())
	abandoned, err := os.MkdirTemp(root, "barnabas-postgres-*")
	require.NoError(t, err)
	fresh, err := os.MkdirTemp(root, "barnabas-postgres-*")
	require.NoError(t, err)
	defer os.RemoveAll(fresh)
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(abandoned, hourAgo, hourAgo))

	startPostgres(t, dev.PostgresConfig{Temporary: true})
	require.NoDirExists(t, abandoned)
	require.DirExists(t, fresh, "may be somebody's who has not locked it yet")
}

// TestPostgresAsOrdinaryUser covers the other way of running the server: under our own account, by paths.
func TestPostgresAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("all other tests run as an ordinary user")
	}
	home, err := os.MkdirTemp("", "barnabas-user-*") // t.TempDir is closed to others
	require.NoError(t, err)
	defer os.RemoveAll(home)
	require.NoError(t, os.Chmod(home, 0o777))
	binary := filepath.Join(home, "binary")
	copyFile(t, os.Args[0], binary)
	asNobody := func(cmd *exec.Cmd) {
		cmd.Path = binary
		cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CACHE_HOME=", "TMPDIR=/tmp")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}

	c := startChild(t, filepath.Join(home, "data"), asNobody)
	require.Equal(t, 1, query(t, c.URL, "SELECT 1"))
	pid := postmaster(t, c.DataDir)
	c.end(t, syscall.SIGKILL)
	requireGone(t, pid)

	temporary := startChild(t, "temporary", asNobody)
	require.Equal(t, 1, query(t, temporary.URL, "SELECT 1"))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
