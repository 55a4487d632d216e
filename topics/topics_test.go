package topics

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// folder holds one declaration file.
func folder(t *testing.T, yaml string) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(yaml), 0o600))
	return dir
}

func TestBuiltInDeclarations(t *testing.T) {
	t.Parallel()
	s, err := Load("")
	require.NoError(t, err)
	require.Equal(t, []string{
		"barnabas.control", "barnabas.control.dlq", "barnabas.messages", "barnabas.messages.dlq",
		"barnabas.results", "barnabas.results.dlq", "barnabas.status", "barnabas.status.dlq",
	}, slices.Sorted(maps.Keys(s.All())))
	for name, topic := range s.All() {
		require.NotEmpty(t, topic.Purpose, name)
		require.NotEmpty(t, topic.Key, name)
		require.Positive(t, topic.Partitions, name)
		require.Positive(t, topic.Retention, name)
		require.FileExists(t, filepath.Join("..", "schemas", topic.Schema), name)
	}
	require.Equal(t, s.All()["barnabas.results"].Partitions, s.All()["barnabas.control"].Partitions)
	require.Equal(t, Period(30*24*time.Hour), s.All()["barnabas.status.dlq"].Retention)

	names := s.Names()
	require.Equal(t, "barnabas.results", names.Results())
	pay := s.TaskType("pay")
	require.Equal(t, Period(time.Hour), *pay.Deadline)
	require.Equal(t, "instance", pay.Key)
	require.FileExists(t, filepath.Join("..", "schemas", s.TaskTopic("pay").Schema))
}

func TestOwnDeclarationsReplaceBuiltInOnes(t *testing.T) {
	t.Parallel()
	s, err := Load(folder(t, `
prefix: acme.
topics:
  - {name: status, partitions: 24, retention: P1DT12H, config: {cleanup.policy: "compact,delete"}}
  - {name: results, topic: answers, partitions: 4}
  - {name: messages.dlq, topic: dead, partitions: 2}
  - {name: results.dlq, partitions: 3}
  - {name: orders, topic: shop.orders, partitions: 6}
  - {name: paid, topic: pay.results, partitions: 4}
taskTypes:
  - {type: "order:pay", topic: pay, key: task, deadline: PT30S, replyTo: paid}
  - {type: mail, replyTo: results}
  - {type: ship, partitions: 2, deadline: PT0S}
`))
	require.NoError(t, err)
	all := s.All()
	require.Equal(t, []string{
		"acme.control", "acme.control.dlq", "acme.messages", "acme.status", "acme.status.dlq", "acme.task.mail", "acme.task.mail.dlq",
		"acme.task.ship", "acme.task.ship.dlq", "answers", "answers.dlq", "dead", "pay", "pay.dlq", "pay.results", "pay.results.dlq", "shop.orders", "shop.orders.dlq",
	}, slices.Sorted(maps.Keys(all)))
	require.Equal(t, int32(24), all["acme.status"].Partitions)
	require.Equal(t, Period(36*time.Hour), all["acme.status"].Retention)
	require.Empty(t, all["acme.status"].Purpose, "an entry replaces the whole of the other")
	require.Equal(t, int32(3), all["answers.dlq"].Partitions)
	require.Equal(t, "correlation id", all["pay"].Key)

	names := s.Names()
	require.Equal(t, "answers", names.Results())
	require.Equal(t, "answers.dlq", names.DeadLetter(names.Results()))
	require.Equal(t, "dead", names.DeadLetter(names.Messages()))
	require.Equal(t, "acme.status.dlq", names.DeadLetter(names.Status()))
	pay, err := names.Task("order:pay")
	require.NoError(t, err)
	require.Equal(t, "pay", pay)

	require.Equal(t, TaskType{Type: "ship", Partitions: 2, Retention: Period(7 * 24 * time.Hour), Deadline: new(Period), Key: "instance"}, s.TaskType("ship"))
	require.Equal(t, "pay.results", s.TaskType("order:pay").ReplyTo)
	require.Equal(t, "answers", s.TaskType("mail").ReplyTo)
	require.Equal(t, []string{"pay.results"}, s.ReplyTopics())
	require.Equal(t, int32(8), s.TaskType("order:pay").Partitions)
	require.ElementsMatch(t, []string{"acme.task.sms", "acme.task.sms.dlq"}, slices.Collect(maps.Keys(s.ForTaskTypes("sms"))))
}

func TestDeadLetterTopicsAreCalledAsRecordsAreSent(t *testing.T) {
	t.Parallel()
	s, err := Load(folder(t, `
topics:
  - {name: results, topic: answers, partitions: 4}
  - {name: results.dlq, topic: wrong-answers, partitions: 1}
  - {name: task.pay.dlq, partitions: 5}
taskTypes:
  - {type: pay, topic: payments}
`))
	require.NoError(t, err)
	names, all := s.Names(), s.All()
	require.Equal(t, "wrong-answers", names.DeadLetter("answers"))
	require.Contains(t, all, "wrong-answers")
	require.Equal(t, int32(5), all["payments.dlq"].Partitions)
	require.Contains(t, all, names.DeadLetter(names.Control()))
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(folder(t, `
topics:
  - {name: results, partitions: 12}
  - {name: messages, partitions: 0}
  - {name: status, topic: "a b", partitions: 1, replicas: -1}
  - {name: orders, topic: barnabas.control, partitions: 1}
  - {name: slow, partitions: 1, retention: P1D, config: {retention.ms: "1"}}
  - {partitions: 1}
taskTypes:
  - {type: "order:pay", key: correlation}
  - {type: "*", topic: all, partitions: -1}
  - {deadline: PT1S}
  - {type: a, replyTo: nowhere}
  - {type: b, replyTo: slow}
`))
	for _, problem := range []string{
		"control has 8 partitions, fewer than the 12 of results",
		"messages: partitions must be at least 1",
		"status: replicas must not be negative",
		`topic "a b": ' ' is not allowed`,
		"control and orders are both called barnabas.control",
		"slow: retention and config retention.ms say the same",
		"a topic has no name",
		`task type order:pay: key is "correlation": use instance or task`,
		`task type order:pay: topic "barnabas.task.order:pay": ':' is not allowed`,
		"task type *: all types can't share the topic all",
		"task type *: partitions and replicas must not be negative",
		"a task type has no type",
		"task type a: replyTo names the topic nowhere, which is not declared",
		"slow has 1 partitions, fewer than the 12 of results",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 14)
}

func TestUnreadableDeclarations(t *testing.T) {
	t.Parallel()
	for yaml, problem := range map[string]string{
		"topics: [{name: results, partition: 1}]":                  "field partition not found",
		"topics: [{name: results, partitions: 1, retention: 7d}]":  `line 1: "7d" is not a duration such as PT1H or P7D`,
		"topics: [{name: results, partitions: 1, retention: P1M}]": "is not a duration",
		"topics: [{name: results, partitions: 1, retention: 100}]": "is not a duration",
		"topics: {":           "own.yaml",
		"deadLetters: [1]":    "own.yaml",
		"prefix: 'a b'":       "is not allowed",
		"taskTypes: [{t: x}]": "field t not found",
	} {
		_, err := Load(folder(t, yaml))
		require.ErrorContains(t, err, problem, yaml)
	}
	_, err := Load(t.TempDir())
	require.ErrorContains(t, err, "holds no *.yaml")
	_, err = Load(filepath.Join(t.TempDir(), "missing"))
	require.Error(t, err)
}
