// Package report tells what came of a run: as Markdown for people, with a picture
// of the throughput over time, and as JSON. It computes how long recoveries took
// from the throughput; it judges nothing.
//
// Start reading at outcome.go, then recovery.go, markdown.go, picture.go.
package report
