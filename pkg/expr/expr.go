// Package expr is what the rest of the system knows of expressions: one
// interface, whatever the language. Models compile their expressions when they
// are deployed; the engine evaluates them while it decides.
//
// The package knows nothing of BPMN, Kafka or Postgres. The languages live in
// the subpackages feel, juel and script (JavaScript), which import this one; Compile
// in package languages picks one by the notation ("= …" is FEEL, "${…}" and "#{…}"
// are JUEL), CompileScript by its name.
//
// Start reading at Expression and Value.
package expr

import "time"

// Expression is a compiled expression. It is immutable and safe for concurrent
// use.
type Expression interface {
	// Evaluate computes the value in env. Work is bounded by env.Limits: a
	// limit that is exceeded, like every other failure, is an *Error.
	Evaluate(env *Env) (Value, error)
	// Source is the text as the model had it, notation included.
	Source() string
}

// Env is everything an evaluation may depend on. Nothing else is read: no
// clock, no randomness, no I/O.
type Env struct {
	// Scope resolves free names. A nil Scope resolves nothing.
	Scope Scope
	// Now is the instant that now() and today() see.
	Now time.Time
	// Seed feeds uuid() and random number(), so that the same input gives the
	// same value.
	Seed uint64
	// Limits bound the work; zero fields mean DefaultLimits.
	Limits Limits
	// Strict makes an error of what otherwise gives null: an unknown variable,
	// operands or arguments of the wrong kind, a conversion that is impossible.
	Strict bool
	// Warnings, if not nil, receives the first MaxWarnings of those reasons.
	Warnings *[]Error
	// Used, if not nil, adds up what evaluations use that belong together, so that
	// Limits bound all of them.
	Used *Usage
	// Writer, if not nil, takes what a script sets. Without one a script that sets a
	// variable fails. FEEL and JUEL never write.
	Writer Writer
}

// Writer takes the variables that a script sets or removes, in order. If the script
// fails, what it wrote is to be forgotten.
type Writer interface {
	Set(name string, v Value)
	Remove(name string)
}

// Usage is what evaluations that belong together have used so far. The zero value
// is ready; one goroutine at a time may use it.
type Usage struct {
	Steps, Bytes int    // as in Limits
	Depth        int    // of the evaluations that have not ended
	Drawn        uint64 // random numbers
}

// MaxWarnings is how many warnings an evaluation records.
const MaxWarnings = 20

// Scope gives the value of a variable by its name.
type Scope interface {
	Lookup(name string) (Value, bool)
}

// Limits bound one evaluation.
type Limits struct {
	Steps int // operations, default 100,000
	Depth int // nesting of calls and operands, default 200
	Items int // elements of a list or context being built, default 100,000
	Bytes int // bytes of strings being built, default 4 MiB
}

// Position is a place in the source text of an expression, both counted from 1;
// Column counts code points.
type Position struct{ Line, Column int }

// Error says what is wrong with an expression or its evaluation, and where.
type Error struct {
	Source   string   // the expression
	Position Position // zero when the failure has no place
	Message  string   // what is wrong and what would be right
}
