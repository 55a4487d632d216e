// Package order is the order example: a process, the services that do its work,
// a shop that places orders, and a view of what becomes of them.
//
// The services are what a team would write: they know Kafka and package worker,
// and nothing of the engine. How an order ends depends on its data alone, as
// with the test cards of a payment provider: a sold-out article, a card that
// fails twice, a customer who never pays. So the example can check itself.
//
// Start reading at Run, with order.bpmn beside it, then workers.go.
package order
