package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// rest calls the REST interface of an engine.
type rest struct {
	base, token string
}

// response is an answer.
type response struct {
	status int
	header http.Header
	body   string
}

func (a rest) call(t *testing.T, method, path, body string) response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.base+path, strings.NewReader(body))
	require.NoError(t, err)
	if strings.HasPrefix(strings.TrimSpace(body), "<") {
		r.Header.Set("Content-Type", "application/xml")
	} else if strings.HasPrefix(body, "--"+formBoundary) {
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+formBoundary)
	} else if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err, "%s %s", method, path)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return response{answer.StatusCode, answer.Header, string(content)}
}

// routes are all there are, as the description names them.
var routes = []string{
	"GET /v1/decisions", "POST /v1/decisions/{decisionId}/evaluate", "GET /v1/definitions", "POST /v1/deployments", "GET /v1/discarded", "GET /v1/incidents", "GET /v1/instances", "GET /v1/instances/{id}",
	"GET /v1/instances/{id}/history", "POST /v1/instances/{id}/cancel", "POST /v1/instances/{id}/resolve", "POST /v1/messages", "POST /v1/processes/{processId}/instances",
}

// described is the OpenAPI document, to check answers with.
type described struct {
	document map[string]any
	schemas  *jsonschema.Compiler
}

func readDescription(t *testing.T, a rest) *described {
	t.Helper()
	answer := a.call(t, "GET", "/openapi.json", "")
	require.Equal(t, http.StatusOK, answer.status)
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(answer.body))
	require.NoError(t, err)
	d := &described{document: parsed.(map[string]any), schemas: jsonschema.NewCompiler()}
	require.NoError(t, d.schemas.AddResource("openapi.json", parsed))
	return d
}

// matches checks an answer with what the description says of the route.
func (d *described) matches(t *testing.T, route string, answer response) {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	escaped := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
	schema, err := d.schemas.Compile(fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%d/content/application~1json/schema", escaped, strings.ToLower(method), answer.status))
	require.NoError(t, err, route)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer.body))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value), "%s: %s", route, answer.body)
}

func TestDescriptionNamesEveryRoute(t *testing.T) {
	t.Parallel()
	a := rest{base: newSite(t).startEngine(t).client.base}
	d := readDescription(t, a)
	require.Regexp(t, `^3\.1\.`, d.document["openapi"])
	require.NotEmpty(t, d.document["info"].(map[string]any)["title"])
	var found []string
	ids := make(map[any]bool)
	for path, item := range d.document["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			found = append(found, strings.ToUpper(method)+" "+path)
			op := operation.(map[string]any)
			require.False(t, ids[op["operationId"]], "operation ids are unique")
			ids[op["operationId"]] = true
			require.NotEmpty(t, op["summary"], path)
			require.Contains(t, op["responses"], "default", "every operation tells of errors: %s", path)
		}
	}
	require.ElementsMatch(t, routes, found)
	for name := range d.document["components"].(map[string]any)["schemas"].(map[string]any) {
		_, err := d.schemas.Compile("openapi.json#/components/schemas/" + name)
		require.NoError(t, err, "references lead somewhere")
	}
	yaml := a.call(t, "GET", "/openapi.yaml", "")
	require.Equal(t, http.StatusOK, yaml.status)
	require.Contains(t, yaml.body, "openapi: 3.1")
}

// formBoundary is how calls recognise a form.
const formBoundary = "boundary-of-parts"

