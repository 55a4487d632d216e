// Package xmldoc reads XML models from hostile hands: bounded in bytes, depth,
// elements and attributes, without document types and entities, with the place of
// every element, so that each problem of a model can be reported where it is.
//
// It knows nothing of what the elements mean; packages bpmn and dmn do. Start
// reading at Read, then Problem.
package xmldoc
