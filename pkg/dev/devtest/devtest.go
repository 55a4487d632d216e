// Package devtest gives tests what they need to run against real servers: a Postgres database and a Kafka cluster each.
//
// Each test binary starts one private Postgres when its first test asks for it; it ends with the binary, even a killed one, and leaves
// nothing behind. Kafka is embedded, or the cluster named by BARNABAS_TEST_BROKERS.
package devtest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/barnabas-project/barnabas/pkg/dev"
)

// Environment variables that make tests use servers that are there already.
const (
	DatabaseEnv = "TEST_DATABASE_URL"     // a superuser's Postgres URL
	BrokersEnv  = "BARNABAS_TEST_BROKERS" // host:port, separated by commas
)

// patience is how long a cluster may take to show what it did.
const patience = 30 * time.Second

// privateServer is shared by the tests of a binary, because a server per test would cost a third of a second each. Nobody closes it:
// it ends with the process.
var privateServer = sync.OnceValues(func() (string, error) {
	p, err := dev.StartPostgres(context.Background(), dev.PostgresConfig{Temporary: true})
	if err != nil {
		return "", err
	}
	return p.URL(), nil
})

// Postgres returns the URL of a fresh, empty database, dropped when the test ends. The user is a superuser.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(DatabaseEnv)
	if server == "" {
		var err error
		server, err = privateServer()
		require.NoError(t, err)
	}
	name := uniqueName(t, 63, "_")
	url, err := dev.CreateDatabase(t.Context(), server, name)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, dev.DropDatabase(context.Background(), server, name))
	})
	return url
}

// Kafka returns the brokers of a cluster for this test: an embedded one of a single broker without topics, adjusted by opts, or the one
// named by BARNABAS_TEST_BROKERS. Tests that should run on both pass no options and name their topics and groups with TopicPrefix.
func Kafka(t testing.TB, opts ...kfake.Opt) []string {
	t.Helper()
	if brokers := os.Getenv(BrokersEnv); brokers != "" {
		return strings.Split(brokers, ",")
	}
	return KafkaCluster(t, opts...).ListenAddrs()
}

// KafkaCluster returns an embedded cluster even if BARNABAS_TEST_BROKERS is set, for tests that need its controls and faults.
func KafkaCluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(8)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// TopicPrefix returns a prefix no other test and no other run uses, ending in a dot. On the cluster of BARNABAS_TEST_BROKERS topics
// with this prefix are deleted when the test ends.
func TopicPrefix(t testing.TB) string {
	t.Helper()
	prefix := uniqueName(t, 100, "-") + "."
	if brokers := os.Getenv(BrokersEnv); brokers != "" {
		t.Cleanup(func() { deleteTopics(t, strings.Split(brokers, ","), prefix) })
	}
	return prefix
}

// CreateTopic creates a topic and waits until brokers know all its partitions, which a real Kafka does a moment after it has answered.
func CreateTopic(t testing.TB, client *kgo.Client, topic string, partitions int32) {
	t.Helper()
	_, err := kadm.NewClient(client).CreateTopic(t.Context(), partitions, 1, nil, topic)
	require.NoError(t, err)
	request, asked := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic() // kadm would ask its client's cache of 5 s
	asked.Topic = &topic
	request.Topics = append(request.Topics, asked)
	require.Eventually(t, func() bool {
		answer, err := request.RequestWith(t.Context(), client)
		return err == nil && len(answer.Topics[0].Partitions) == int(partitions)
	}, patience, time.Millisecond, topic)
}

func deleteTopics(t testing.TB, brokers []string, prefix string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(context.Background())
	require.NoError(t, err)
	topics.FilterInternal()
	var ours []string
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, prefix) {
			ours = append(ours, name)
		}
	}
	if len(ours) == 0 {
		return
	}
	_, err = admin.DeleteTopics(context.Background(), ours...)
	require.NoError(t, err)
}

// uniqueName is the test's name in lower-case letters, digits and the separator, cut to fit, and a random end.
func uniqueName(t testing.TB, limit int, separator string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return rune(separator[0])
	}, strings.ToLower(t.Name()))
	random := strings.ToLower(rand.Text()[:10])
	readable = readable[:min(len(readable), limit-len(random)-1)]
	return readable + separator + random
}
