package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// readiness knows what the relay waits for.
type readiness struct {
	mu    sync.Mutex
	parts map[string]func() error
}

func newReadiness() *readiness {
	r := &readiness{parts: make(map[string]func() error)}
	r.set("database", errors.New("not tried yet"))
	r.set("kafka", errors.New("not tried yet"))
	return r
}

// set notes the state of a part; nil is ready.
func (r *readiness) set(part string, err error) { r.ask(part, func() error { return err }) }

// ask makes a part tell its state itself.
func (r *readiness) ask(part string, state func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts[part] = state
}

// serve answers 200, or 503 with a line for each part that is not ready.
func (r *readiness) serve(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	parts := maps.Clone(r.parts)
	r.mu.Unlock()
	var waits []string
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		if err := parts[part](); err != nil {
			waits = append(waits, fmt.Sprintf("%s: %v", part, err))
		}
	}
	if len(waits) == 0 {
		say(w, "ready")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, line := range waits {
		say(w, line)
	}
}
