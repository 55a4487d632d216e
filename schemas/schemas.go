// Package schemas describes the records of the protocol in JSON Schema 2020-12,
// for people and for tools that validate or generate code. A record is described
// as an object of key, headers (text by name) and value (JSON).
//
// It is data with one embedding: nothing at run time depends on it.
package schemas

import "embed"

// Embedded are the schemas, *.schema.json; common.schema.json holds what the
// others refer to.
//
//go:embed *.json
var Embedded embed.FS
