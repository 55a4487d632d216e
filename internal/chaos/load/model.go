package load

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed models/*.bpmn
var models embed.FS

// Processes of the run: their ids, which are also the names of their files.
const (
	Echo      = "echo"      // a task, and again, forever
	Timer     = "timer"     // waits, then a task
	Fan       = "fan"       // three tasks at once, then one
	Race      = "race"      // two messages that come before, with or after what waits for them
	Claim     = "claim"     // a task that succeeds, fails twice or ends with a BPMN error
	Interrupt = "interrupt" // a task that a message and a timer race to interrupt
)

// Processes lists them all.
func Processes() []string { return []string{Echo, Timer, Fan, Race, Claim, Interrupt} }

// Model is the BPMN file of a process, in the given revision: the same process,
// which counts as another version.
func Model(process string, revision int) (resource, xml string, err error) {
	resource = process + ".bpmn"
	text, err := models.ReadFile("models/" + resource)
	if err != nil {
		return "", "", fmt.Errorf("model of %s: %w", process, err)
	}
	return resource, strings.Replace(string(text), ">revision 1<", fmt.Sprintf(">revision %d<", revision), 1), nil
}
