//go:build unix

package dev

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
	"golang.org/x/sync/errgroup"
)

// serveArchive publishes a file of testdata and counts its downloads. postgres.jar holds shell scripts that know their version and a
// link, escape.jar a file named "../escaped".
func serveArchive(t *testing.T, file string) (archive, *atomic.Int32) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	downloads := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		downloads.Add(1)
		if r.URL.Path != "/"+file {
			http.NotFound(w, r)
			return
		}
		w.Write(content)
	}))
	t.Cleanup(server.Close)
	sum := sha256.Sum256(content)
	return archive{url: server.URL + "/" + file, sha256: hex.EncodeToString(sum[:])}, downloads
}

func TestDownloadHappensOnceForProcessesThatStartTogether(t *testing.T) {
	t.Parallel()
	wanted, downloads := serveArchive(t, "postgres.jar")
	folder := filepath.Join(t.TempDir(), "cache", "postgres-17")
	var group errgroup.Group
	for range 4 {
		group.Go(func() error { return wanted.ensure(t.Context(), folder) })
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, downloads.Load())

	found, err := inspect(t.Context(), account{}, filepath.Join(folder, "bin"))
	require.NoError(t, err)
	require.Equal(t, installation{bin: filepath.Join(folder, "bin"), version: "17.11", major: 17}, found)
	link, err := os.Readlink(filepath.Join(folder, "lib", "libpq.so"))
	require.NoError(t, err)
	require.Equal(t, "libpq.so.5.17", link)
}

func TestDownloadRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	good, _ := serveArchive(t, "postgres.jar")
	escape, _ := serveArchive(t, "escape.jar")
	for name, c := range map[string]struct {
		archive archive
		problem string
	}{
		"changed content":  {archive{url: good.url, sha256: "00"}, "expected 00: not used"},
		"missing":          {archive{url: good.url + "x", sha256: good.sha256}, "404 Not Found"},
		"file leading out": {escape, "path escapes from parent"},
		"nobody there":     {archive{url: "http://127.0.0.1:1/x"}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			require.ErrorContains(t, c.archive.ensure(t.Context(), filepath.Join(parent, "postgres")), c.problem)
			require.NoDirExists(t, filepath.Join(parent, "postgres"))
			require.NoFileExists(t, filepath.Join(parent, "escaped"))
		})
	}
}

func TestArchiveFor(t *testing.T) {
	t.Parallel()
	found, err := archiveFor("https://repo", "darwin", "arm64")
	require.NoError(t, err)
	require.Contains(t, found.url, "https://repo/io/zonky/test/postgres/embedded-postgres-binaries-darwin-arm64v8/"+downloadVersion+"/")
	_, err = archiveFor("https://repo", "plan9", "386")
	require.ErrorContains(t, err, "no Postgres to download for plan9-386: install PostgreSQL 14 or newer")
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for out, major := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18":                               18,
		"postgres (PostgreSQL) 19beta1":                          19,
	} {
		_, got, err := parseVersion(out)
		require.NoError(t, err, out)
		require.Equal(t, major, got, out)
	}
	for _, out := range []string{"", "mysql 8", "postgres (PostgreSQL) devel"} {
		_, _, err := parseVersion(out)
		require.Error(t, err, out)
	}
}

// TestDownloadedPostgresRuns fetches 15 MB, so it runs only when asked to: BARNABAS_TEST_DOWNLOAD=1.
func TestDownloadedPostgresRuns(t *testing.T) {
	t.Parallel()
	if os.Getenv("BARNABAS_TEST_DOWNLOAD") == "" {
		t.Skip("set BARNABAS_TEST_DOWNLOAD=1 to download a Postgres")
	}
	as, err := serverAccount()
	require.NoError(t, err)
	p := &Postgres{config: PostgresConfig{Temporary: true}, log: zaptest.NewLogger(t)}
	p.cluster.folder, p.lock, err = newTemporaryFolder(as)
	require.NoError(t, err)
	defer p.Close()
	p.cluster.account = as
	install, err := p.download(t.Context(), 0)
	require.NoError(t, err)
	_, err = newTemporary(t.Context(), as, install, p.cluster.folder)
	require.NoError(t, err)
	p.password, err = p.cluster.password()
	require.NoError(t, err)
	require.NoError(t, p.launch(t.Context(), install))

	conn, err := pgx.Connect(t.Context(), p.URL())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var version string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW server_version").Scan(&version))
	require.Equal(t, "17.11", version)
}
