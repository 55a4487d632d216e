package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// requests are the routes that take something; $ID is the id of a running
// instance.
var requests = []struct{ method, path, contentType string }{
	{"POST", "/v1/messages", "application/json"},
	{"POST", "/v1/processes/one-task/instances", "application/json"},
	{"POST", "/v1/instances/$ID/resolve", "application/json"},
	{"POST", "/v1/instances/$ID/cancel", "application/json"},
	{"GET", "/v1/instances", ""},
	{"GET", "/v1/incidents", ""},
	{"GET", "/v1/instances/$ID", ""},
	{"GET", "/v1/instances/$ID/history", ""},
	{"POST", "/v1/deployments", "application/xml"},
}

// FuzzRequests sends any query and body to every route of an engine on a real
// database, and any segment in place of the instance's id. Nobody but the sender
// is ever at fault, answers are JSON where they say so, and the engine goes on.
func FuzzRequests(f *testing.F) {
	e := startEngine(f)
	model, err := os.ReadFile("testdata/one-task.bpmn")
	require.NoError(f, err)
	require.Equal(f, http.StatusCreated, e.call("POST", "/v1/deployments", "application/xml", string(model)).Code)
	id := e.start(f)
	f.Add(byte(8), "", "", string(model))
	f.Fuzz(func(t *testing.T, route byte, segment, query, body string) {
		r := requests[int(route)%len(requests)]
		if segment == "" {
			segment = id
		}
		answer := e.call(r.method, strings.Replace(r.path, "$ID", url.PathEscape(segment), 1)+"?"+query, r.contentType, body)
		require.Less(t, answer.Code, 500, "%s", answer.Body)
		if strings.Contains(answer.Header().Get("Content-Type"), "json") {
			require.True(t, json.Valid(answer.Body.Bytes()), "%d %q", answer.Code, answer.Body)
		}
		e.requireSound(t)
		if r.path == "/v1/instances/$ID/cancel" && answer.Code == http.StatusOK && segment == id {
			id = e.start(t)
		}
	})
}

// engineUnderTest is the REST interface of an engine without Kafka.
type engineUnderTest struct {
	handler http.Handler
	metrics *prometheus.Registry
	ready   *orchestrator.Readiness
}

// elsewhere stands for Kafka: a relay in another process, and no records.
type elsewhere struct{}

func (elsewhere) Offer(int32, int64, []byte)                {}
func (elsewhere) Wait(context.Context, int32) error         { return nil }
func (elsewhere) Pause(int32, string)                       {}
func (elsewhere) Resume(int32, string)                      {}
func (elsewhere) CommitHint(map[kafka.TopicPartition]int64) {}

func startEngine(f *testing.F) *engineUnderTest {
	url := devtest.Postgres(f)
	require.NoError(f, store.Migrate(f.Context(), url))
	s, err := store.Open(f.Context(), store.Config{URL: url, MaxConns: 8})
	require.NoError(f, err)
	metrics := prometheus.NewRegistry()
	o, err := orchestrator.New(f.Context(), orchestrator.Config{ID: "fuzz", Store: s, Relay: elsewhere{}, Metrics: metrics})
	require.NoError(f, err)
	o.UseConsumer(elsewhere{})
	_, err = o.Claim(f.Context(), 0, 1, inputsOf(0))
	require.NoError(f, err)
	f.Cleanup(func() { o.Release(0); s.Close() })
	handler := api.New(api.Config{Orchestrator: o, Version: "1", Metrics: metrics, Ready: o.Ready().Problems})
	return &engineUnderTest{handler, metrics, o.Ready()}
}

func inputsOf(home int32) []kafka.TopicPartition {
	var inputs []kafka.TopicPartition
	for _, topic := range []string{"barnabas.results", "barnabas.control", "barnabas.messages"} {
		inputs = append(inputs, kafka.TopicPartition{Topic: topic, Partition: home})
	}
	return inputs
}

// call answers within a time in which an engine that goes on does.
func (e *engineUnderTest) call(method, path, contentType, body string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	r, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, strings.NewReader(body))
	if err != nil { // no client could send it
		w.WriteHeader(http.StatusNoContent)
		return w
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	e.handler.ServeHTTP(w, r)
	return w
}

// start starts an instance and gives its id.
func (e *engineUnderTest) start(t testing.TB) string {
	w := e.call("POST", "/v1/processes/one-task/instances", "application/json", `{"variables":{"orderId":"o-1"}}`)
	require.Equal(t, http.StatusCreated, w.Code, "%s", w.Body)
	var answer api.Answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Instances[0]
}

func (e *engineUnderTest) requireSound(t *testing.T) {
	require.Empty(t, e.ready.Problems())
	families, err := e.metrics.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "barnabas_defects_total" {
			require.Zero(t, family.Metric[0].GetCounter().GetValue(), "the request was taken for a defect of ours")
		}
	}
}
