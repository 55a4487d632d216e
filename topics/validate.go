package topics

import (
	"errors"
	"fmt"
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

// validateHomes: engines send control records to the partition that bears the
// number of a home.
func (s *Set) validateHomes(wrong *problems) {
	results, control := s.named("results"), s.named("control")
	if results != nil && control != nil && control.Partitions < results.Partitions {
		wrong.add("control has %d partitions, fewer than the %d of results: every home needs one", control.Partitions, results.Partitions)
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
