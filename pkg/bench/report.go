package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a measurement found.
type Report struct {
	Scenario string    `json:"scenario"`
	At       time.Time `json:"at"`
	CPUs     int       `json:"cpus"`
	Homes    int       `json:"homes"`
	Rate     int       `json:"rate,omitempty"` // instances started per second; 0: as fast as they complete

	// Measurement is of the engine, or of the null pipeline if there is none.
	Measurement
	// NullPerS is the instances per second of the null pipeline, and Ratio the engine's speed as a part of it.
	NullPerS float64 `json:"null_per_s,omitempty"`
	Ratio    float64 `json:"ratio,omitempty"`
	// Null is the null pipeline beside an engine.
	Null *Measurement `json:"null,omitempty"`
}

// Measurement is one system under one load. Every instance counted has
// completed exactly once, with gapless sequence.
type Measurement struct {
	System        string  `json:"system"` // engine or null
	Instances     int     `json:"instances"`
	Seconds       float64 `json:"seconds"` // from the first start message to the last completion
	InstancesPerS float64 `json:"instances_per_s"`
	TasksPerS     float64 `json:"tasks_per_s"`
	// Latencies are from the produce of the start message to the status record
	// "completed" in the consumer's hands.
	P50Ms float64 `json:"p50_ms"`
	P99Ms float64 `json:"p99_ms"`
	MaxMs float64 `json:"max_ms"`
	// DuplicateStatus counts status records seen twice, which is allowed.
	DuplicateStatus int `json:"duplicate_status"`
	// CPU is the processor time by process (broker, postgres, engine, load) and in total,
	// of those processes that are on this machine.
	CPU map[string]float64 `json:"cpu_s_per_1000_tasks"`
	// OthersBusy and Stolen are the parts (0 to 1) of the machine's processor time that went to
	// processes of no role and to other virtual machines; LoadAverage is that of the last minute.
	OthersBusy  float64 `json:"others_busy"`
	Stolen      float64 `json:"stolen"`
	LoadAverage float64 `json:"load_average"`
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	load := "as fast as they complete"
	if r.Rate > 0 {
		load = fmt.Sprintf("%d a second", r.Rate)
	}
	fmt.Fprintf(t, "scenario %s, %d homes, %d CPUs, instances started %s\n", r.Scenario, r.Homes, r.CPUs, load)
	fmt.Fprintln(t, "\tinstances\tseconds\tinstances/s\ttasks/s\tp50 ms\tp99 ms\tmax ms\tCPU s per 1000 tasks\t")
	if r.Null != nil {
		r.Null.writeRow(t)
	}
	r.writeRow(t)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	_, err := fmt.Fprint(w, r.remarks())
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (m *Measurement) writeRow(w io.Writer) {
	fmt.Fprintf(w, "%s\t%d\t%.1f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%s\t\n", m.System, m.Instances, m.Seconds, m.InstancesPerS, m.TasksPerS,
		m.P50Ms, m.P99Ms, m.MaxMs, m.cpuText())
}

func (m *Measurement) cpuText() string {
	var parts []string
	for _, role := range []string{roleBroker, rolePostgres, roleEngine, roleLoad} {
		if s, ok := m.CPU[role]; ok {
			parts = append(parts, fmt.Sprintf("%s %.4f", role, s))
		}
	}
	return fmt.Sprintf("%.4f (%s)", m.CPU[totalCPU], strings.Join(parts, ", "))
}

func (r *Report) remarks() string {
	var b strings.Builder
	if r.Ratio > 0 {
		fmt.Fprintf(&b, "the engine runs at %.0f %% of the null pipeline\n", 100*r.Ratio)
	}
	for _, m := range []*Measurement{r.Null, &r.Measurement} {
		if m == nil {
			continue
		}
		fmt.Fprintf(&b, "%s: every one of %d instances completed exactly once", m.System, m.Instances)
		if m.DuplicateStatus > 0 {
			fmt.Fprintf(&b, "; %d status records came twice", m.DuplicateStatus)
		}
		fmt.Fprintf(&b, "; other processes took %.0f %% of the machine, %.1f %% was stolen, load average %.1f\n",
			100*m.OthersBusy, 100*m.Stolen, m.LoadAverage)
	}
	return b.String()
}

// totalCPU is the sum of all roles in Measurement.CPU.
const totalCPU = "total"

// meter measures what happens between its start and measurement.
type meter struct {
	processes processes
	before    map[string]float64
	machine   machine
}

func startMeter(ps processes) *meter {
	return &meter{processes: ps, before: ps.seconds(), machine: readMachine()}
}

// measurement is what the book says, and what it cost.
func (m *meter) measurement(system string, b *book, tasks int) Measurement {
	n := int(b.completed.Load())
	out := Measurement{
		System: system, Instances: n, Seconds: float64(b.last.Load()-b.first.Load()) / 1e9,
		DuplicateStatus: int(b.duplicates.Load()), CPU: map[string]float64{}, LoadAverage: loadAverage(),
	}
	if out.Seconds > 0 {
		out.InstancesPerS = float64(n) / out.Seconds
		out.TasksPerS = out.InstancesPerS * float64(tasks)
	}
	q := b.quantiles(0.5, 0.99, 1)
	out.P50Ms, out.P99Ms, out.MaxMs = q[0], q[1], q[2]
	m.addCPU(&out, float64(max(n*tasks, 1))/1000)
	return out
}

func (m *meter) addCPU(out *Measurement, thousands float64) {
	after, machine := m.processes.seconds(), readMachine()
	var ours float64
	for role, seconds := range after {
		used := seconds - m.before[role]
		out.CPU[role] = used / thousands
		ours += used
	}
	out.CPU[totalCPU] = ours / thousands
	if total := machine.total - m.machine.total; total > 0 {
		out.OthersBusy = max(0, machine.busy-m.machine.busy-ours) / total
		out.Stolen = (machine.stolen - m.machine.stolen) / total
	}
}

// compare puts the systems into one report.
func (r *Report) compare(ms []Measurement) {
	slices.SortFunc(ms, func(a, b Measurement) int { return strings.Compare(a.System, b.System) }) // engine, null
	r.Measurement = ms[0]
	for i := range ms {
		if ms[i].System == systemNull {
			r.NullPerS = ms[i].InstancesPerS
			if i > 0 {
				r.Null = &ms[i]
				r.Ratio = ms[0].InstancesPerS / max(ms[i].InstancesPerS, 1e-9)
			}
		}
	}
}

const (
	systemEngine = "engine"
	systemNull   = "null"
)
