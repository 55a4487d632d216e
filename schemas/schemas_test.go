package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/wire"
	"github.com/barnabas-project/barnabas/schemas"
)

// base is what the $id of the schemas begins with.
const base = "https://barnabas-project.github.io/schemas/"

// compile gives the schema of a file, all others at hand.
func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := fs.Glob(schemas.Embedded, "*.json")
	require.NoError(t, err)
	for _, file := range files {
		data, err := schemas.Embedded.ReadFile(file)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err, file)
		require.Equal(t, base+file, doc.(map[string]any)["$id"])
		require.NoError(t, c.AddResource(base+file, doc))
	}
	s, err := c.Compile(base + name)
	require.NoError(t, err)
	return s
}

// asJSON is a record as the schemas see it; a value that is not JSON becomes text.
func asJSON(t *testing.T, r wire.Record) any {
	t.Helper()
	headers := map[string]any{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	doc := map[string]any{"headers": headers}
	if r.Key != nil {
		doc["key"] = string(r.Key)
	}
	if r.Value != nil {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Value))
		if err != nil {
			value = string(r.Value)
		}
		doc["value"] = value
	}
	return doc
}

// records are what add puts into a pack.
func records(t *testing.T, add func(p *wire.Pack)) (all []wire.Record) {
	t.Helper()
	var p wire.Pack
	add(&p)
	require.NoError(t, wire.Unpack(p.Bytes(), func(r wire.Record) error {
		all = append(all, r)
		return nil
	}))
	require.NotEmpty(t, all)
	return all
}

func valid(t *testing.T, schema string, all []wire.Record) {
	t.Helper()
	s := compile(t, schema)
	for _, r := range all {
		require.NoError(t, s.Validate(asJSON(t, r)), "%s", r.Value)
	}
}

func bare(headers ...string) wire.Record {
	r := wire.Record{Topic: "barnabas.results", Key: []byte("k")}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, wire.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return r
}

