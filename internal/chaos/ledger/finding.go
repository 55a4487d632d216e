package ledger

import (
	"fmt"
	"slices"
	"time"
)

// Kind says what is wrong.
type Kind string

// The kinds of findings.
const (
	Lost      Kind = "lost"      // something that was promised is not there
	Doubled   Kind = "doubled"   // something happened twice that must happen once
	Forked    Kind = "forked"    // two books, or two copies, tell different stories
	Reordered Kind = "reordered" // something appeared before what precedes it
	Early     Kind = "early"     // a timer fired before it was due
	Waiting   Kind = "waiting"   // an instance does not go on, and nothing explains it
	Defect    Kind = "defect"    // incidents, dead letters, parked instances: nothing of the run causes them
)

// Kinds lists them all.
func Kinds() []Kind { return []Kind{Lost, Doubled, Forked, Reordered, Early, Waiting, Defect} }

// Finding is something that must not be.
type Finding struct {
	Kind Kind   `json:"kind"`
	What string `json:"what"`
}

// Count is how many findings are of the kind.
func Count(findings []Finding, k Kind) (n int) {
	for _, f := range findings {
		if f.Kind == k {
			n++
		}
	}
	return n
}

// Figures say how much was checked.
type Figures struct {
	Chains            int    `json:"chains"`
	Hops              int    `json:"hops"` // of chains, answered and taken in
	Instances         int    `json:"instances"`
	Completed         int    `json:"completed"`
	Status            int    `json:"statusRecords"`
	StatusAgain       int    `json:"statusRecordsPublishedAgain"`
	Commands          int    `json:"commands"`
	CommandsAgain     int    `json:"commandsPublishedAgain"`
	Results           int    `json:"results"`
	ResultsAgain      int    `json:"resultsSentAgain"` // to the same attempt
	Effects           int    `json:"sideEffects"`
	EffectsAgain      int    `json:"sideEffectsRepeated"`                        // for the same attempt, all explained unless there is a finding
	EffectsByTurmoil  int    `json:"sideEffectsRepeatedByRebalanceWithoutFault"` // of these
	HistorySteps      int    `json:"historySteps"`
	Messages          int    `json:"messages"`
	MessagesTaken     int    `json:"messagesCorrelated"`
	Timers            int    `json:"timersFired"`
	Retries           int    `json:"retriesSent"`
	BusinessErrors    int    `json:"businessErrors"`
	Interrupted       int    `json:"interruptedTasks"`
	OtherRecords      int    `json:"controlRecords"`
	TimerLatenessP50  Millis `json:"timerLatenessMillisP50"`
	TimerLatenessMost Millis `json:"timerLatenessMillisMax"`
}

// Millis is a duration that JSON shows in milliseconds.
type Millis time.Duration

// MarshalJSON writes whole milliseconds.
func (m Millis) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d", time.Duration(m).Milliseconds()), nil
}

// quantile is the value below which the share q of the durations lies; 0 without any.
func quantile(durations []time.Duration, q float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	return durations[int(q*float64(len(durations)-1))]
}
