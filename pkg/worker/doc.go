// Package worker does the work of service tasks: it consumes task commands,
// calls a function for each, and sends back what the function returned.
//
//	err := worker.Run(ctx, worker.Config{
//		Brokers: []string{"localhost:9092"},
//		Tasks: map[string]worker.Handler{
//			"charge-card": worker.Typed(charge),
//		},
//	})
//
//	func charge(ctx context.Context, in Order, t worker.Task) (Receipt, error)
//
// # Delivery
//
// Every command is delivered at least once. An offset is committed only when
// the results of it and of all commands before it are in Kafka, so that a worker
// killed at any moment loses nothing: its successor does again what had no
// result yet. The engine applies one result per attempt, so a second one does no
// harm to the process; but the handler has run twice. Make handlers idempotent:
//
//   - do what is idempotent by nature: set a status, put an object, upsert a row;
//   - pass Task.CorrelationID or a key of your own (order id, step) as the
//     idempotency key of the service you call;
//   - record Task.CorrelationID under a unique constraint, in the transaction
//     that does the work;
//   - look whether it is done before doing it, where the effect can be seen.
//
// The correlation id names an attempt. To be safe across attempts as well (a
// retry after a lost answer), use a key that names the task: instance id and
// element id, or the order it is about.
//
// # Order
//
// Commands with the same record key (the process instance, unless the task type
// says otherwise) are done one after the other, in order; others concurrently.
//
// The package knows the protocol (package wire) and Kafka, and nothing of the
// engine. Start reading at Run, then consumer.go.
package worker
