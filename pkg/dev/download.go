package dev

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/xi2/xz"
	"go.uber.org/zap"
)

// mavenCentral is where the Zonky project publishes Postgres for embedding, as jar files holding one compressed tar file.
const mavenCentral = "https://repo1.maven.org/maven2"

const (
	downloadVersion = "17.11.0"
	downloadMajor   = 17
)

// downloads are the SHA-256 sums of the archives of downloadVersion, by the publisher's names of the platforms.
func downloads() map[string]string {
	return map[string]string{
		"linux-amd64":        "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d",
		"linux-amd64-alpine": "ace9a6f95b1c98ce84c9841267cd04ebee5d7de5dc7b8fea148ead44f145afbd",
		"linux-arm64v8":      "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b",
		"darwin-amd64":       "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64",
		"darwin-arm64v8":     "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5",
	}
}

// archive is a downloadable Postgres.
type archive struct {
	url    string
	sha256 string
}

// archiveFor finds the archive for this machine.
func archiveFor(repository, goos, goarch string) (archive, error) {
	platform := goos + "-" + strings.Replace(goarch, "arm64", "arm64v8", 1)
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		platform += "-alpine"
	}
	sum, ok := downloads()[platform]
	if !ok {
		return archive{}, fmt.Errorf("no Postgres to download for %s: install PostgreSQL %d or newer", platform, oldestPostgres)
	}
	name := "embedded-postgres-binaries-" + platform
	url := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", repository, name, downloadVersion, name, downloadVersion)
	return archive{url: url, sha256: sum}, nil
}

// download fetches a Postgres once per user and machine; processes that start together wait for the first.
func (p *Postgres) download(ctx context.Context, major int) (installation, error) {
	if major != 0 && major != downloadMajor {
		return installation{}, fmt.Errorf("the data in %s was made by PostgreSQL %d, which this machine does not have: install it, or choose another data folder",
			p.cluster.folder, major)
	}
	wanted, err := archiveFor(mavenCentral, runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return installation{}, err
	}
	cache, err := cacheFolder(p.cluster.account)
	if err != nil {
		return installation{}, err
	}
	folder := filepath.Join(cache, "postgres-"+downloadVersion)
	p.log.Info("no usable PostgreSQL on this machine, using a downloaded one", zap.String("from", wanted.url), zap.String("folder", folder))
	if err := wanted.ensure(ctx, folder); err != nil {
		return installation{}, fmt.Errorf("download Postgres (or install PostgreSQL %d or newer): %w", oldestPostgres, err)
	}
	return inspect(ctx, p.cluster.account, filepath.Join(folder, "bin"))
}

// ensure puts the programs into folder unless they are there. The folder appears under its name only when complete.
func (a archive) ensure(ctx context.Context, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	lock, err := lockFile(folder+".lock", waitForLock)
	if err != nil {
		return err
	}
	defer lock.release()
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	jar, err := os.CreateTemp(filepath.Dir(folder), "download-*")
	if err != nil {
		return err
	}
	defer os.Remove(jar.Name())
	defer jar.Close()
	size, err := a.fetch(ctx, jar)
	if err != nil {
		return err
	}
	half := folder + ".new"
	if err := errors.Join(os.RemoveAll(half), unpack(jar, size, half)); err != nil {
		return fmt.Errorf("unpack %s: %w", a.url, err)
	}
	return os.Rename(half, folder)
}

// fetch writes the archive to w and checks that it is the one we know.
func (a archive) fetch(ctx context.Context, w io.Writer) (size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("get %s: %s", a.url, response.Status)
	}
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(w, sum), response.Body)
	if err != nil {
		return 0, fmt.Errorf("get %s: %w", a.url, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != a.sha256 {
		return 0, fmt.Errorf("%s has SHA-256 %s, expected %s: not used", a.url, got, a.sha256)
	}
	return size, nil
}

// unpack extracts the compressed tar file inside the jar.
func unpack(jar io.ReaderAt, size int64, folder string) error {
	files, err := zip.NewReader(jar, size)
	if err != nil {
		return err
	}
	for _, f := range files.File {
		if path.Ext(f.Name) == ".txz" {
			return unpackTar(f, folder)
		}
	}
	return errors.New("no .txz file inside")
}

func unpackTar(f *zip.File, folder string) error {
	compressed, err := f.Open()
	if err != nil {
		return err
	}
	defer compressed.Close()
	plain, err := xz.NewReader(compressed, 0)
	if err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder) // no name in the archive leads out of the folder
	if err != nil {
		return err
	}
	defer root.Close()
	for entries := tar.NewReader(plain); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackEntry(root, header, entries); err != nil {
			return err
		}
	}
}

func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, os.FileMode(header.Mode)&0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	default:
		return fmt.Errorf("%s: unexpected kind %q of file", header.Name, header.Typeflag)
	}
}
