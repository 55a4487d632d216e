package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// render writes an outcome down for people. Events are taken from the JSON that
// status records carry.
func (w *witness) render(out Outcome) string {
	var text strings.Builder
	if r := out.Rejection; r != nil {
		names := [...]string{Duplicate: "duplicate", Late: "late", Unknown: "unknown", Inapplicable: "inapplicable"}
		fmt.Fprintf(&text, "  !! %s: %s\n", names[r.Kind], r.Reason)
	}
	var events []json.RawMessage
	require.NoError(w.t, json.Unmarshal(AppendEvents(nil, w.p, out.Events, true), &events))
	for _, e := range events {
		fmt.Fprintf(&text, "  %s\n", w.sentence(e))
	}
	for _, c := range out.Commands {
		fmt.Fprintf(&text, "  => %s\n", w.commandText(c))
	}
	return text.String()
}

// sentence turns {"type":"task-sent","element":"charge","key":2,"attempt":1}
// into "task-sent charge #2 attempt=1".
func (w *witness) sentence(event json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(event))
	_, err := d.Token() // the brace
	require.NoError(w.t, err)
	var text strings.Builder
	for d.More() {
		name, err := d.Token()
		require.NoError(w.t, err)
		var value json.RawMessage
		require.NoError(w.t, d.Decode(&value))
		plain := strings.Trim(string(value), `"`)
		switch {
		case name == "type":
			text.WriteString(plain)
		case name == "element":
			text.WriteString(" " + plain)
		case name == "key":
			text.WriteString(" #" + plain)
		case name == "scope":
			text.WriteString(" in #" + plain)
		case name == "flow":
			text.WriteString(" by " + plain)
		case name == "variables":
			text.WriteString(" " + string(value))
		case name == "due" || name == "deadline" || name == "retryAt":
			at, err := time.Parse(time.RFC3339, plain)
			require.NoError(w.t, err)
			fmt.Fprintf(&text, " %s=%s", name, distance(at))
		default:
			fmt.Fprintf(&text, " %s=%s", name, value)
		}
	}
	return text.String()
}

func distance(at time.Time) string { return "+" + at.Sub(beginning).String() }

func (w *witness) commandText(c Command) string {
	switch c := c.(type) {
	case SendTask:
		text := fmt.Sprintf("send task %s #%d type=%s attempt=%d", w.p.Nodes[c.Node].ID, c.Task, c.Type, c.Attempt)
		if !c.Deadline.IsZero() {
			text += " deadline=" + distance(c.Deadline)
		}
		return text + " " + string(c.Variables)
	case PublishMessage:
		return fmt.Sprintf("publish message %s key=%s id=…%s ttl=%s %s", c.Name, c.CorrelationKey,
			c.MessageID[28:], c.TTL, c.Variables)
	case OpenSubscription:
		return fmt.Sprintf("open subscription of %s #%d to %s key=%s interrupting=%t", w.p.Nodes[c.Node].ID,
			c.Element, c.Name, c.CorrelationKey, c.Interrupting)
	case CloseSubscription:
		return fmt.Sprintf("close subscription of %s #%d to %s key=%s", w.p.Nodes[c.Node].ID,
			c.Element, c.Name, c.CorrelationKey)
	}
	w.t.Fatalf("unknown command %T", c)
	return ""
}

// describe is the answer to "> state".
func (w *witness) describe() string {
	var text strings.Builder
	active, _ := w.s.Active(100)
	for _, a := range active {
		fmt.Fprintf(&text, "  at %s #%d %s\n", w.p.Nodes[a.Node].ID, a.Key, w.s.element(a.Key).locals.AppendJSON(nil))
	}
	for _, i := range w.s.Incidents() {
		fmt.Fprintf(&text, "  incident #%d %s: %s\n", i.Key, i.Kind, i.Message)
	}
	if due, ok := w.s.NextDue(); ok {
		fmt.Fprintf(&text, "  due %s\n", distance(due))
	}
	fmt.Fprintf(&text, "  variables %s\n", w.s.Variables().AppendJSON(nil))
	if w.s.Ended() {
		fmt.Fprintf(&text, "  ended: %s\n", w.s.EndState())
	}
	return text.String()
}
