package topics

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// problems gathers what is wrong.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf("topics: "+format, args...))
}

func (s *Set) validate() error {
	var wrong problems
	for _, t := range s.Topics {
		t.validate(&wrong)
	}
	for _, t := range s.TaskTypes {
		t.validate(&wrong)
	}
	if s.DeadLetters.Partitions < 1 {
		wrong.add("deadLetters: partitions must be at least 1")
	}
	for _, needed := range []string{"results", "control", "messages", "status"} {
		if s.named(needed) == nil {
			wrong.add("%s is not declared", needed)
		}
	}
	s.validateHomes(&wrong)
	s.validateNames(&wrong)
	return errors.Join(wrong...)
}

func (t *Topic) validate(wrong *problems) {
	if t.Name == "" {
		wrong.add("a topic has no name")
		return
	}
	if t.Partitions < 1 {
		wrong.add("%s: partitions must be at least 1", t.Name)
	}
	if t.Replicas < 0 {
		wrong.add("%s: replicas must not be negative", t.Name)
	}
	if _, set := t.Config["retention.ms"]; set && t.Retention != 0 {
		wrong.add("%s: retention and config retention.ms say the same: leave one out", t.Name)
	}
}

func (t *TaskType) validate(wrong *problems) {
	if t.Type == "" {
		wrong.add("a task type has no type")
		return
	}
	if t.Partitions < 0 || t.Replicas < 0 {
		wrong.add("task type %s: partitions and replicas must not be negative", t.Type)
	}
	if t.Key != "" && t.Key != "instance" && t.Key != "task" {
		wrong.add("task type %s: key is %q: use instance or task", t.Type, t.Key)
	}
	if t.Type == "*" && t.Topic != "" {
		wrong.add("task type *: all types can't share the topic %s: name it at each type", t.Topic)
	}
}

// validateHomes: control records and results go to the partition that bears the
// number of a home.
func (s *Set) validateHomes(wrong *problems) {
	names := []string{"control"}
	for _, t := range s.TaskTypes {
		if t.ReplyTo == "" {
			continue
		}
		if s.named(t.ReplyTo) == nil {
			wrong.add("task type %s: replyTo names the topic %s, which is not declared", t.Type, t.ReplyTo)
		}
		names = append(names, t.ReplyTo)
	}
	results := s.named("results")
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if t := s.named(name); t != nil && results != nil && t.Partitions < results.Partitions {
			wrong.add("%s has %d partitions, fewer than the %d of results: every home needs one", name, t.Partitions, results.Partitions)
		}
	}
}

// taskTypePrefix tells task types, which may share a topic, from topics.
const taskTypePrefix = "task type "

// validateNames checks what topics are called in the end.
func (s *Set) validateNames(wrong *problems) {
	seen := make(map[string]string)
	check := func(what, topic string) {
		if err := wire.CheckTopic(topic); err != nil {
			wrong.add("%s: %w", what, err)
		}
		other, taken := seen[topic]
		if shared := strings.HasPrefix(what, taskTypePrefix) && strings.HasPrefix(other, taskTypePrefix); taken && !shared {
			wrong.add("%s and %s are both called %s", other, what, topic)
		}
		seen[topic] = what
	}
	for _, t := range s.Topics {
		check(t.Name, s.Actual(t))
	}
	for _, t := range s.TaskTypes {
		if t.Type != "*" {
			check(taskTypePrefix+t.Type, s.Actual(s.TaskTopic(t.Type)))
		}
	}
}

func (s *Set) named(name string) *Topic {
	for i := range s.Topics {
		if s.Topics[i].Name == name {
			return &s.Topics[i]
		}
	}
	return nil
}
