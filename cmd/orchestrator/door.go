package main

import (
	"encoding/json"
	"net/http"
	"sync"
)

// door answers HTTP from the first moment: while the engine waits for database
// and cluster it lives, but is not ready, and says what it waits for.
type door struct {
	mu     sync.Mutex
	engine http.Handler // nil: not yet
	waits  map[string]string
}

func newDoor() *door { return &door{waits: map[string]string{"engine": "it is starting"}} }

// waitFor notes that something can't be used yet; nil: it can.
func (d *door) waitFor(what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.waits, what)
		return
	}
	d.waits[what] = err.Error()
}

// open lets everybody through to the engine.
func (d *door) open(engine http.Handler) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.engine = engine
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	engine, waits := d.engine, make(map[string]string, len(d.waits))
	for what, why := range d.waits {
		waits[what] = why
	}
	d.mu.Unlock()
	switch {
	case engine != nil:
		engine.ServeHTTP(w, r)
	case r.URL.Path == "/healthz":
		answer(w, http.StatusOK, "application/json", map[string]any{"status": "alive"})
	case r.URL.Path == "/readyz":
		answer(w, http.StatusServiceUnavailable, "application/json", map[string]any{"status": "waiting", "for": waits})
	default:
		answer(w, http.StatusServiceUnavailable, "application/problem+json", map[string]any{
			"title": "Service Unavailable", "status": http.StatusServiceUnavailable,
			"detail": "the engine is starting: try again in a moment; /readyz says what it waits for",
		})
	}
}

func answer(w http.ResponseWriter, status int, kind string, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
