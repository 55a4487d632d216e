//go:build !unix

package dev

import (
	"errors"
	"syscall"
)

// ErrLocked is returned when another process uses the data folder.
var ErrLocked = errors.New("data folder in use")

const (
	waitForLock = 0
	failIfTaken = 1
)

var errUnsupported = errors.New("the embedded servers keep their data on Linux, macOS and BSD only: use a Kafka and a Postgres of your own")

type folderLock struct{}

func lockFolder(string) (*folderLock, error) { return nil, errUnsupported }

func lockFile(string, int) (*folderLock, error) { return nil, errUnsupported }

func (*folderLock) release() {}

type account struct {
	name    string
	foreign bool
}

func serverAccount() (account, error) { return account{}, errUnsupported }

func (account) processAttributes() *syscall.SysProcAttr { return nil }

func (account) own(string) error { return nil }
