package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/topics"
)

// declare is a declared topic of n partitions, kept for some hours.
func declare(name string, n int32, hours int) topics.Topic {
	return topics.Topic{Name: name, Partitions: n, Retention: topics.Period(time.Duration(hours) * time.Hour)}
}

func newAdmin(t *testing.T, c *cluster) *Admin {
	a, err := NewAdmin(Config{Brokers: c.brokers})
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a
}

// config is the value a topic has on the cluster.
func (c *cluster) config(topic, key string) string {
	configs, err := c.admin.DescribeTopicConfigs(c.t.Context(), topic)
	require.NoError(c.t, err)
	for _, k := range configs[0].Configs {
		if k.Key == key {
			return k.MaybeValue()
		}
	}
	return ""
}

func (c *cluster) partitions(topic string) int {
	topics, err := readTopics(c.t.Context(), c.client, []string{topic})
	require.NoError(c.t, err)
	return int(topics[topic].partitions)
}

// brief is a plan without its details.
func brief(plan []Change) map[string][]Action {
	m := make(map[string][]Action)
	for _, c := range plan {
		m[c.Topic] = append(m[c.Topic], c.Action)
	}
	return m
}

func TestMissingTopicsAreCreatedAsDeclared(t *testing.T) {
	c := newCluster(t)
	a, status := newAdmin(t, c), c.prefix+"status"
	d := declare("status", 3, 24)
	d.Config = map[string]string{"cleanup.policy": "compact"}
	declared := map[string]topics.Topic{status: d}

	plan, err := a.Plan(t.Context(), declared)
	require.NoError(t, err)
	require.Equal(t, map[string][]Action{status: {Create}}, brief(plan))
	require.Zero(t, c.partitions(status), "a plan changes nothing")

	require.NoError(t, a.Apply(t.Context(), plan, false))
	require.Equal(t, 3, c.partitions(status))
	require.Equal(t, "86400000", c.config(status, "retention.ms"))
	require.Equal(t, "2097152", c.config(status, "max.message.bytes"))
	require.Equal(t, "compact", c.config(status, "cleanup.policy"))

	require.NoError(t, a.Apply(t.Context(), plan, false), "another engine created them meanwhile")
	plan, err = a.Plan(t.Context(), declared)
	require.NoError(t, err)
	require.Equal(t, map[string][]Action{status: {Keep}}, brief(plan))
}

func TestConfigurationIsAddedButNothingIsLost(t *testing.T) {
	c := newCluster(t)
	a, topic := newAdmin(t, c), c.prefix+"status"
	declared := map[string]topics.Topic{topic: declare("status", 4, 48)}
	require.NoError(t, a.Ensure(t.Context(), declared))

	declared[topic] = declare("status", 4, 72)
	plan, err := a.Plan(t.Context(), declared)
	require.NoError(t, err)
	require.Len(t, plan, 1)
	require.Equal(t, Alter, plan[0].Action)
	require.Equal(t, "retention.ms from 172800000 to 259200000", plan[0].Detail)
	require.NoError(t, a.Ensure(t.Context(), declared))
	require.Equal(t, "172800000", c.config(topic, "retention.ms"), "ensuring alters nothing")
	require.NoError(t, a.Apply(t.Context(), plan, false))
	require.Equal(t, "259200000", c.config(topic, "retention.ms"), "it is seen when it has been applied")

	less := declare("status", 2, 1)
	less.Config = map[string]string{"cleanup.policy": "compact", "max.message.bytes": "1000"}
	declared[topic] = less
	plan, err = a.Plan(t.Context(), declared)
	require.NoError(t, err)
	require.Equal(t, map[string][]Action{topic: {Refuse, Refuse, Refuse}}, brief(plan))
	require.Contains(t, plan[0].Detail, "it has 4 partitions, 2 are declared: partitions can't be taken away; declare 4")
	require.Contains(t, plan[1].Detail, "cleanup.policy is delete, declared is compact")
	require.Contains(t, plan[2].Detail, "records would be lost")
	require.NoError(t, a.Apply(t.Context(), plan, true))
	require.Equal(t, "259200000", c.config(topic, "retention.ms"))
	require.Equal(t, "delete", c.config(topic, "cleanup.policy"))
	require.Equal(t, 4, c.partitions(topic))
}

func TestPartitionsAreAddedOnlyWhenAskedFor(t *testing.T) {
	c := newCluster(t)
	a := newAdmin(t, c)
	declared := map[string]topics.Topic{c.results: {Name: "results", Partitions: 6}, c.messages: {Name: "messages", Partitions: 9}}
	plan, err := a.Plan(t.Context(), declared)
	require.NoError(t, err)
	details := map[string]string{}
	for _, change := range plan {
		if change.Action == Grow {
			details[change.Topic] = change.Detail
		}
	}
	require.Contains(t, details[c.results], "it has 4 partitions, 6 are declared: each partition is a home of instances")
	require.Contains(t, details[c.messages], "moves keys to other partitions")

	require.NoError(t, a.Apply(t.Context(), plan, false))
	require.Equal(t, 4, c.partitions(c.results))
	require.NoError(t, a.Apply(t.Context(), plan, true))
	require.Equal(t, 6, c.partitions(c.results), "they are seen when they have been applied")
	require.Equal(t, 9, c.partitions(c.messages))
}

func TestLimitsWithoutEnd(t *testing.T) {
	t.Parallel()
	require.True(t, shrinks("-1", "1000"))
	require.True(t, shrinks("2000", "1000"))
	require.False(t, shrinks("1000", "2000"))
	require.False(t, shrinks("1000", "-1"))
	require.False(t, shrinks("", "1000"))
}

func TestPlanOfNothing(t *testing.T) {
	c := newCluster(t)
	plan, err := newAdmin(t, c).Plan(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, plan)
}

func TestApplySaysWhatFailed(t *testing.T) {
	c := newCluster(t)
	a := newAdmin(t, c)
	bad := declare("bad", 1, 1)
	bad.Replicas = 9
	err := a.Ensure(t.Context(), map[string]topics.Topic{c.prefix + "bad": bad})
	require.ErrorContains(t, err, "create topic "+c.prefix+"bad: ")
}
