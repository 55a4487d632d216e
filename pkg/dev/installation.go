package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldestPostgres is the oldest major version Barnabas is tested with.
const oldestPostgres = 14

// installation is a folder with the Postgres programs.
type installation struct {
	bin     string // folder of initdb and postgres
	version string // "15.18"
	major   int
}

func (i installation) program(name string) string { return filepath.Join(i.bin, name) }

// installationFolders are where distributions put server programs, which are seldom in PATH.
func installationFolders() []string {
	var folders []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",            // Debian, Ubuntu
		"/usr/pgsql-*/bin",                     // packages of postgresql.org for Red Hat
		"/opt/homebrew/opt/postgresql@*/bin",   // Homebrew on ARM
		"/usr/local/opt/postgresql@*/bin",      // Homebrew on Intel
		"/usr/libexec/postgresql*", "/usr/bin", // Alpine, Arch, Fedora
	} {
		found, _ := filepath.Glob(pattern) // fails for malformed patterns only
		folders = append(folders, found...)
	}
	return append(folders, filepath.SplitList(os.Getenv("PATH"))...)
}

// findInstallation returns the newest usable Postgres of the machine, of the given major version unless that is 0.
// ok is false when there is none.
func findInstallation(ctx context.Context, a account, major int) (best installation, ok bool) {
	var found []installation
	for _, folder := range installationFolders() {
		if i, err := inspect(ctx, a, folder); err == nil && i.major >= oldestPostgres && (major == 0 || i.major == major) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return installation{}, false
	}
	// MaxFunc keeps the first of equals, so a distribution's folder wins over a link to it in PATH.
	return slices.MaxFunc(found, func(x, y installation) int { return cmp.Compare(x.major, y.major) }), true
}

// inspect runs postgres --version as the account that will run the server, which also proves that the account may.
func inspect(ctx context.Context, a account, bin string) (installation, error) {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return installation{}, err
		}
	}
	out, err := a.run(ctx, nil, filepath.Join(bin, "postgres"), "--version")
	if err != nil {
		return installation{}, err
	}
	version, major, err := parseVersion(out)
	return installation{bin: bin, version: version, major: major}, err
}

// parseVersion reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
func parseVersion(out string) (version string, major int, err error) {
	fields := strings.Fields(out)
	if len(fields) < 3 || fields[1] != "(PostgreSQL)" {
		return "", 0, fmt.Errorf("no Postgres version in %q", out)
	}
	digits := strings.IndexFunc(fields[2], func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(fields[2])
	}
	major, err = strconv.Atoi(fields[2][:digits])
	return fields[2], major, err
}

// cacheFolder holds what can be made again: downloaded programs and the template for temporary servers. Root's own cache folder is
// closed to the account the server runs as.
func cacheFolder(a account) (string, error) {
	if a.foreign && runtime.GOOS == "linux" {
		return "/var/cache/barnabas", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", errors.Join(errors.New("no folder for downloads and templates: set HOME or XDG_CACHE_HOME"), err)
	}
	return filepath.Join(dir, "barnabas"), nil
}
