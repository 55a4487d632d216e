// Package dmn turns DMN XML of version 1.1 to 1.5 into compiled models and
// evaluates their decisions, with an explanation of each. It knows the XML and the
// rules of DMN; FEEL and JUEL are package expr's, and where models are kept or who
// asks for a decision is nobody's business here.
//
// Start reading at Parse and Model.Evaluate, then Result; the examples run. graph.go has what depends
// on what, logic.go and boxed.go the boxed expressions, table.go, tablehit.go and
// hitpolicy.go the decision tables, types.go the item definitions.
//
// # What is covered
//
// Decision requirements graphs with decisions, input data, business knowledge
// models and decision services; every boxed expression (literal, context, list,
// relation, invocation, function, conditional, filter, for, some, every, decision
// table); decision tables with all hit policies and aggregations, several outputs,
// default outputs, input and output values, annotations; item definitions with
// components, collections, functions, allowed values and type constraints, checked
// wherever a typeRef is; imports of DMN models, direct ones, under a name or none.
// Names may have spaces and operators: expressions are compiled with the names in
// their scope.
//
// A result says how it came about: every decision evaluated, what it required, and
// of every table its inputs, the rules that matched with outputs and annotations, and
// a hit policy that did not hold (Result.Violation). Result.Rows is the result in the
// shape that Camunda 7 gives it.
//
// # Languages
//
// Expressions are FEEL unless expressionLanguage says "juel", on the expression or
// on <definitions>, or a text begins with ${ or #{. An input entry of JUEL holds if
// it is true; it knows the input's value as cellInput or by camunda:inputVariable,
// as entries of FEEL do besides ?.
//
// # When something is wrong
//
// What the specification calls an error (operands of the wrong kind, two rules of a
// UNIQUE table, a value that is not of its type) makes a value null and leaves a
// warning in the result; with Env.Strict it is an error. JUEL has no such null: its
// failures are errors always. So are exceeded limits.
//
// # Where this departs from the specification
//
//   - Functions in Java and PMML, imports of other documents than DMN and imported
//     values are not supported.
//   - Names that a decision does not require are looked up in the inputs, and what is
//     required of a decision without <variable> is also known by its id and by the
//     names of its table's outputs: models made for Camunda count on it.
//   - instance of a function type looks at the parameters, not at the type of the
//     result; those of built-in functions are counted only.
//   - Knowledge models may call themselves and each other in circles.
//   - Strings in inputs (input data, inputs of tables) are read as dates, times and
//     durations where their type is one, for JSON has none.
//   - Types of literal expressions (instance of, parameters of functions written in
//     FEEL) have the shape of the item definition but not its allowed values.
//   - A value that is not among the input values of a table makes the table null;
//     an output that is not among the output values becomes null. Null itself is
//     always allowed.
//   - No rule matches: 0 for COLLECT with COUNT; a list of the default outputs for
//     hit policies that give lists; otherwise the default outputs or null.
//   - FIRST does not look at the rules after the one that matches.
//   - integer, long, double and the like are number.
//
// # What is ignored
//
// Diagrams, knowledge sources, text annotations, associations, groups, element
// collections, business context, documentation, extensions other than
// camunda:inputVariable, camunda:versionTag and zeebe:versionTag.
package dmn