// asForm is a form with files of testdata.
func asForm(t *testing.T, files ...string) string {
	t.Helper()
	var b strings.Builder
	w := multipart.NewWriter(&b)
	require.NoError(t, w.SetBoundary(formBoundary))
	require.NoError(t, w.WriteField("deployment-name", "test"))
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		part, err := w.CreateFormFile("data", file)
		require.NoError(t, err)
		_, err = part.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

// running is an engine with an instance that has an incident, and one that has not.
type running struct {
	rest
	description *described
	stuck, held string // instances with and without an incident
	never       string // id of none
}

func startRunning(t *testing.T) *running {
	t.Helper()
	s := newSite(t)
	e := s.startEngine(t)
	for _, model := range []string{"manual.bpmn", "hostile.bpmn", "two-tasks.bpmn"} {
		e.deploy(t, model)
	}
	r := &running{rest: rest{base: e.client.base}, never: uuid.NewString()}
	r.description = readDescription(t, r.rest)
	r.held = r.start(t, `{"businessKey":"held","variables":{"a":1}}`)
	r.stuck = r.start(t, `{"businessKey":"stuck"}`)
	s.fail(t, "stuck", "no paper")
	eventually(t, "incident", func() bool { return strings.Contains(r.call(t, "GET", "/v1/incidents", "").body, r.stuck) })
	return r
}

func (r *running) start(t *testing.T, body string) string {
	t.Helper()
	answer := r.call(t, "POST", "/v1/processes/manual/instances", body)
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	var started struct{ Instances []string }
	require.NoError(t, json.Unmarshal([]byte(answer.body), &started))
	return started.Instances[0]
}

func TestEveryRouteAnswersAsDescribed(t *testing.T) {
	t.Parallel()
	r := startRunning(t)
	model, err := os.ReadFile("testdata/two-tasks.bpmn")
	require.NoError(t, err)
	eventually(t, "history", func() bool {
		return strings.Contains(r.call(t, "GET", "/v1/instances/"+r.stuck+"/history", "").body, "task-failed")
	})
	used := make(map[string]bool)
	for _, c := range []struct {
		route, path, body string
		status            int
		contains          string
	}{
		{"POST /v1/deployments", "/v1/deployments?resource=two.bpmn", string(model), 201, `"processId":"two-tasks","version":1`},
		{"POST /v1/deployments", "", asForm(t, "risk.dmn", "two-tasks.bpmn"), 201, `"decisionId":"risk","name":"Risk","version":1`},
		{"GET /v1/decisions", "", "", 200, `"decisionId":"risk"`},
		{"POST /v1/decisions/{decisionId}/evaluate", "/v1/decisions/risk/evaluate", `{"variables":{"amount":42}}`, 200, `"matched":[{"id":"small","index":1,"outputs":[{"name":"level","value":"low"}],"annotations":[{"name":"why","text":"worth no question"}]}]`},
		{"POST /v1/decisions/{decisionId}/evaluate", "/v1/decisions/risk/evaluate", `{"version":1}`, 200, `"value":null`},
		{"GET /v1/definitions", "", "", 200, `"processId":"manual"`},
		{"POST /v1/processes/{processId}/instances", "/v1/processes/manual/instances", `{}`, 201, `"disposition":"applied"`},
		{"POST /v1/processes/{processId}/instances", "/v1/processes/manual/instances", `{"version":1,"businessKey":"b","tenant":"t","variables":{"a":{"b":[1]}}}`, 201, `"version":1`},
		{"GET /v1/instances", "", "", 200, r.held},
		{"GET /v1/instances", "/v1/instances?limit=1", "", 200, `"next"`},
		{"GET /v1/instances", "/v1/instances?limit=1000&after=" + r.stuck, "", 200, `"instances"`},
		{"GET /v1/instances", "/v1/instances?businessKey=stuck&incident=true&processId=manual", "", 200, r.stuck},
		{"GET /v1/instances", "/v1/instances?processId=none", "", 200, `"instances":[]`},
		{"GET /v1/instances/{id}", "/v1/instances/" + r.stuck, "", 200, `"kind":"task-retries-exhausted","message":"no paper"`},
		{"GET /v1/instances/{id}", "/v1/instances/" + strings.ToUpper(r.held), "", 200, `"variables":{"a":1}`},
		{"GET /v1/instances/{id}/history", "/v1/instances/" + r.stuck + "/history", "", 200, `"state":"active"`},
		{"GET /v1/incidents", "", "", 200, `"element":"work"`},
		{"GET /v1/incidents", "/v1/incidents?businessKey=held", "", 200, `"incidents":[]`},
		{"GET /v1/discarded", "", "", 200, `"discarded":[]`},
		{"POST /v1/messages", "", `{"name":"hold","correlationKey":"k1","messageId":"m1","variables":{}}`, 200, `"disposition":"applied"`},
		{"POST /v1/messages", "", `{"name":"hold","correlationKey":"k1","messageId":"m1"}`, 200, `"disposition":"duplicate"`},
		{"POST /v1/messages", "", `{"name":"answered","correlationKey":"k1","ttl":"PT1M"}`, 200, `"disposition":"buffered"`},
		{"POST /v1/messages", "", `{"name":"answered","correlationKey":"k2","ttl":"PT0S"}`, 200, `"disposition":"unmatched"`},
		{"POST /v1/instances/{id}/resolve", "/v1/instances/" + r.stuck + "/resolve", `{"retries":2,"variables":{"paper":true}}`, 200, `"disposition":"applied"`},
		{"POST /v1/instances/{id}/cancel", "/v1/instances/" + r.stuck + "/cancel", `{"reason":"test"}`, 200, `"disposition":"applied"`},
	} {
		method, path, _ := strings.Cut(c.route, " ")
		if c.path != "" {
			path = c.path
		}
		answer := r.call(t, method, path, c.body)
		require.Equal(t, c.status, answer.status, "%s: %s", c.route, answer.body)
		require.Contains(t, answer.body, c.contains, c.route)
		r.description.matches(t, c.route, answer)
		used[c.route] = true
	}
	require.ElementsMatch(t, routes, slices.Collect(maps.Keys(used)))
	r.answersBesides(t)
}

// answersBesides checks what is no API: probes and metrics.
func (r *running) answersBesides(t *testing.T) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.call(t, "GET", "/healthz", "").status)
	require.Contains(t, r.call(t, "GET", "/readyz", "").body, `"homes":[0,1,2,3,4,5,6,7]`)
	metrics := r.call(t, "GET", "/metrics", "").body
	require.Contains(t, metrics, "barnabas_homes_owned 8\n")
	require.Contains(t, metrics, "barnabas_relay_records_total")
}

