package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/internal/chaos/fault"
)

// What counts as felt and as recovered, of the median of the half minute before.
const (
	medianOf  = 30 // seconds before the fault
	felt      = 0.5
	recovered = 0.9
	lookFor   = 15 // seconds from a fault's beginning in which its effect must show: more than a group session
)

// recovery is how long the throughput took to come back after a fault began.
// Other faults in between make it longer: it is what a user would have seen.
type recovery struct {
	felt bool // a second had less than half of the hops of the median before
	took time.Duration
}

// recoveryOf looks for the dip after a fault and for its end; end is when to stop
// looking.
func recoveryOf(f fault.Injected, perSecond map[int64]int, end time.Time) recovery {
	begin := f.Began.Unix()
	var before []int
	for s := begin - medianOf; s < begin; s++ {
		before = append(before, perSecond[s])
	}
	slices.Sort(before)
	median := float64(before[len(before)/2])
	for s := begin; s <= begin+lookFor && s < end.Unix(); s++ {
		if float64(perSecond[s]) >= felt*median {
			continue
		}
		for s < end.Unix() && float64(perSecond[s]) < recovered*median {
			s++
		}
		return recovery{felt: true, took: max(time.Unix(s, 0).Sub(f.Began), 0)}
	}
	return recovery{}
}

// class is the sort of target: engine, relay, go, python, kafka, postgres,
// connection, group.
func class(f fault.Fault) string {
	if _, server, link := strings.Cut(f.Target, " to "); link {
		return "connection to " + server
	}
	if f.Kind == fault.Rebalance {
		return "group"
	}
	name, _, _ := strings.Cut(f.Target, "-")
	switch name {
	case "go", "python":
		return "worker"
	}
	return name
}

// row sums up the faults of one kind at one class of targets.
type row struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`
	Count  int    `json:"count"`
	Failed int    `json:"failed"` // could not be done or mended
	Felt   int    `json:"felt"`
	P50    millis `json:"recoveryMillisP50"` // of those felt
	Max    millis `json:"recoveryMillisMax"`

	took []time.Duration
}

// rows sums up all faults, by what they hit.
func (o *Outcome) rows() []*row {
	byName := make(map[string]*row)
	for _, f := range o.Faults {
		name := class(f.Fault) + " " + string(f.Kind)
		r := byName[name]
		if r == nil {
			r = &row{Kind: string(f.Kind), Target: class(f.Fault)}
			byName[name] = r
		}
		r.add(f, recoveryOf(f, o.PerSecond, o.Settled))
	}
	var all []*row
	for _, r := range byName {
		r.P50, r.Max = millis(quantile(r.took, 0.5)), millis(quantile(r.took, 1))
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *row) int { return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Kind, b.Kind)) })
	return all
}

func (r *row) add(f fault.Injected, back recovery) {
	r.Count++
	if f.Problem != "" {
		r.Failed++
	}
	if back.felt {
		r.Felt++
		r.took = append(r.took, back.took)
	}
}

// quantile sorts the durations; 0 without any.
func quantile(durations []time.Duration, q float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	return durations[int(q*float64(len(durations)-1))]
}

// rates are the hops of each second from the beginning of the load to its end.
func (o *Outcome) rates() []int {
	var all []int
	for s := o.Warmed.Unix(); s <= o.Settled.Unix(); s++ {
		all = append(all, o.PerSecond[s])
	}
	return all
}

// silence is the longest time in which no worker did a hop.
func silence(rates []int) time.Duration {
	longest, now := 0, 0
	for _, n := range rates {
		if now++; n > 0 {
			now = 0
		}
		longest = max(longest, now)
	}
	return time.Duration(longest) * time.Second
}
