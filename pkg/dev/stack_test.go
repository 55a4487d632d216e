//go:build unix

package dev_test

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev"
	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
)

func kafkaClient(t *testing.T, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...))...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func produce(t *testing.T, brokers []string, topic, value string) {
	t.Helper()
	record := &kgo.Record{Topic: topic, Value: []byte(value)}
	require.NoError(t, kafkaClient(t, brokers).ProduceSync(t.Context(), record).FirstErr())
}

// consume reads the first record of a topic.
func consume(t *testing.T, brokers []string, topic string) string {
	t.Helper()
	client := kafkaClient(t, brokers, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	fetches := client.PollRecords(t.Context(), 1)
	require.NoError(t, fetches.Err())
	return string(fetches.Records()[0].Value)
}

func TestStackKeepsItsDataWhenItsOwnerIsKilled(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			folder := dataDir(t)
			c := startChild(t, folder)
			execute(t, c.URL, "CREATE TABLE kept AS SELECT 42 AS answer")
			devtest.CreateTopic(t, kafkaClient(t, c.Brokers), "kept", 3)
			produce(t, c.Brokers, "kept", "before")
			pid := postmaster(t, c.DataDir)
			c.end(t, signal)

			// At once: the server of the old owner may still be stopping.
			stack, err := dev.Start(t.Context(), dev.Config{DataDir: folder})
			require.NoError(t, err)
			defer stack.Close()
			requireGone(t, pid)
			require.Equal(t, 42, query(t, stack.Postgres.URL(), "SELECT answer FROM kept"))
			require.Equal(t, "before", consume(t, stack.Kafka.Brokers(), "kept"))
			require.NoError(t, stack.Close())
		})
	}
}

func TestStacksDoNotShareAFolder(t *testing.T) {
	t.Parallel()
	folder := dataDir(t)
	c := startChild(t, folder)
	_, err := dev.Start(t.Context(), dev.Config{DataDir: folder})
	require.ErrorIs(t, err, dev.ErrLocked)
	require.ErrorContains(t, err, fmt.Sprintf("held by process %d; stop it or choose another folder", c.cmd.Process.Pid))
}

func TestStackNeedsAFolder(t *testing.T) {
	t.Parallel()
	_, err := dev.Start(t.Context(), dev.Config{})
	require.ErrorContains(t, err, "give a data folder")
	file := dataDir(t) + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = dev.Start(t.Context(), dev.Config{DataDir: file})
	require.ErrorContains(t, err, "not a directory")
}

func TestStackThatCannotStartLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	busy, err := dev.StartKafka(t.Context(), dev.KafkaConfig{})
	require.NoError(t, err)
	defer busy.Close()
	var port int
	_, err = fmt.Sscanf(busy.Brokers()[0], "127.0.0.1:%d", &port)
	require.NoError(t, err)

	folder := dataDir(t)
	_, err = dev.Start(t.Context(), dev.Config{DataDir: folder, KafkaPort: port})
	require.ErrorContains(t, err, "address already in use")
	require.NoFileExists(t, folder+"/postgres/cluster/postmaster.pid")
	stack, err := dev.Start(t.Context(), dev.Config{DataDir: folder})
	require.NoError(t, err, "the folder is free again")
	require.NoError(t, stack.Close())
}

func TestKafkaCreatesTopicsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{false, true} {
		k, err := dev.StartKafka(t.Context(), dev.KafkaConfig{AutoCreateTopics: auto, Partitions: 3})
		require.NoError(t, err)
		defer k.Close()
		client := kafkaClient(t, k.Brokers(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
		err = client.ProduceSync(t.Context(), &kgo.Record{Topic: "new"}).FirstErr()
		if !auto {
			require.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
			continue
		}
		require.NoError(t, err)
		topics, err := kadm.NewClient(client).ListTopics(t.Context(), "new")
		require.NoError(t, err)
		require.Len(t, topics["new"].Partitions, 3)
	}
}

func TestKafkaRefusesBadConfigurations(t *testing.T) {
	t.Parallel()
	_, err := dev.StartKafka(t.Context(), dev.KafkaConfig{Port: -1})
	require.ErrorContains(t, err, "port -1 is not in 0..65535")
	_, err = dev.StartKafka(t.Context(), dev.KafkaConfig{Partitions: -1})
	require.ErrorContains(t, err, "-1 partitions")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = dev.StartKafka(ctx, dev.KafkaConfig{})
	require.ErrorIs(t, err, context.Canceled)
}
