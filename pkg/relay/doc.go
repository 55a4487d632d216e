// Package relay publishes the outbox to Kafka: at least once, and per home in the order of decision.
//
// Each home is a shard with a lease. While a relay holds the lease it publishes the home's rows by their numbers, without gaps: from memory
// when Offer brings them, else from the outbox tables. What is acknowledged without gaps is stored as published_seq, from where the next
// holder goes on.
//
// Why this neither loses nor disorders: every holder publishes an unbroken run of rows that begins at or before the first one not known to
// be published. Wherever such runs overlap, on a takeover or after a failure, records appear twice, but the first appearances keep their
// order. So even two relays that both believe in their lease (clocks that lie, a process that was frozen) cost duplicates, no more. One
// thing can break a run: Kafka refusing a batch for good, when the client drops what is buffered for that partition and records handed over
// in the microseconds until we are told overtake it. See refusal.go.
//
// This package knows records and rows. It does not know what they mean, nor the Kafka client.
//
// Start reading at [Relay.Run], then shard.go (one home) and keeper.go (leases).
package relay
