// Package ledger holds three books against each other that were kept apart from
// each other: the engine's history, every record in Kafka, and what the workers
// wrote down themselves; and against what was sent. What does not add up is a
// finding: something lost, doubled, forked, reordered, early, or waiting for no
// reason.
//
// It judges what docs/protocol.md promises: delivery at least once, first
// appearances in order, each input applied once. So a record that appears twice
// with the same content is counted and no finding, and work that a worker does
// twice is none if a fault explains it.
//
// Start reading at checker.go (what is noted), verdict.go (what must hold), then
// path.go (how each process must have run) and read.go (where the books lie).
package ledger
