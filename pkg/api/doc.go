// Package api is the REST interface: the verbs of the command line as HTTP, an
// OpenAPI 3.1 description of them, health, readiness and metrics.
//
// Handlers translate: request → call of the orchestrator → response or problem
// (RFC 9457). They decide nothing.
//
// Start reading at New.
package api
