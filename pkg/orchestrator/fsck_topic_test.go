package orchestrator

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/kafka"
	"github.com/barnabas-project/barnabas/topics"
)

// cluster is Kafka with the input topics of a fixture, whose positions are of
// these topics and at their ends.
type cluster struct {
	*kafka.Admin
	client *kgo.Client
	admin  *kadm.Client
}

func newCluster(t *testing.T, f *fixture) *cluster {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(devtest.KafkaCluster(t).ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	a, err := kafka.NewAdmin(kafka.Config{Brokers: client.OptValue(kgo.SeedBrokers).([]string)})
	require.NoError(t, err)
	t.Cleanup(a.Close)
	c := &cluster{a, client, kadm.NewClient(client)}
	declared := make(map[string]topics.Topic)
	for _, name := range []string{f.topics.results, f.topics.control, f.topics.messages, f.topics.status} {
		declared[name] = topics.Topic{Name: name, Partitions: 2}
	}
	require.NoError(t, a.Ensure(t.Context(), declared))
	for range 10 {
		r := &kgo.Record{Topic: f.topics.messages, Partition: 0, Value: []byte("{}")}
		require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
	}
	f.exec(`UPDATE input_offset SET next_offset = 0`)
	f.exec(`UPDATE input_offset SET next_offset = 10 WHERE topic = $1 AND partition = 0`, f.topics.messages)
	extents, err := a.Extents(t.Context(), []string{f.topics.results, f.topics.control, f.topics.messages})
	require.NoError(t, err)
	for name, e := range extents {
		f.exec(`UPDATE input_offset SET topic_id = $2 WHERE topic = $1`, name, e.ID)
	}
	return c
}

func TestFsckComparesPositionsWithTopics(t *testing.T) {
	t.Parallel()
	f := sound(t)
	c := newCluster(t, f)
	check := func() []Finding {
		_, found := f.fsck(func(check *Fsck) { check.Cluster = c })
		return found
	}
	require.Empty(t, check())
	first := f.topics.messages + "/0"
	for _, step := range []struct{ name, do, key, says, undo string }{
		{"beyond the end", `UPDATE input_offset SET next_offset = 11 WHERE next_offset = 10`, first,
			"the next record to decide is 11, but the partition ends at 10", `UPDATE input_offset SET next_offset = 10 WHERE next_offset = 11`},
		{"of another topic", `UPDATE input_offset SET topic_id = gen_random_uuid() WHERE next_offset = 10`, f.topics.messages,
			"was deleted and created again", `UPDATE input_offset o SET topic_id = p.topic_id FROM input_offset p WHERE p.topic = o.topic AND p.partition = 1 AND o.next_offset = 10`},
		{"of a partition that is not there", `UPDATE input_offset SET partition = 7 WHERE next_offset = 10`, f.topics.messages + "/7",
			"but the topic has 2 partitions", `UPDATE input_offset SET partition = 0 WHERE next_offset = 10`},
		{"of a topic that is not there", `UPDATE input_offset SET topic = 'elsewhere' WHERE next_offset = 10`, "elsewhere",
			"the cluster does not have it", `UPDATE input_offset SET topic = 'barnabas.messages' WHERE next_offset = 10`},
	} {
		f.exec(step.do)
		found := check()
		require.Len(t, found, 1, step.name)
		require.Equal(t, Finding{What: "topic", Key: step.key, Message: found[0].Message, Advice: found[0].Advice}, found[0], step.name)
		require.Contains(t, found[0].Message, step.says)
		require.NotEmpty(t, found[0].Advice)
		f.exec(step.undo)
	}
	require.Empty(t, check())

	to := make(kadm.Offsets)
	to.AddOffset(f.topics.messages, 0, 8, -1)
	_, err := c.admin.DeleteRecords(t.Context(), to)
	require.NoError(t, err)
	f.exec(`UPDATE input_offset SET next_offset = 5 WHERE next_offset = 10`)
	found := check()
	require.Len(t, found, 1)
	require.Contains(t, found[0].Message, "the next record to decide is 5, but the partition begins at 8: 3 records expired")
}

// A message for an instance of another home closes the subscription where it
// arrives and is on its way then: whoever waits for it is no finding.
func TestFsckWaitsForMessagesOnTheirWay(t *testing.T) {
	t.Parallel()
	f := sound(t)
	c := newCluster(t, f)
	f.exec(`DELETE FROM correlation WHERE key = 'o-1'`)
	f.exec(`UPDATE relay_shard SET expires_at = 'infinity'`) // engines are at work
	require.NoError(t, c.client.ProduceSync(t.Context(), &kgo.Record{Topic: f.topics.control, Partition: 1, Value: []byte("{}")}).FirstErr())
	checked, found := f.fsck(func(check *Fsck) { check.Cluster = c })
	require.Empty(t, found, "a record has not been decided")
	require.Equal(t, 1, checked.Undecided)

	f.exec(`UPDATE input_offset SET next_offset = 1 WHERE topic = $1 AND partition = 1`, f.topics.control)
	checked, found = f.fsck(func(check *Fsck) { check.Cluster = c })
	require.Len(t, found, 1, "nothing is on its way, and it waits")
	require.Contains(t, found[0].Message, "no message will find it")
	require.Zero(t, checked.Undecided)

	f.exec(`UPDATE relay_shard SET published_seq = published_seq - 1 WHERE published_seq > 0`)
	checked, found = f.fsck(func(check *Fsck) { check.Cluster = c })
	require.Empty(t, found, "records have not been published")
	require.Equal(t, 1, checked.Undecided)
}

func TestFsckTellsHowFarHistoryIs(t *testing.T) {
	t.Parallel()
	f := sound(t)
	c := newCluster(t, f)
	for range 10 {
		require.NoError(t, c.client.ProduceSync(t.Context(), &kgo.Record{Topic: f.topics.status, Partition: 1, Value: []byte("{}")}).FirstErr())
	}
	check := func() (Checked, []Finding) {
		return f.fsck(func(check *Fsck) { check.Cluster, check.Group = c, "engines" })
	}
	checked, found := check()
	require.Empty(t, found)
	require.EqualValues(t, 10, checked.HistoryBehind, "it has not begun")

	at := make(kadm.Offsets)
	at.AddOffset(f.topics.status, 1, 4, -1)
	require.NoError(t, c.admin.CommitAllOffsets(t.Context(), "engines-history", at))
	checked, found = check()
	require.Empty(t, found)
	require.EqualValues(t, 6, checked.HistoryBehind)

	to := make(kadm.Offsets)
	to.AddOffset(f.topics.status, 1, 7, -1)
	_, err := c.admin.DeleteRecords(t.Context(), to)
	require.NoError(t, err)
	checked, found = check()
	require.EqualValues(t, 3, checked.HistoryBehind)
	require.Len(t, found, 1)
	require.Contains(t, found[0].Message, "3 status records expired before history took them")

	_, err = c.admin.DeleteTopics(t.Context(), f.topics.status)
	require.NoError(t, err)
	_, found = check()
	require.Len(t, found, 1)
	require.Contains(t, found[0].Message, "the cluster does not have the status topic")
}
