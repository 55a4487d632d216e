//go:build race

package main

import "time"

// slowness is how much longer things take under the race detector, with engines and
// workers of several tests side by side. How soon processing goes on says nothing then.
const (
	slowness = 5
	generous = slowness * time.Minute
)
