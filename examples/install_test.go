package examples

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// installEnv lets tests install the workers' libraries, and forbids skipping.
const installEnv = "BARNABAS_EXAMPLES"

// python runs the worker with the interpreter's own packages or with those in
// our cache.
func python(t *testing.T) *exec.Cmd {
	interpreter := program(t, "python3", "apt-get install python3 python3-pip")
	packages := installed(t, "python", "requirements.txt", func(folder string) *exec.Cmd {
		return exec.Command(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
			"--target", folder, "--requirement", "python/requirements.txt")
	})
	worker := exec.Command(interpreter, "-u", "python/worker.py")
	worker.Env = append(os.Environ(), "PYTHONPATH="+packages)
	return worker
}

// node runs a copy of the worker beside its packages: that is where Node.js looks.
func node(t *testing.T) *exec.Cmd {
	interpreter, npm := program(t, "node", "apt-get install nodejs"), program(t, "npm", "apt-get install npm")
	folder := installed(t, "node", "package.json", func(folder string) *exec.Cmd {
		install := exec.Command(npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", folder)
		install.Dir = folder
		return install
	})
	source, err := os.ReadFile("node/worker.mjs")
	require.NoError(t, err)
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, "worker.mjs"), source, 0o600))
	require.NoError(t, os.Symlink(filepath.Join(folder, "node_modules"), filepath.Join(home, "node_modules")))
	return exec.Command(interpreter, filepath.Join(home, "worker.mjs"))
}

// java runs the worker on the class path that Maven gave.
func java(t *testing.T) *exec.Cmd {
	machine, maven := program(t, "java", "apt-get install default-jdk-headless"), program(t, "mvn", "apt-get install maven")
	folder := installed(t, "java", "pom.xml", func(folder string) *exec.Cmd {
		return exec.Command(maven, "--batch-mode", "--quiet", "--file", "java/pom.xml", "dependency:build-classpath",
			"-Dmdep.outputFile="+filepath.Join(folder, "classpath"))
	})
	classpath, err := os.ReadFile(filepath.Join(folder, "classpath"))
	require.NoError(t, err)
	return exec.Command(machine, "-Xmx256m", "-cp", string(classpath), "java/Worker.java")
}

// installed gives the folder with the libraries of a worker, named by what the
// worker asks for. It appears under its name only when complete.
func installed(t *testing.T, language, wanted string, command func(folder string) *exec.Cmd) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(language, wanted))
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	folder := filepath.Join(cache, "barnabas", "examples", language+"-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	if os.Getenv(installEnv) == "" {
		t.Skipf("the libraries of the %s worker are not installed: %s=1 go test ./examples installs them in %s", language, installEnv, folder)
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(folder), 0o755))
	half, err := os.MkdirTemp(filepath.Dir(folder), language+"-*.new")
	require.NoError(t, err)
	defer os.RemoveAll(half)
	require.NoError(t, os.WriteFile(filepath.Join(half, wanted), text, 0o600))
	output, err := command(half).CombinedOutput()
	require.NoError(t, err, "install the libraries of the %s worker: %s", language, output)
	if err := os.Rename(half, folder); err != nil {
		require.DirExists(t, folder, "another test run may have been first: %v", err)
	}
	return folder
}
