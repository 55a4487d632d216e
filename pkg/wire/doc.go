// Package wire is the protocol: how task commands, results, messages, control
// records, status events and dead letters look as Kafka records, and how the
// records of a batch are packed into one outbox row.
//
// It is a leaf: it knows neither the engine nor Kafka clients nor Postgres.
//
// Start reading at Record and Pack, then task.go and result.go. docs/protocol.md
// says what users see of it.
package wire