const (
	id    = "0199c5a2-7d3e-7c11-9b1f-0242ac120002.3.7.2"
	trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func instance() [16]byte {
	id, _ := wire.ParseUUID([]byte("0199c5a2-7d3e-7c11-9b1f-0242ac120002"))
	return id
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestEverySchemaIsValid(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(schemas.Embedded, "*.json")
	require.NoError(t, err)
	require.Len(t, files, 7)
	meta := jsonschema.NewCompiler()
	draft, err := meta.Compile("https://json-schema.org/draft/2020-12/schema")
	require.NoError(t, err)
	for _, file := range files {
		compile(t, file)
		data, err := schemas.Embedded.ReadFile(file)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err)
		require.NoError(t, draft.Validate(doc), file)
	}
}

func TestTaskCommands(t *testing.T) {
	t.Parallel()
	valid(t, "task.schema.json", records(t, func(p *wire.Pack) {
		c := wire.TaskCommand{
			Topic: "t", ID: wire.CorrelationID{Instance: instance(), Home: 3, Task: 7, Attempt: 2}, Time: noon, Source: "/barnabas",
			ReplyTo: "r", TaskType: "pay", ElementID: "charge", ProcessID: "order",
		}
		p.AddTaskCommand(&c)
		c.KeyByTask, c.BusinessKey, c.Tenant, c.TraceParent, c.Deadline = true, "b", "acme", trace, noon
		c.Variables, c.Headers = []byte(`{"a":[1,null]}`), []wire.Header{{Key: "region", Value: []byte("eu")}}
		p.AddTaskCommand(&c)
	}))
}

func TestMessages(t *testing.T) {
	t.Parallel()
	ttl := 90*time.Second + time.Millisecond
	valid(t, "message.schema.json", records(t, func(p *wire.Pack) {
		p.AddMessage(&wire.PublishedMessage{Topic: "m", Message: wire.Message{Name: "begin"}})
		p.AddMessage(&wire.PublishedMessage{Topic: "m", Source: "/barnabas", Time: noon, Message: wire.Message{
			Name: "paid", CorrelationKey: "order-1", ID: "m", TTL: &ttl, BusinessKey: "b", Tenant: "t", TraceParent: trace, Variables: []byte(`{"a":1}`),
		}})
	}))
}

func TestControlRecords(t *testing.T) {
	t.Parallel()
	result := bare("correlationId", id)
	result.Value = []byte("not json")
	valid(t, "control.schema.json", records(t, func(p *wire.Pack) {
		for _, c := range []wire.Control{
			{Kind: wire.Deliver, Element: 9, Node: 2, Message: wire.Message{Name: "paid", CorrelationKey: "o", ID: "m", Variables: []byte(`{"a":1}`)}, Expires: noon},
			{Kind: wire.ForwardResult, Result: result},
			{Kind: wire.CancelInstance, Reason: "wrong"},
			{Kind: wire.ResolveIncident, Element: 3, Retries: 2},
		} {
			c.Instance, c.Home = instance(), 5
			p.AddControl("c", &c)
		}
	}))
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	r := bare("own", "\xff")
	r.Partition, r.Offset, r.Time, r.Value = 3, 77, noon, []byte("broken")
	valid(t, "dead-letter.schema.json", records(t, func(p *wire.Pack) {
		p.AddDeadLetter(&wire.DeadLetter{Topic: "d", Record: r, Class: wire.PoisonBadValue, Message: "why", FirstFailure: noon, Engine: "e"})
		p.AddDeadLetter(&wire.DeadLetter{Topic: "d", Record: wire.Record{Partition: wire.ByKey}, Class: "x", FirstFailure: noon, Engine: "e"})
	}))
}

// Schema and decoder must agree on what a worker may send.
func TestResultsAreAcceptedAsDecoded(t *testing.T) {
	t.Parallel()
	s := compile(t, "result.schema.json")
	envelope := func(members string) string { return `{"correlationId":"` + id + `"` + members + `}` }
	for name, c := range map[string]struct {
		headers []string
		value   string
		good    bool
	}{
		"smallest":            {[]string{"correlationId", id}, "", true},
		"variables":           {[]string{"correlationId", id}, `{"paid":true}`, true},
		"own member":          {[]string{"correlationId", id}, `{"correlationId":7}`, true},
		"failed":              {[]string{"correlationId", id, "status", "failed", "errorMessage", "no", "retries", "2", "retryAfter", "PT1.5M"}, "", true},
		"milliseconds":        {[]string{"correlationId", id, "status", "failed", "retryAfter", "1500"}, "", true},
		"bpmn-error":          {[]string{"correlationId", id, "status", "bpmn-error", "errorCode", "E"}, "", true},
		"progress":            {[]string{"correlationId", id, "status", "progress", "attempt", "2", "ce_id", "x", "traceparent", trace}, "", true},
		"envelope":            {nil, envelope(`,"variables":{"a":1}`), true},
		"envelope, all":       {nil, envelope(`,"attempt":2,"status":"failed","errorMessage":"e","retries":1,"retryAfter":5,"variables":null`), true},
		"no correlation":      {nil, `{"a":1}`, false},
		"nothing":             {nil, "", false},
		"foreign correlation": {[]string{"correlationId", "42"}, "", false},
		"unknown status":      {[]string{"correlationId", id, "status", "done"}, "", false},
		"no error code":       {[]string{"correlationId", id, "status", "bpmn-error"}, "", false},
		"months":              {[]string{"correlationId", id, "status", "failed", "retryAfter", "P1M"}, "", false},
		"retries":             {[]string{"correlationId", id, "status", "failed", "retries", "-1"}, "", false},
		"array":               {[]string{"correlationId", id}, `[1]`, false},
		"envelope, unknown":   {nil, envelope(`,"paid":true`), false},
		"envelope, no code":   {nil, envelope(`,"status":"bpmn-error"`), false},
		"envelope, variables": {nil, envelope(`,"variables":7`), false},
	} {
		r := bare(c.headers...)
		if c.value != "" {
			r.Value = []byte(c.value)
		}
		_, decoded := wire.DecodeResult(&r, wire.Limits{})
		require.Equal(t, c.good, decoded == nil, "%s: %v", name, decoded)
		validated := s.Validate(asJSON(t, r))
		require.Equal(t, c.good, validated == nil, "%s: %v", name, validated)
	}
}

func TestStatusRecords(t *testing.T) {
	t.Parallel()
	valid(t, "status.schema.json", records(t, func(p *wire.Pack) {
		st := wire.Status{
			Topic: "s", Source: "/barnabas", Instance: instance(), ProcessID: "order", Version: 1, Sequence: 1, State: wire.InstanceCompleted, Time: noon,
		}
		p.AddStatus(&st)
		for _, st.State = range []wire.InstanceState{wire.InstanceActive, wire.InstanceTerminated, wire.InstanceCancelled, wire.InstanceParked} {
			st.BusinessKey, st.Tenant, st.TraceParent, st.Sequence, st.Incidents = "b", "t", trace, 12, 1
			st.At, st.AtTruncated, st.Variables = []wire.Position{{Element: "a", Key: 3}}, true, []byte(`{"a":1}`)
			p.AddStatus(&st)
		}
	}))
}

// everyEvent is one of each event of the engine, with all fields set (full) or none.
func everyEvent(full bool) []engine.Event {
	events := []engine.Event{
		engine.InstanceStarted{}, engine.InstanceCompleted{}, engine.InstanceTerminated{}, engine.InstanceCancelled{}, engine.InstanceParked{},
		engine.InstanceResumed{}, engine.ElementPassed{}, engine.ElementEntered{}, engine.ElementCompleted{}, engine.ElementTerminated{},
		engine.TokenArrived{}, engine.TaskSent{}, engine.TaskCompleted{}, engine.TaskFailed{}, engine.TaskProgressed{}, engine.ErrorThrown{},
		engine.TimerScheduled{}, engine.TimerFired{}, engine.MessageSubscribed{}, engine.MessageCorrelated{}, engine.MessagePublished{},
		engine.DecisionEvaluated{}, engine.VariablesSet{}, engine.IncidentRaised{}, engine.IncidentResolved{},
	}
	for i, e := range events {
		v := reflect.New(reflect.TypeOf(e)).Elem()
		for j := range v.NumField() {
			set(v.Field(j), v.Type().Field(j).Name, full)
		}
		events[i] = v.Interface().(engine.Event)
	}
	return events
}

// set gives a field a value; what every event has is set even if not full.
func set(field reflect.Value, name string, full bool) {
	switch v := field.Addr().Interface().(type) {
	case *engine.Key:
		if full || name == "Key" {
			*v = 5
		}
	case *engine.IncidentKind:
		*v = engine.RetriesExhausted
	case *[]engine.TableEvaluated:
		if full {
			*v = []engine.TableEvaluated{{Decision: "d", HitPolicy: "UNIQUE", Rules: []uint32{1, 2}, Inputs: engine.Variables{{Name: "a", Value: json.RawMessage("1")}}}}
		}
	case *int32:
		*v = 1
	case *uint32:
		if full || name == "Attempt" {
			*v = 3
		}
	case *int:
		if !full && (name == "Flow" || name == "Catcher") {
			*v = bpmn.None
		}
	case *string:
		if full || name == "Type" || name == "Name" || name == "Decision" {
			*v = "text"
		}
	case *time.Time:
		if full || name == "Due" {
			*v = noon
		}
	case *engine.Variables:
		if full {
			*v = engine.Variables{{Name: "a", Value: json.RawMessage("1")}}
		}
	case *bool:
		*v = full
	}
}

func TestEveryEventOfTheEngineIsDescribed(t *testing.T) {
	t.Parallel()
	p := &bpmn.Process{Nodes: []bpmn.Node{{ID: "charge"}}, Flows: []bpmn.Flow{{ID: "to_charge"}}}
	described := describedEvents(t)
	s := compile(t, "status.schema.json")
	seen := map[string]bool{}
	for _, full := range []bool{true, false} {
		for _, e := range everyEvent(full) {
			text := engine.AppendEvents(nil, p, []engine.Event{e}, true)
			var events []map[string]any
			require.NoError(t, json.Unmarshal(text, &events))
			kind := events[0]["type"].(string)
			seen[kind] = true
			for member := range events[0] {
				require.Contains(t, described[kind], member, "%s of %s is not in the schema", member, kind)
			}
			r := records(t, func(p *wire.Pack) {
				p.AddStatus(&wire.Status{Source: "/", Instance: instance(), ProcessID: "o", Version: 1, Sequence: 1, State: wire.InstanceActive, Time: noon, Events: text})
			})[0]
			require.NoError(t, s.Validate(asJSON(t, r)), "%s", text)
		}
	}
	require.Len(t, seen, len(described), "the schema describes events that the engine hasn't got, or this test lacks some")
}

// describedEvents are the members the schema names, by type of event.
func describedEvents(t *testing.T) map[string]map[string]any {
	data, err := schemas.Embedded.ReadFile("status.schema.json")
	require.NoError(t, err)
	var doc struct {
		Defs map[string]struct {
			OneOf      []map[string]string `json:"oneOf"`
			Properties map[string]any      `json:"properties"`
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(data, &doc))
	described := map[string]map[string]any{}
	for _, ref := range doc.Defs["event"].OneOf {
		kind := strings.TrimPrefix(ref["$ref"], "#/$defs/")
		described[kind] = doc.Defs[kind].Properties
	}
	return described
}

func TestWhatIsMissingIsNoticed(t *testing.T) {
	t.Parallel()
	good := records(t, func(p *wire.Pack) {
		p.AddStatus(&wire.Status{Source: "/", Instance: instance(), ProcessID: "o", Version: 1, Sequence: 1, State: wire.InstanceActive, Time: noon, Events: []byte(`[{"type":"timer-fired","element":"a","key":1}]`)})
	})[0]
	s := compile(t, "status.schema.json")
	require.NoError(t, s.Validate(asJSON(t, good)))
	for old, bad := range map[string]string{
		`"sequence":1`: `"sequence":0`, `"state":"active"`: `"state":"busy"`, `"timer-fired"`: `"timer-melted"`, `"incidents":0`: `"x":0`,
		`"element":"a",`: ``, `"time":"2026`: `"time":"26`,
	} {
		r := good
		r.Value = []byte(strings.Replace(string(good.Value), old, bad, 1))
		require.NotEqual(t, string(good.Value), string(r.Value))
		require.Error(t, s.Validate(asJSON(t, r)), bad)
	}
}
