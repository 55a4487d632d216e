// Package bench measures an orchestrator end to end through Kafka: it deploys a
// model, sends start messages, does the work of the tasks and reads the status
// topic until every instance has completed exactly once.
//
// Beside the engine under test it runs the null pipeline: the same records and
// rows through the same Kafka and Postgres with no BPMN and no generality, tuned
// as well as we can. The ratio of the two says what the engine itself costs,
// whatever the machine.
//
// The package knows the protocol and nothing of the engine, which it reaches
// only through System. It is the one package besides pkg/kafka that uses the
// Kafka client directly: a measurement must not lean on what it measures.
//
// Start reading at Run, then load.go (the outside world) and null.go.
package bench
