package order

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// status is what this example reads of a status record.
type status struct {
	Instance    string    `json:"instanceId"`
	Process     string    `json:"processId"`
	BusinessKey string    `json:"businessKey"`
	Sequence    uint64    `json:"sequence"`
	State       string    `json:"state"`
	Time        time.Time `json:"time"`
	Events      []struct {
		Type    string `json:"type"`
		Element string `json:"element"`
		Message string `json:"message"`
	} `json:"events"`
	At []struct {
		Element string `json:"element"`
	} `json:"at"`
	Incidents int `json:"incidents"`
}

// progress is how far an order is.
type progress struct {
	order    Order
	expected End
	placed   time.Time
	changed  time.Time
	sequence uint64 // of the last status
	at       []string
	failures int    // attempts that failed
	note     string // of the last failure
	end      End    // empty: under way
}

// board knows how far the orders are, from status records alone.
type board struct {
	orders   map[string]*progress
	inOrder  []*progress
	gaps     int // status records missing: none must be
	finished int
}

func newBoard() *board { return &board{orders: map[string]*progress{}} }

func (b *board) place(o Order, expected End, now time.Time) {
	p := &progress{order: o, expected: expected, placed: now, changed: now}
	b.orders[o.ID] = p
	b.inOrder = append(b.inOrder, p)
}

// apply takes a status record in and gives the order if that has come to its end.
// Records of other orders, and those seen already (Kafka delivers at least once),
// change nothing.
func (b *board) apply(s status) *progress {
	p := b.orders[s.BusinessKey]
	if p == nil || s.Sequence <= p.sequence {
		return nil
	}
	if s.Sequence != p.sequence+1 {
		b.gaps++
	}
	p.sequence, p.changed, p.at = s.Sequence, s.Time, p.at[:0]
	for _, at := range s.At {
		p.at = append(p.at, at.Element)
	}
	for _, e := range s.Events {
		if e.Type == "task-failed" {
			p.failures++
			p.note = e.Message
		}
	}
	before := p.end
	p.end = endOf(s)
	switch {
	case p.end == before:
		return nil
	case p.end == "": // an incident was resolved
		b.finished--
		return nil
	case before == "":
		b.finished++
	}
	return p
}

// endOf is the end a status tells of, or empty.
func endOf(s status) End {
	switch {
	case s.State == "active" && s.Incidents == 0:
		return ""
	case s.State == "active":
		return Incident
	}
	for _, e := range slices.Backward(s.Events) {
		if e.Type == "element-passed" || e.Type == "instance-terminated" {
			return End(e.Element)
		}
	}
	return End(s.State)
}

// counts are the orders by their end, most frequent first.
func (b *board) counts() []count {
	byEnd := map[End]int{}
	for _, p := range b.inOrder {
		byEnd[p.end]++
	}
	all := make([]count, 0, len(byEnd))
	for end, n := range byEnd {
		if end != "" {
			all = append(all, count{end, n})
		}
	}
	slices.SortFunc(all, func(x, y count) int {
		return cmp.Or(cmp.Compare(y.n, x.n), strings.Compare(string(x.end), string(y.end)))
	})
	return all
}

type count struct {
	end End
	n   int
}
