package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is a Postgres data folder of ours: folder/cluster is what Postgres calls PGDATA, folder/password the superuser's password.
type cluster struct {
	folder  string
	account account
}

const superuser = "postgres"

func (c cluster) pgdata() string { return filepath.Join(c.folder, "cluster") }

// existing returns the major version that made the cluster, 0 when there is none yet.
func (c cluster) existing() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.pgdata(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version of database folder: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (c cluster) password() (string, error) {
	text, err := os.ReadFile(filepath.Join(c.folder, "password"))
	if err != nil {
		return "", fmt.Errorf("read database password: %w", err)
	}
	return string(text), nil
}

// create makes a new cluster. It appears under its name only when complete.
func (c cluster) create(ctx context.Context, i installation, flags ...string) error {
	half := c.pgdata() + ".new"
	if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o700), c.account.own(half)); err != nil {
		return fmt.Errorf("create database folder: %w", err)
	}
	if err := c.initialise(ctx, i, half, flags); err != nil {
		return err
	}
	return os.Rename(half, c.pgdata())
}

// initialise runs initdb with a random password, so that nobody else on the machine gets in through the open port.
func (c cluster) initialise(ctx context.Context, i installation, pgdata string, flags []string) error {
	password := rand.Text()
	if err := os.WriteFile(filepath.Join(c.folder, "password"), []byte(password), 0o600); err != nil {
		return fmt.Errorf("keep database password: %w", err)
	}
	given, err := os.CreateTemp("", "barnabas-initdb-*")
	if err != nil {
		return fmt.Errorf("hand password to initdb: %w", err)
	}
	defer os.Remove(given.Name())
	_, writeErr := given.WriteString(password)
	if err := errors.Join(writeErr, given.Close(), c.account.own(given.Name())); err != nil {
		return fmt.Errorf("hand password to initdb: %w", err)
	}
	path, files, err := c.open(pgdata)
	if err != nil {
		return err
	}
	defer closeAll(files)
	args := []string{i.program("initdb"), "--pgdata=" + path, "--username=" + superuser, "--pwfile=" + given.Name(),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"}
	_, err = c.account.run(ctx, files, append(args, flags...)...)
	return err
}

// open gives the path under which the server's account reaches a folder, and the files to pass on for that.
//
// As root the server runs as another user, who may not enter the folders above (/root, most temporary folders). On Linux it gets an
// open descriptor of the folder itself instead, so that any folder root can use will do.
func (c cluster) open(folder string) (path string, files []*os.File, err error) {
	if !c.account.foreign || runtime.GOOS != "linux" {
		return folder, nil, nil
	}
	file, err := os.Open(folder)
	if err != nil {
		return "", nil, fmt.Errorf("open database folder: %w", err)
	}
	return "/proc/self/fd/3", []*os.File{file}, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// pidFile is the part we use of postmaster.pid, which Postgres keeps in its data folder while it runs.
type pidFile struct {
	pid   int
	ready bool
}

func (c cluster) pidFile() (pidFile, bool) {
	text, err := os.ReadFile(filepath.Join(c.pgdata(), "postmaster.pid"))
	if err != nil {
		return pidFile{}, false
	}
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return pidFile{}, false
	}
	// Line 8 is the server's state; the others are folder, start time, port, sockets, address and shared memory.
	return pidFile{pid: pid, ready: len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"}, true
}

// endOrphan waits for a server that our predecessor left running in this folder, normally one that is just stopping, and removes a
// pid file without a server. The caller holds the folder's lock, so no living owner is disturbed.
func (c cluster) endOrphan(ctx context.Context) error {
	left, ok := c.pidFile()
	if !ok {
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if !c.runs(left.pid) {
			return removeIfThere(filepath.Join(c.pgdata(), "postmaster.pid"))
		}
		if err := send(left.pid, signal); err != nil {
			return fmt.Errorf("stop Postgres left behind as process %d: %w", left.pid, err)
		}
		if err := poll(ctx, 15*time.Second, func() bool { return !c.runs(left.pid) }); err == nil {
			return removeIfThere(filepath.Join(c.pgdata(), "postmaster.pid"))
		}
	}
	return fmt.Errorf("Postgres left behind as process %d does not stop: end it by hand", left.pid)
}

func send(pid int, signal os.Signal) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := process.Signal(signal); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// runs tells whether pid is a Postgres server of this very folder: the number may have gone to another program since.
func (c cluster) runs(pid int) bool {
	if folder, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil {
		real, err := filepath.EvalSymlinks(c.pgdata())
		return err == nil && folder == real
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), c.pgdata())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// poll asks until yes, every few milliseconds, at most for patience.
func poll(ctx context.Context, patience time.Duration, yes func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
