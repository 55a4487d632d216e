package order

import (
	"slices"
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
	Events      []event   `json:"events"`
	At          []struct {
		Element string `json:"element"`
	} `json:"at"`
	Incidents int `json:"incidents"`
}

type event struct {
	Type    string `json:"type"`
	Element string `json:"element"`
	Message string `json:"message"`
}

// progress is how far an order is.
type progress struct {
	order    Order
	kind     *kind // nil: placed by somebody else, or by an earlier run
	placed   time.Time
	changed  time.Time
	sequence uint64 // of the last status
	at       []string
	failures int    // attempts that failed
	note     string // of the last failure
	end      End    // empty: under way
}

// proper says whether an order came to the end it should, the way it should.
func (p *progress) proper() bool { return p.end == p.kind.end && p.failures == p.kind.failures }

// happening is an event of an order, for the reader.
type happening struct {
	event
	time  time.Time
	order string
}

// board knows how far the orders are, from status records alone.
type board struct {
	instances map[string]*progress // by instance id
	placed    map[string]*progress // by order id, until the first status tells the instance
	ours      []*progress          // in the order of placing
	others    []*progress
	finished  int         // of ours, those at an end now
	ended     []time.Time // when ours came to ends, in the order of hearing of them
	gaps      int         // status records missing: none must be
}

func newBoard() *board {
	return &board{instances: map[string]*progress{}, placed: map[string]*progress{}}
}

func (b *board) place(o Order, k *kind, now time.Time) {
	p := &progress{order: o, kind: k, placed: now, changed: now}
	b.placed[o.ID] = p
	b.ours = append(b.ours, p)
}

// apply takes a status record in and gives the order if that has come to its end,
// and what has happened to it. Records seen already (Kafka delivers at least
// once) and those of other processes change nothing.
func (b *board) apply(s status) (ended *progress, news []happening) {
	p := b.find(s)
	if p == nil || s.Sequence <= p.sequence {
		return nil, nil
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
		if notable(e.Type) {
			news = append(news, happening{event: e, time: s.Time, order: p.order.ID})
		}
	}
	return b.end(p, endOf(s)), news
}

// find gives the order of a status record, adopting those that others placed.
func (b *board) find(s status) *progress {
	if s.Process != processID {
		return nil
	}
	p := b.instances[s.Instance]
	if p != nil {
		return p
	}
	if p = b.placed[s.BusinessKey]; p != nil {
		delete(b.placed, s.BusinessKey)
	} else {
		p = &progress{order: Order{ID: s.BusinessKey}, placed: s.Time, sequence: s.Sequence - 1}
		b.others = append(b.others, p)
	}
	b.instances[s.Instance] = p
	return p
}

// end notes where an order is now, and gives it if that is a new end.
func (b *board) end(p *progress, end End) *progress {
	before := p.end
	p.end = end
	switch {
	case end == before:
		return nil
	case end == "": // an incident was resolved
		if p.kind != nil {
			b.finished--
		}
		return nil
	case p.kind != nil && before == "":
		b.finished++
		b.ended = append(b.ended, p.changed)
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

// notable says whether a reader wants to hear of events of a type: those that
// come from outside, and ends.
func notable(eventType string) bool {
	switch eventType {
	case "element-passed", "element-entered", "element-completed", "element-terminated", "token-arrived",
		"task-sent", "timer-scheduled", "message-subscribed", "variables-set":
		return false
	}
	return true
}

// tokens counts where the orders of all are, and ends where they ended.
func (b *board) tokens() (at map[string]int, ends map[End]int) {
	at, ends = map[string]int{}, map[End]int{}
	for p := range b.all {
		switch {
		case p.end != "":
			ends[p.end]++
		case p.sequence == 0:
			at[justPlaced]++
		default:
			for _, element := range p.at {
				at[element]++
			}
		}
	}
	return at, ends
}

func (b *board) all(yield func(*progress) bool) {
	for _, list := range [][]*progress{b.ours, b.others} {
		for _, p := range list {
			if !yield(p) {
				return
			}
		}
	}
}

// rate is how many of our orders ended a second, over the last seconds.
func (b *board) rate(now time.Time, over time.Duration) float64 {
	n := 0
	for _, at := range slices.Backward(b.ended) {
		if now.Sub(at) > over {
			break
		}
		n++
	}
	if len(b.ours) > 0 {
		over = min(over, now.Sub(b.ours[0].placed))
	}
	return float64(n) / max(over, time.Millisecond).Seconds()
}
