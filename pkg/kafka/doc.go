// Package kafka is the edge to Kafka: which homes this engine owns and the
// records of their input partitions (Homes), records on their way out
// (Producer), and the topics themselves (Admin).
//
// It is the only package that knows the client library; what it hands out are
// wire records and errors of its own. It knows nothing of processes or the
// database: where to begin reading is the owner's answer to a claim.
//
// Start reading at Homes and Owner, then assignment.go.
package kafka
