// Package script is JavaScript (ECMAScript 5.1 and most of 6 and later) for script
// tasks, conditions and parameters, within bounds: no I/O, no clock, no chance, no
// state that outlives an evaluation.
//
// It knows nothing of processes: variables come from expr.Env.Scope, and
// execution.setVariable writes to expr.Env.Writer. Start reading at Compile, then
// rewrite.go (what is refused and what is counted), builtin.go (what there is to
// call), convert.go (values, both ways).
//
// # What a script sees
//
// Process variables are global names; they are copies, and assigning to one changes
// nothing outside. execution has getVariable, setVariable, removeVariable,
// hasVariable, getVariables and the getters of ids, such as
// getProcessBusinessKey(). The value of the last expression is the result. print
// and console.log do nothing.
//
// # Departures from ECMAScript
//
//   - Not available, and refused when the model is deployed: classes and new for
//     functions of the script, generators, async, with, getters and setters, tagged
//     templates, rest elements in patterns, BigInt, modules, Java (Java.type, Packages).
//   - Not available at all: eval, Function, Symbol, Proxy, Reflect, Promise, WeakMap,
//     WeakSet, typed arrays, Object.create, Object.defineProperty, prototypes of
//     prototypes, Function.prototype.bind.
//   - Dates are in UTC: getHours() is getUTCHours(). Date.now() and new Date() are
//     Env.Now, Math.random() draws from Env.Seed. Date reads ISO 8601 and RFC 1123 only.
//   - Regular expressions have no lookahead, lookbehind or backreference, since their time
//     could not be bounded, nor the flag y; they see code points, not UTF-16 units.
//
// # Numbers
//
// JavaScript computes in binary with 53 bits. A number of the process that would not
// come back as it was, such as 9007199254740993 or one with 20 digits, can be passed
// on within its object but not read: that is an error, not a rounded number. NaN and
// infinities cannot become variables.
//
// # Bounds
//
// expr.Limits, all counted and so the same on every machine: Steps are the nodes of
// the syntax tree that run, plus what built-in functions look at; Depth is calls
// within calls; Items bounds each array, Bytes each string, and sixteen times as many
// bytes of strings may be built altogether. A loop checks at every turn, a function at
// every call. Not counted is the conversion of a long string to a number by an
// operator; it takes time in proportion to the string.
package script
