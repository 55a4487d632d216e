// Package worker is the workers of the chaos run: one in Go, on pkg/worker, and
// one in Python, on a plain Kafka client. Both do the same tasks. Before they
// answer they write what they did into a log of their own: that is the side effect
// whose repetitions and gaps are looked for. They know nothing of faults.
//
// Start reading at worker.go; worker.py is the same in Python.
package worker
