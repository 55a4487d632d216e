package topics

import (
	"cmp"
	"slices"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

const deadLetter = ".dlq"

// Actual is the topic's name on the cluster.
func (s *Set) Actual(t Topic) string {
	if t.Topic != "" {
		return t.Topic
	}
	// A dead-letter topic is called after the actual name of the other one.
	if base, ok := strings.CutSuffix(t.Name, deadLetter); ok {
		if of := s.named(base); of != nil {
			return s.Actual(*of) + deadLetter
		}
		if of, ok := strings.CutPrefix(base, "task."); ok {
			return s.Actual(s.TaskTopic(of)) + deadLetter
		}
	}
	return s.Prefix + t.Name
}

// All is every topic by its actual name: those declared, those of task types
// that have an entry of their own, and the dead-letter topics of them all.
func (s *Set) All() map[string]Topic {
	all := make(map[string]Topic)
	for _, t := range s.Topics {
		all[s.Actual(t)] = t
	}
	var types []string
	for _, t := range s.TaskTypes {
		if t.Type != "*" {
			types = append(types, t.Type)
		}
	}
	for actual, t := range s.ForTaskTypes(types...) {
		all[actual] = t
	}
	for _, t := range s.Topics {
		s.addDeadLetters(all, t)
	}
	return all
}

// ForTaskTypes are the topics of task types and their dead-letter topics, by
// their actual names.
func (s *Set) ForTaskTypes(types ...string) map[string]Topic {
	all := make(map[string]Topic)
	for _, taskType := range types {
		t := s.TaskTopic(taskType)
		all[s.Actual(t)] = t
		s.addDeadLetters(all, t)
	}
	return all
}

// addDeadLetters adds the dead-letter topic of t, unless it is declared or t is one.
func (s *Set) addDeadLetters(all map[string]Topic, t Topic) {
	name := t.Name + deadLetter
	if strings.HasSuffix(t.Name, deadLetter) {
		return
	}
	if own := s.named(name); own != nil {
		all[s.Actual(*own)] = *own
		return
	}
	all[s.Actual(t)+deadLetter] = Topic{
		Name: name, Topic: s.Actual(t) + deadLetter, Purpose: "Records of " + t.Name + " that can't be processed.",
		Partitions: s.DeadLetters.Partitions, Replicas: s.DeadLetters.Replicas, Retention: s.DeadLetters.Retention,
		Key: "as the original", Schema: "dead-letter.schema.json",
	}
}

// Names gives the topics their names.
func (s *Set) Names() wire.Names { return wire.Names{Prefix: s.Prefix, Map: s.Map()} }

// Map gives the actual names that differ from the default ones, as wire.Names
// wants them.
func (s *Set) Map() map[string]string {
	m := make(map[string]string)
	for _, t := range s.Topics {
		if t.Topic == "" {
			continue
		}
		if base, ok := strings.CutSuffix(t.Name, deadLetter); ok {
			m[s.Actual(Topic{Name: base + deadLetter})] = t.Topic
		} else {
			m[t.Name] = t.Topic
		}
	}
	for _, t := range s.TaskTypes {
		if t.Topic != "" {
			m["task."+t.Type] = t.Topic
		}
	}
	return m
}

// TaskType is the configuration of a task type, defaults filled in. ReplyTo is
// the actual name of the topic, empty for that of results.
func (s *Set) TaskType(name string) TaskType {
	var all, own TaskType
	for _, t := range s.TaskTypes {
		switch t.Type {
		case "*":
			all = t
		case name:
			own = t
		}
	}
	own.Type = name
	own.Partitions = cmp.Or(own.Partitions, all.Partitions, 8)
	own.Replicas = cmp.Or(own.Replicas, all.Replicas)
	own.Retention = cmp.Or(own.Retention, all.Retention)
	own.Deadline = cmp.Or(own.Deadline, all.Deadline)
	own.Key = cmp.Or(own.Key, all.Key, "instance")
	own.ReplyTo = cmp.Or(own.ReplyTo, all.ReplyTo)
	if topic := s.named(own.ReplyTo); topic != nil {
		own.ReplyTo = s.Actual(*topic)
	}
	return own
}

// ReplyTopics are the actual names of the topics besides that of results which
// task types have their results sent to: engines consume them too.
func (s *Set) ReplyTopics() []string {
	var topics []string
	for _, t := range s.TaskTypes {
		if t.ReplyTo != "" && t.ReplyTo != "results" {
			topics = append(topics, s.TaskType(t.Type).ReplyTo)
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// TaskTopic is the topic of a task type.
func (s *Set) TaskTopic(taskType string) Topic {
	t := s.TaskType(taskType)
	key := "process instance id"
	if t.Key == "task" {
		key = "correlation id"
	}
	return Topic{
		Name: "task." + taskType, Topic: t.Topic, Purpose: "Commands of tasks of type " + taskType + ".",
		Partitions: t.Partitions, Replicas: t.Replicas, Retention: t.Retention,
		Key: key, Schema: "task.schema.json",
	}
}
