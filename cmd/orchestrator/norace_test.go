//go:build !race

package main

import "time"

const (
	slowness = 1
	generous = 10 * time.Second // for machines that do other things too
)
