// Package dmn decides: it turns DMN XML into compiled models and evaluates their
// decisions.
package dmn
