//go:build unix

package dev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	waitForLock = 0
	failIfTaken = syscall.LOCK_NB
)

// ErrLocked is returned when another process uses the data folder.
var ErrLocked = errors.New("data folder in use")

// folderLock keeps a folder to one process. The kernel releases it when the process ends, however it ends.
type folderLock struct{ file *os.File }

// lockFolder creates the folder if needed and takes its lock, or fails with ErrLocked naming the process that has it.
func lockFolder(folder string) (*folderLock, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	return lockFile(filepath.Join(folder, "lock"), failIfTaken)
}

// lockFile takes the lock of one file; how is waitForLock or failIfTaken.
func lockFile(path string, how int) (*folderLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := flock(file, syscall.LOCK_EX|how); err != nil {
		holder, _ := os.ReadFile(path)
		file.Close()
		return nil, fmt.Errorf("%w: %s is held by process %s; stop it or choose another folder", ErrLocked, path, strings.TrimSpace(string(holder)))
	}
	if err := errors.Join(file.Truncate(0), writeAt0(file, fmt.Sprintln(os.Getpid()))); err != nil {
		file.Close()
		return nil, fmt.Errorf("write lock file %s: %w", path, err)
	}
	return &folderLock{file}, nil
}

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func writeAt0(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func (l *folderLock) release() { l.file.Close() }
