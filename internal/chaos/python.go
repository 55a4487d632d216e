package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/worker"
)

// workerCommand makes this program a worker instead.
const workerCommand = "worker"

// requirements are the libraries of workers in Python.
const requirements = "examples/python/requirements.txt"

// stopFile in the folder of a run tells chains to end.
const stopFile = "stop"

// workers gives the commands of workers, and installs what those in Python need.
func workers(ctx context.Context, folder string, think time.Duration) (func(name, brokers string) *exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, fmt.Errorf("no Python found: %w; install it (Debian: apt-get install python3 python3-pip)", err)
	}
	packages, err := pythonPackages(ctx, python)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(folder, "worker.py")
	if err := os.WriteFile(script, []byte(worker.Python), 0o644); err != nil {
		return nil, err
	}
	return func(name, brokers string) *exec.Cmd {
		cmd := exec.Command(self, workerCommand)
		if strings.HasPrefix(name, "python") {
			cmd = exec.Command(python, "-u", script)
		}
		cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, worker.EnvName+"="+name, worker.EnvBrokers+"="+brokers,
			worker.EnvFolder+"="+filepath.Join(folder, "effects"), worker.EnvStop+"="+filepath.Join(folder, stopFile),
			fmt.Sprintf("%s=%dms", worker.EnvThink, think.Milliseconds()))
		return cmd
	}, nil
}

// pythonPackages gives the folder of the libraries, installed once per version of
// their list; the tests of the examples share it.
func pythonPackages(ctx context.Context, python string) (string, error) {
	text, err := os.ReadFile(requirements)
	if err != nil {
		return "", fmt.Errorf("libraries for Python: %w; run chaos from the root of the repository", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	folder := filepath.Join(cache, "barnabas", "examples", "python-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", err
	}
	half, err := os.MkdirTemp(filepath.Dir(folder), "python-*.new")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)
	install := exec.CommandContext(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
		"--target", half, "--requirement", requirements)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install the libraries for Python: %w\n%s", err, out)
	}
	if err := os.Rename(half, folder); err != nil {
		if _, there := os.Stat(folder); there != nil {
			return "", err
		} // else another run was first
	}
	return folder, nil
}
