// Package dev runs the two servers Barnabas needs, Kafka and Postgres, inside one process tree, for development, demos and tests.
//
// The broker is kfake on a real port: any Kafka client in any language can talk to it. The database is a real Postgres with a data
// folder of its own, from the installation on the machine or downloaded once. Neither outlives the process that started it, even when
// that process is killed with SIGKILL, and both keep their data from one start to the next.
//
// This package knows nothing of processes, topics or tables, and it is not for production: one broker, one database, no replicas.
//
// Start reading at [Start], then [StartPostgres] and supervisor.go. Tests use the package devtest below this one.
package dev
