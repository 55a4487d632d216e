package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

func TestWrongFlagsAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, args, says string
	}{
		{"nothing given", "", "--brokers"},
		{"no port", "--brokers=b:1 --database=postgres://h/d --listen=somewhere", "want host:port"},
		{"all interfaces", "--brokers=b:1 --database=postgres://h/d --listen=:7071", "say --insecure"},
		{"another machine's address", "--brokers=b:1 --database=postgres://h/d --listen=10.0.0.1:7071", "say --insecure"},
		{"no URL", "--brokers=b:1 --database=postgres://h:x/d", "want postgres://"},
		{"level", "--brokers=b:1 --database=postgres://h/d --log-level=loud", "--log-level"},
	} {
		_, err := parse(strings.Fields(c.args))
		require.ErrorContains(t, err, c.says, c.name)
	}
	f, err := parse(strings.Fields("--brokers=b:1,c:2 --database=postgres://h/d --listen=:7071 --insecure"))
	require.NoError(t, err)
	require.Equal(t, []string{"b:1", "c:2"}, f.Brokers)
	require.Equal(t, exitUsage, run(t.Context(), nil))
}

// page is one HTTP answer; status 0 means that nobody listens yet.
type page struct {
	status int
	body   string
}

func get(t *testing.T, address, path string) page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return page{}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return page{answer.StatusCode, string(body)}
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	until := time.NewTimer(20 * time.Second)
	defer until.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-until.C:
			require.FailNow(t, "never: "+what)
		}
	}
}

// start runs the command; stop ends it like a signal does and returns its exit code.
func start(t *testing.T, brokers []string, database string) (address string, stop func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address = l.Addr().String()
	require.NoError(t, l.Close())
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"--brokers", strings.Join(brokers, ","), "--database", database, "--listen", address, "--log-level", "error"})
	}()
	t.Cleanup(cancel)
	return address, func() int {
		cancel()
		return <-code
	}
}

func TestRelayPublishesUntilASignal(t *testing.T) {
	t.Parallel()
	cluster := devtest.KafkaCluster(t, kfake.SeedTopics(1, "out"))
	url := devtest.Postgres(t)
	address, stop := start(t, cluster.ListenAddrs(), url)
	eventually(t, "the relay is ready", func() bool { return get(t, address, "/readyz") == page{200, "ready\n"} })
	require.Equal(t, page{200, "ok\n"}, get(t, address, "/healthz"))

	s, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	defer s.Close()
	claimed, err := s.Claim(t.Context(), 0, "test", nil)
	require.NoError(t, err)
	var pack wire.Pack
	pack.Add(wire.Record{Topic: "out", Partition: wire.ByKey, Key: []byte("k"), Value: []byte("v")})
	batch := store.NewBatch()
	batch.SetOutbox(pack.Bytes())
	committer := s.Committer()
	defer committer.Close()
	require.NoError(t, committer.Commit(t.Context(), &claimed.Fence, batch))
	eventually(t, "the record is counted", func() bool {
		return strings.Contains(get(t, address, "/metrics").body, "barnabas_relay_records_total 1\n")
	})

	require.Zero(t, stop())
	var free bool
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT published_seq = 1 AND expires_at < now() FROM relay_shard`).Scan(&free))
	require.True(t, free, "what is published is stored and the lease is released")
}

func TestRelayWaitsForWhatIsAway(t *testing.T) {
	t.Parallel()
	address, stop := start(t, []string{"127.0.0.1:1"}, "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	eventually(t, "both are named", func() bool {
		ready := get(t, address, "/readyz")
		return ready.status == http.StatusServiceUnavailable &&
			strings.Contains(ready.body, "kafka: dial tcp") && strings.Contains(ready.body, "database: migrate database")
	})
	require.Equal(t, http.StatusOK, get(t, address, "/healthz").status)
	require.Zero(t, stop())
}
