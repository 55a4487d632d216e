// Package store is Postgres: the schema, every SQL statement, and the one
// transaction in which a batch of decided inputs becomes true.
//
// It knows rows and guards. It does not know what an instance's state means
// (bytes to it), what Kafka is, or when to try again.
//
// Start reading at Batch and Commit; the schema is migrations/0001_init.sql.
package store
