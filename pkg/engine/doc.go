// Package engine is the pure core: it decides what happens to a process
// instance when an input arrives. It has no clock, I/O, randomness, goroutine,
// context or lock; time and ids come in with the input.
//
// Decide appends events, applying each to the state as it is appended, so that
// the state is always the fold of the events. What the outside world has to do
// is returned as commands. Four answers are never mixed: an input that makes no
// sense now is a Rejection; what a human can mend is an incident, which leaves
// nothing half done; what the outside has to do is a Command; an error or panic
// is a defect of ours.
//
// Start reading at Decide, then elements.go: the list of supported BPMN. Then
//
//	decide.go    tokens: arrive, plan, follow, hold
//	scope.go     subprocesses, terminate end events
//	gateway.go   which flows are taken; joins; event-based gateways
//	task.go      work for workers, its attempts and deadlines; scripts
//	businessrule.go  decisions of business rule tasks
//	event.go     messages; what catch events wait for
//	timer.go     ticks
//	boundary.go  boundary events, BPMN errors
//	incident.go  what is wrong, and trying again
//	mapping.go   what expressions see, input and output mappings
//	events.go    what can happen; apply.go is all that changes a State
//	state.go     an instance; page.go its element instances
//	encode.go    how it is stored; decode.go and reader.go read it back
//
// A new element is a function in the file of its family, a line in elements.go
// and transcripts in testdata/<family>.
package engine
