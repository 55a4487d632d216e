package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDoorSaysWhatTheEngineWaitsFor(t *testing.T) {
	t.Parallel()
	d := newDoor()
	ask := func(path string) (int, map[string]any) {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		var body map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		return w.Code, body
	}
	d.waitFor("database", errors.New("connection refused"))
	status, body := ask("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "connection refused", body["for"].(map[string]any)["database"])
	status, _ = ask("/healthz")
	require.Equal(t, http.StatusOK, status, "alive: nobody should restart it")
	status, body = ask("/v1/instances")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body["detail"], "/readyz says what it waits for")
	d.waitFor("database", nil)
	_, body = ask("/readyz")
	require.NotContains(t, body["for"], "database")

	d.open(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"engine":true}`)) }))
	_, body = ask("/readyz")
	require.Equal(t, true, body["engine"])
}

func TestServeAnswersWhileNothingIsThere(t *testing.T) {
	t.Parallel()
	listen, err := freeAddress()
	require.NoError(t, err)
	p := startCommandLine(t, "serve", "--brokers", "127.0.0.1:1", "--database", "postgres://127.0.0.1:1/none", "--listen", listen)
	p.says(t, "can't be used yet; trying again")
	r, err := http.Get("http://" + listen + "/readyz")
	require.NoError(t, err)
	defer r.Body.Close()
	var body struct{ For map[string]string }
	require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	require.Contains(t, body.For["database"], "127.0.0.1")
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.code(t), &p.output)
}
