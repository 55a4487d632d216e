// Package fault breaks the site: it plans what to break when from a seed, does
// it, mends it, and notes when it did. It does not look at what comes of it.
//
// Start reading at plan.go, then injector.go, action.go.
package fault
