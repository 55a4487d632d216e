package sim

import (
	"fmt"
)

// look is the last look, when everything is at rest.
func (w *World) look() {
	for k, row := range w.db.instances {
		if s := w.state(k, row); s != nil {
			if active, _ := s.Active(10); len(active) != 1 {
				w.fail("chain %x has %d open elements instead of one", k.id, len(active))
			}
		}
	}
	for _, r := range w.check.records {
		if r.published == 0 {
			w.fail("a record was committed and is not published, and the outbox is empty")
		}
	}
	for id, b := range w.check.books {
		if b.fold != nil && len(b.statuses) != int(b.fold.Sequence) {
			w.fail("instance %x has taken %d steps and told of %d", id, b.fold.Sequence, len(b.statuses))
		}
	}
	w.conserved()
	w.orphans()
}

// conserved sees that every consumed record ended in one way.
func (w *World) conserved() {
	for _, p := range w.engines() {
		families, err := p.metrics.Gather()
		if err != nil {
			w.fail("metrics: %v", err)
		}
		consumed, ends := 0.0, 0.0
		for _, f := range families {
			for _, m := range f.Metric {
				switch f.GetName() {
				case "barnabas_consumed_records_total":
					consumed = m.Counter.GetValue()
				case "barnabas_input_records_total":
					ends += m.Counter.GetValue()
					if m.Label[0].GetValue() == "undecided" && m.Counter.GetValue() > 0 {
						w.fail("%s committed records without having decided them", p.id)
					}
				}
			}
		}
		if consumed != ends {
			w.fail("%s consumed %v records, of which %v ended", p.id, consumed, ends)
		}
	}
}

// orphans sees that nothing is kept for instances that are not there.
func (w *World) orphans() {
	for k := range w.db.parts {
		if w.db.instances[k] == nil {
			w.fail("pages of instance %x are there, and it is not", k.id)
		}
	}
	for k := range w.db.parked {
		if w.db.instances[k] == nil {
			w.fail("inputs are kept for instance %x, which is not there", k.id)
		}
	}
}

// consumed says what has not been consumed, "" if everything was.
func (w *World) consumed() string {
	for home := range w.cfg.Homes {
		for _, tp := range w.kafka.inputs(home, w.cfg.Homes, w.names) {
			at := topicPartition{tp.Topic, tp.Partition}
			if end := int64(len(w.kafka.partitions[at])); w.check.positions[at] < end {
				return fmt.Sprintf("%s/%d is consumed up to %d of %d", tp.Topic, tp.Partition, w.check.positions[at], end)
			}
		}
	}
	return ""
}

// remains says what is left of a world that should have come to rest.
func (w *World) remains() string {
	text := fmt.Sprintf("%d instances (%d of them go on for ever)", len(w.db.instances), w.check.echoes)
	for k, row := range w.db.instances {
		s := w.state(k, row)
		if s == nil || s.ProcessID == "echo" {
			continue
		}
		active, _ := s.Active(5)
		due, _ := s.NextDue()
		text += fmt.Sprintf("; %x of %s at home %d, step %d, %d active, %d incidents, parked %t, due %v", k.id, w.process(row.Definition).ID, k.home, row.Version,
			len(active), s.IncidentCount(), s.Parked, due)
		for _, a := range active {
			text += " " + w.process(row.Definition).Nodes[a.Node].ID
		}
	}
	for home, h := range w.db.homes {
		if w.db.published(home) < h.outboxSeq {
			text += fmt.Sprintf("; home %d is published up to %d of %d", home, w.db.published(home), h.outboxSeq)
		}
	}
	if left := w.consumed(); left != "" {
		text += "; " + left
	}
	return text
}
