// Package engine is the pure core: it decides what happens to a process
// instance when an input arrives. It has no clock, I/O, randomness, goroutine,
// context or lock; time and ids come in with the input.
//
// Decide appends events, applying each to the state as it is appended, so that
// the state is always the fold of the events. What the outside world has to do
// is returned as commands.
//
// Start reading at Decide, then elements.go: the registry that reads as the list
// of supported BPMN.
package engine
