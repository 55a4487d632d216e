package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const temporaryPattern = "barnabas-postgres-*"

// temporaryRoot is TMPDIR if that is set, else memory, else the system's folder for temporary files.
func temporaryRoot() string {
	if folder, ok := memoryFolder(); ok && os.Getenv("TMPDIR") == "" {
		return folder
	}
	return os.TempDir()
}

// newTemporary makes the folder of a server whose data nobody keeps, from a template: copying takes a tenth of initdb's time.
func newTemporary(ctx context.Context, a account, i installation, folder string) (cluster, error) {
	template, err := ensureTemplate(ctx, a, i)
	if err != nil {
		return cluster{}, err
	}
	c := cluster{folder: folder, account: a}
	for _, name := range []string{"password", "cluster"} {
		out, err := exec.CommandContext(ctx, "cp", "-Rp", filepath.Join(template.folder, name), folder).CombinedOutput()
		if err != nil {
			return c, fmt.Errorf("copy database template: %w\n%s", err, out)
		}
	}
	return c, nil
}

// ensureTemplate makes the template once per version of Postgres and user; processes that start together wait for the first.
func ensureTemplate(ctx context.Context, a account, i installation) (cluster, error) {
	cache, err := cacheFolder(a)
	if err != nil {
		return cluster{}, err
	}
	c := cluster{folder: filepath.Join(cache, "template-"+i.version), account: a}
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return cluster{}, fmt.Errorf("create database template: %w", err)
	}
	lock, err := lockFile(filepath.Join(c.folder, "lock"), waitForLock)
	if err != nil {
		return cluster{}, err
	}
	defer lock.release()
	if major, err := c.existing(); err != nil || major != 0 {
		return c, err
	}
	return c, c.create(ctx, i, "--no-sync")
}

// sweep removes temporary folders whose owners were killed before their server's supervisor could do it. Folders younger than a
// minute may be between creation and lock, so they are left alone. It is a courtesy: what cannot be removed is left for the next time.
func sweep(ctx context.Context, a account) {
	folders, _ := filepath.Glob(filepath.Join(temporaryRoot(), temporaryPattern)) // fails for malformed patterns only
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := lockFolder(folder)
		if err != nil {
			continue
		}
		if err := (cluster{folder: folder, account: a}).endOrphan(ctx); err == nil {
			os.RemoveAll(folder)
		}
		lock.release()
	}
}

// newTemporaryFolder makes and locks an empty folder that the server's account can remove.
func newTemporaryFolder(a account) (string, *folderLock, error) {
	folder, err := os.MkdirTemp(temporaryRoot(), temporaryPattern)
	if err != nil {
		return "", nil, fmt.Errorf("create temporary database folder: %w", err)
	}
	lock, err := lockFolder(folder)
	return folder, lock, errors.Join(err, a.own(folder))
}
