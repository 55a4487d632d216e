package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/ledger"
	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// millis is a duration that JSON shows in milliseconds.
type millis time.Duration

// MarshalJSON writes whole milliseconds.
func (m millis) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d", time.Duration(m).Milliseconds()), nil
}

// document is the outcome as JSON.
type document struct {
	Seed     uint64           `json:"seed"`
	Commit   string           `json:"commit,omitempty"`
	Postgres string           `json:"postgres"`
	CPUs     int              `json:"processors"`
	Load     float64          `json:"loadAverage"`
	Began    time.Time        `json:"began"`
	Duration millis           `json:"durationMillis"`
	Every    millis           `json:"everyMillis"`
	Settled  millis           `json:"settledAfterMillis"` // since the last fault was mended
	Silence  millis           `json:"longestSilenceMillis"`
	Fsck     string           `json:"fsck"`
	Figures  ledger.Figures   `json:"figures"`
	Findings []ledger.Finding `json:"findings"`
	ByKind   []*row           `json:"recoveries"`
	Deaths   []site.Death     `json:"endedByThemselves"`
	Faults   []injected       `json:"faults"`
	Rates    []int            `json:"hopsPerSecond"` // from the beginning of the load
}

// injected is a fault as JSON.
type injected struct {
	Seconds  float64 `json:"atSeconds"` // since the beginning of the load
	Kind     string  `json:"kind"`
	Target   string  `json:"target"`
	Lasted   millis  `json:"lastedMillis"`
	Felt     bool    `json:"felt"`
	Recovery millis  `json:"recoveryMillis"`
	Problem  string  `json:"problem,omitempty"`
}

// MarshalJSON writes the outcome with what is computed from it.
func (o *Outcome) MarshalJSON() ([]byte, error) {
	d := document{Seed: o.Seed, Commit: o.Commit, Postgres: o.Postgres, CPUs: o.Processors, Load: o.Load, Began: o.Began, Duration: millis(o.Duration), Every: millis(o.Every),
		Settled: millis(o.Settled.Sub(o.Mended)), Silence: millis(silence(o.rates())), Fsck: o.Fsck, Figures: o.Figures,
		Findings: append([]ledger.Finding{}, o.Findings...), ByKind: o.rows(), Deaths: append([]site.Death{}, o.Deaths...), Rates: o.rates()}
	for _, f := range o.Faults {
		back := recoveryOf(f, o.PerSecond, o.Settled)
		d.Faults = append(d.Faults, injected{Seconds: f.Began.Sub(o.Warmed).Round(time.Millisecond).Seconds(), Kind: string(f.Kind), Target: f.Target,
			Lasted: millis(f.Mended.Sub(f.Began)), Felt: back.felt, Recovery: millis(back.took), Problem: f.Problem})
	}
	return json.Marshal(d)
}

// Write writes chaos.md, chaos.svg and chaos.json into a folder, which it makes.
func Write(folder string, o *Outcome) error {
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for name, content := range map[string]string{"chaos.md": o.Markdown(), "chaos.svg": o.Picture(), "chaos.json": string(text) + "\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}
