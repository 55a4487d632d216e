package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev"
	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
)

// survives checks that an engine waits out an outage and goes on.
func survives(t *testing.T, s *site, what string, away, back func()) {
	t.Helper()
	e := s.startEngine(t)
	e.deploy(t, "two-tasks.bpmn")
	s.startWorker(t, done, "first", "second")
	b := s.openBook(t)
	orders := s.startFlow(t, "ordered", 5*time.Millisecond)
	b.await(t, 50)
	a := rest{base: e.client.base}

	away()
	began := time.Now()
	eventually(t, "not ready while "+what+" is away", func() bool { return a.call(t, "GET", "/readyz", "").status == http.StatusServiceUnavailable })
	noticed := time.Since(began)
	require.Equal(t, http.StatusOK, a.call(t, "GET", "/healthz", "").status, "it lives")
	t.Logf("noticed after %s: %s", noticed, a.call(t, "GET", "/readyz", "").body)
	completed := b.count("completed")
	back()
	returned := time.Now()
	eventually(t, "ready again", func() bool { return a.call(t, "GET", "/readyz", "").status == http.StatusOK })
	ready := time.Since(returned)
	b.await(t, completed+50)
	sent := orders.stop()
	b.settled(t, stepsOfTwoTasks, sent)
	t.Logf("%s is back: ready after %s, all %d instances completed after %s; %d status records told again", what, ready, len(sent), time.Since(returned), b.repeated)

	inputs := []string{s.names.Messages(), s.names.Results(), s.names.Control()}
	require.Zero(t, s.records(t, s.names.DeadLetter(inputs[0]), s.names.DeadLetter(inputs[1]), s.names.DeadLetter(inputs[2])), "nothing is at fault but "+what)
	require.NotContains(t, e.output.String(), "please report this")
	require.Zero(t, s.consistent(t).Findings)
}

func TestPostgresCrashesWhileInstancesRun(t *testing.T) {
	t.Parallel()
	config := dev.PostgresConfig{DataDir: t.TempDir(), Settings: map[string]string{"fsync": "off"}}
	p, err := dev.StartPostgres(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	url, err := p.CreateDatabase(t.Context(), "outage")
	require.NoError(t, err)
	config.Port = portOf(t, url)
	survives(t, newSiteOn(t, devtest.Kafka(t), url), "Postgres",
		func() {
			require.NoError(t, syscall.Kill(postmaster(t, config.DataDir), syscall.SIGQUIT)) // immediate shutdown: as a crash
			<-p.Done()
			require.NoError(t, p.Close())
		},
		func() {
			p, err = dev.StartPostgres(t.Context(), config)
			require.NoError(t, err)
		})
}

func portOf(t *testing.T, url string) int {
	t.Helper()
	_, rest, _ := strings.Cut(url, "@127.0.0.1:")
	digits, _, _ := strings.Cut(rest, "/")
	port, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return port
}

// postmaster is the process id of the server of a data folder.
func postmaster(t *testing.T, folder string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*", "postmaster.pid"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	return pid
}

func TestBrokerRestartsWhileInstancesRun(t *testing.T) {
	t.Parallel()
	config := dev.KafkaConfig{DataDir: t.TempDir()}
	k, err := dev.StartKafka(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { k.Close() })
	brokers := k.Brokers()
	config.Port, err = strconv.Atoi(brokers[0][strings.LastIndex(brokers[0], ":")+1:])
	require.NoError(t, err)
	survives(t, newSiteOn(t, brokers, devtest.Postgres(t)), "Kafka", k.Close, func() {
		k, err = dev.StartKafka(t.Context(), config)
		require.NoError(t, err)
	})
}
