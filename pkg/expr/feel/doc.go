// Package feel is FEEL, the expression language of DMN 1.5 (chapter 10), with
// the functions that Camunda adds.
//
// A text is parsed once, compiled to closures, and evaluated any number of times
// by any number of goroutines. Decimals have 34 digits, strings count by code
// point, logic has three values. What the specification calls an error gives null
// and a warning; Env.Strict makes it an error.
//
// The package knows of expressions alone: nothing of processes or decision tables.
// Start reading at Compile, then package syntax (text to tree), compile.go (tree to
// closures), machine.go (one evaluation).
//
// # What is covered
//
// The whole grammar: arithmetic, comparison, ternary logic, in, between, instance of with
// list, range, context and function types, if, for over lists, ranges, numbers and dates
// with several iterators and partial, some, every, filters, paths, contexts, ranges in every
// notation, unary tests, functions with types of parameters, named arguments, names with
// spaces, @-literals, comments, escapes up to \U01F40E. All built-in functions of section
// 10.3.4, and of Camunda: get or else, is defined, assert, context put and merge with
// their older names put and put all, extract, trim, is blank, is empty, to base64, uuid,
// random number, last day of month, duplicate values, partition, from json, to json.
// string format is ours. testdata/functions.txt shows each of them.
//
// # Where this departs from the specification
//
//   - External functions (Java, PMML) are refused.
//   - Patterns are translated to RE2, which takes linear time: back-references and
//     lookaround give null.
//   - A context with the same key twice is refused when it is compiled, as are names of
//     unknown types.
//   - Numbers that are only carried keep all their digits; arithmetic rounds to 34, half
//     to even, within 10^±6144.
//   - now() and today() are Env.Now, so they are the same throughout an evaluation;
//     uuid() and random number() come from Env.Seed.
//
// # Bounds
//
// expr.Limits, all counted: Steps are nodes of the syntax tree that are evaluated, plus what
// functions look at; Depth is calls within calls; Items bounds every list and context, Bytes
// each value and all strings that are built. Sources nest at most 2,000 operators.
package feel
