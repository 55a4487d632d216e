package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// Profile writes a processor profile of this process to a file, until stop is
// called. An empty file name profiles nothing.
func Profile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("processor profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("processor profile %s: %w", file, err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
