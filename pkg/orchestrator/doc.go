// Package orchestrator is the shell around the engine: it takes inputs (results,
// messages, control records, due timers, calls), lets the engine decide them a
// batch at a time, and makes each batch true in one transaction.
//
// A home is the unit of ownership: one goroutine decides everything that
// concerns the instances of one partition. The package knows how to own homes,
// what to load, what to do on a conflict or a defect, and when to try again. It
// knows nothing of how BPMN elements behave and writes no SQL.
//
// Start reading at Orchestrator, then home.run, batch.decide and batch.commit.
package orchestrator
