package devtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
)

func TestPostgresGivesEachTestAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"first", "second", "A Name That Is Far Too Long For Postgres And Has Odd Letters: ß/\"';"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), devtest.Postgres(t))
			require.NoError(t, err)
			defer conn.Close(t.Context())
			_, err = conn.Exec(t.Context(), "CREATE TABLE same_name_everywhere (id int)")
			require.NoError(t, err)
		})
	}
}

func TestPostgresDropsTheDatabaseAfterTheTest(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("user", func(t *testing.T) { url = devtest.Postgres(t) })
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}

func TestKafkaCarriesRecords(t *testing.T) {
	t.Parallel()
	topic := devtest.TopicPrefix(t) + "orders"
	client, err := kgo.NewClient(kgo.SeedBrokers(devtest.Kafka(t)...), kgo.ConsumeTopics(topic))
	require.NoError(t, err)
	defer client.Close()
	devtest.CreateTopic(t, client, topic, 2)
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr())
}

func TestTopicPrefixIsNewEachTime(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, devtest.TopicPrefix(t), devtest.TopicPrefix(t))
}