// Everything that is wrong is told as a problem (RFC 9457) that says what to do,
// and does not harm what comes after.
func TestWrongCallsAreAnsweredWithProblems(t *testing.T) {
	t.Parallel()
	r := startRunning(t)
	broken, err := os.ReadFile("testdata/broken.bpmn")
	require.NoError(t, err)
	manual, err := os.ReadFile("testdata/manual.bpmn")
	require.NoError(t, err)
	at := func(id, verb string) string { return "/v1/instances/" + id + verb }
	long := strings.Repeat("x", 257)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/v1/deployments", "", 400, "body is required"},
		{"POST", "/v1/deployments", "<a", 422, "the model can't be deployed"},
		{"POST", "/v1/deployments", "not XML", 422, "the model can't be deployed"},
		{"POST", "/v1/deployments", "<?xml version=\"1.0\"?><html/>", 422, "definitions"},
		{"POST", "/v1/deployments", string(broken), 422, `"line":5`},
		{"POST", "/v1/deployments?resource=a%00b", string(manual), 422, "control characters"},
		{"POST", "/v1/deployments?resource=" + long, string(manual), 422, "resource has 257 bytes"},
		{"POST", "/v1/deployments", "<" + strings.Repeat("x", 12<<20) + ">", 413, "12582912"},
		{"POST", "/v1/deployments", asForm(t), 400, "the form has no file"},
		{"POST", "/v1/deployments", asForm(t, "manual.bpmn")[:600], 400, "read manual.bpmn of the form"},
		{"POST", "/v1/deployments", asForm(t, "manual.bpmn", "manual.bpmn"), 422, "the process is also in manual.bpmn"},
		{"POST", "/v1/deployments", asForm(t, "broken.dmn", "broken.bpmn"), 422, "2 of the models can't be deployed, so none was"},
		{"POST", "/v1/deployments?resource=x.dmn", "<a", 422, `"resource":"x.dmn"`},
		{"POST", "/v1/decisions/nothing/evaluate", `{}`, 404, `no decision \"nothing\" is deployed`},
		{"POST", "/v1/decisions/nothing/evaluate", `{"version":3}`, 404, `no version 3 of decision`},
		{"POST", "/v1/decisions/nothing/evaluate", `{"version":-1}`, 422, `>= 0`},
		{"POST", "/v1/decisions/nothing/evaluate", `{"variables":[1]}`, 422, "expected object"},
		{"POST", "/v1/processes/nothing/instances", `{}`, 404, `no process \"nothing\" is deployed`},
		{"POST", "/v1/processes/%00/instances", `{}`, 404, "is deployed"},
		{"POST", "/v1/processes/manual/instances", `{"version":99}`, 404, `has no version 99`},
		{"POST", "/v1/processes/two-tasks/instances", `{}`, 409, "started by a message"},
		{"POST", "/v1/processes/manual/instances", ``, 400, "body is required"},
		{"POST", "/v1/processes/manual/instances", `{`, 400, "JSON"},
		{"POST", "/v1/processes/manual/instances", `[]`, 422, "expected object"},
		{"POST", "/v1/processes/manual/instances", `{"variables":[1]}`, 422, "expected object"},
		{"POST", "/v1/processes/manual/instances", `{"variables":{"a":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}}`, 422, "nested deeper than allowed"},
		{"POST", "/v1/processes/manual/instances", `{"buisnessKey":"typo"}`, 422, "buisnessKey"},
		{"POST", "/v1/processes/manual/instances", `{"businessKey":"` + long + `"}`, 422, "256"},
		{"POST", "/v1/processes/manual/instances", `{"businessKey":"` + strings.Repeat("ü", 200) + `"}`, 422, "256"},
		{"POST", "/v1/processes/manual/instances", `{"businessKey":"a\u0000b"}`, 422, "control characters"},
		{"POST", "/v1/processes/manual/instances", `{"tenant":"a\nb"}`, 422, "control characters"},
		{"POST", "/v1/processes/manual/instances", `{"version":"one"}`, 422, "expected integer"},
		{"GET", "/v1/instances?limit=0", "", 422, "expected number >= 1"},
		{"GET", "/v1/instances?limit=1001", "", 422, "expected number <= 1000"},
		{"GET", "/v1/instances?limit=many", "", 422, "invalid integer"},
		{"GET", "/v1/instances?businessKey=%00", "", 422, "control characters"},
		{"GET", "/v1/instances?processId=%ff", "", 422, "control characters"},
		{"GET", "/v1/incidents?businessKey=%00", "", 422, "control characters"},
		{"GET", "/v1/instances?after=x", "", 400, "instance id x is not a UUID"},
		{"GET", "/v1/incidents?limit=1001", "", 422, "expected number <= 1000"},
		{"GET", "/v1/instances/x", "", 400, "instance id x is not a UUID"},
		{"GET", at(r.never, ""), "", 404, "it has ended or never was"},
		{"GET", at("x", "/history"), "", 400, "is not a UUID"},
		{"GET", at(r.never, "/history"), "", 404, "it never was"},
		{"POST", at("x", "/cancel"), `{}`, 400, "is not a UUID"},
		{"POST", at(r.never, "/cancel"), `{}`, 404, "it has ended or never was"},
		{"POST", at(r.held, "/cancel"), `{"reason":"` + strings.Repeat("x", 1001) + `"}`, 422, "1000"},
		{"POST", at("x", "/resolve"), `{}`, 400, "is not a UUID"},
		{"POST", at(r.never, "/resolve"), `{}`, 404, "it has ended or never was"},
		{"POST", at(r.held, "/resolve"), `{}`, 409, "incident"},
		{"POST", at(r.stuck, "/resolve"), `{"key":99}`, 409, "99"},
		{"POST", at(r.stuck, "/resolve"), `{"key":-1}`, 422, "key"},
		{"POST", at(r.stuck, "/resolve"), `{"retries":1001}`, 422, "1000"},
		{"POST", at(r.stuck, "/resolve"), `{"variables":"x"}`, 422, "expected object"},
		{"POST", "/v1/messages", `{}`, 422, "required property name"},
		{"POST", "/v1/messages", `{"name":""}`, 422, "expected length >= 1"},
		{"POST", "/v1/messages", `{"name":"` + long + `"}`, 422, "256"},
		{"POST", "/v1/messages", `{"name":"a\u0000b"}`, 422, "control characters"},
		{"POST", "/v1/messages", `{"name":"n","correlationKey":"` + strings.Repeat("k", 2049) + `"}`, 422, "2048"},
		{"POST", "/v1/messages", `{"name":"n","correlationKey":"` + strings.Repeat("ü", 2000) + `"}`, 422, "2048"},
		{"POST", "/v1/messages", `{"name":"n","correlationKey":"\u0000"}`, 422, "control characters"},
		{"POST", "/v1/messages", `{"name":"n","messageId":"a\u0007"}`, 422, "control characters"},
		{"POST", "/v1/messages", `{"name":"n","businessKey":"\u0000"}`, 422, "control characters"},
		{"POST", "/v1/messages", `{"name":"n","ttl":"an hour"}`, 400, "is not an ISO 8601 duration such as PT30S"},
		{"POST", "/v1/messages", `{"name":"n","ttl":"P1Y"}`, 400, "is not an ISO 8601 duration"},
		{"POST", "/v1/messages", `{"name":"n","variables":{"a":"` + strings.Repeat("x", 12<<20) + `"}}`, 413, "12582912"},
		{"PUT", "/v1/messages", `{}`, 405, ""},
		{"GET", "/v2", "", 404, ""},
	} {
		t.Run(fmt.Sprintf("%s %.60s %.60s", c.method, c.path, c.body), func(t *testing.T) {
			answer := r.call(t, c.method, c.path, c.body)
			require.Equal(t, c.status, answer.status, "%.500s", answer.body)
			require.Contains(t, answer.body, c.says)
			if c.status >= 400 && c.says != "" {
				require.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
			}
		})
	}
	require.Equal(t, http.StatusOK, r.call(t, "GET", "/readyz", "").status, "the engine works on")
	require.NotEmpty(t, r.start(t, `{}`))
}

func TestTokenIsRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := startCommandLine(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--group", s.names.Prefix + "engines", "--token", "secret"}, s.flags()...)...)
	base := "http://" + p.address(t)
	eventually(t, "engine is ready", func() bool { return rest{base: base}.call(t, "GET", "/readyz", "").status == http.StatusOK })
	for _, route := range append(slices.Clone(routes), "GET /metrics", "GET /openapi.json") {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{id}", uuid.NewString(), "{processId}", "p").Replace(path)
		for _, token := range []string{"", "wrong", "secret2", "Secret"} {
			answer := rest{base, token}.call(t, method, path, "")
			require.Equal(t, http.StatusUnauthorized, answer.status, "%s with %q", route, token)
			require.Contains(t, answer.body, "send the token this engine was started with: Authorization: Bearer", route)
			require.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
			require.NotEmpty(t, answer.header.Get("WWW-Authenticate"))
		}
		require.NotEqual(t, http.StatusUnauthorized, rest{base, "secret"}.call(t, method, path, "").status, route)
	}
	for _, probe := range []string{"/healthz", "/readyz"} {
		require.NotEqual(t, http.StatusUnauthorized, rest{base: base}.call(t, "GET", probe, "").status, "probes have no token")
	}
}

// commandFor waits for the task command of an instance.
func (s *site) commandFor(t *testing.T, taskType, businessKey string) wire.CorrelationID {
	t.Helper()
	topic, err := s.names.Task(taskType)
	require.NoError(t, err)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	var id wire.CorrelationID
	eventually(t, "a command of "+taskType, func() bool {
		for _, r := range client.PollFetches(t.Context()).Records() {
			if h := headersOf(r); h["businessKey"] == businessKey {
				id, err = wire.ParseCorrelationID([]byte(h["correlationId"]))
				require.NoError(t, err)
				return true
			}
		}
		return false
	})
	return id
}
