// Package site is what is attacked: Apache Kafka, Postgres, engines, relays and
// workers, each a process of its own on this machine, with a proxy on every
// connection between them. It starts, stops and breaks them; what they do and
// whether that is right it does not know.
//
// Nothing outlives the program that made the site, not even when that is killed.
//
// Start reading at site.go, then process.go.
package site
