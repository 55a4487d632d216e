// Package load keeps the site busy and watches it: chains of echoes that never
// end, and short processes of five kinds whose ends are known beforehand. What it
// sends it notes, so that a checker can ask for all of it. It talks to Kafka
// directly, by no proxy.
//
// Start reading at driver.go (what is sent), then watch.go (what is seen).
package load
