// Package topics declares the Kafka topics as data: names, partitions,
// retention, keys, schemas, purposes, and what is configured per task type.
//
// The declarations are the YAML files of this folder, embedded; a folder of the
// user's may replace them entry by entry. The package knows nothing of Kafka
// clients: what is declared is compared with a cluster elsewhere.
//
// Start reading at Load.
package topics

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

//go:embed *.yaml
var embedded embed.FS

// Topic is a declared topic.
type Topic struct {
	Name       string `yaml:"name"`  // what follows the prefix
	Topic      string `yaml:"topic"` // actual name, where it differs from prefix + name
	Purpose    string `yaml:"purpose"`
	Partitions int32  `yaml:"partitions"`
	Replicas   int16  `yaml:"replicas"` // 0: the broker's default
	Key        string `yaml:"key"`
	Schema     string `yaml:"schema"` // file in schemas/
	Retention  Period `yaml:"retention"`
	// Config is any further configuration of the topic (max.message.bytes, …).
	Config map[string]string `yaml:"config"`
}

// TaskType is what is configured for the tasks of a type.
type TaskType struct {
	Type       string  `yaml:"type"`  // "*": all others
	Topic      string  `yaml:"topic"` // actual name, where it differs from prefix + task.<type>
	Partitions int32   `yaml:"partitions"`
	Replicas   int16   `yaml:"replicas"`
	Retention  Period  `yaml:"retention"`
	Deadline   *Period `yaml:"deadline"` // of an attempt; PT0S: none
	Key        string  `yaml:"key"`      // instance or task
	ReplyTo    string  `yaml:"replyTo"`  // topic of the results; default: results
}

// file is the form of the YAML files.
type file struct {
	Prefix    string     `yaml:"prefix"`
	Topics    []Topic    `yaml:"topics"`
	TaskTypes []TaskType `yaml:"taskTypes"`
}

// Set is all declarations together.
type Set struct {
	Prefix    string
	Topics    []Topic
	TaskTypes []TaskType
}

// Period is a duration written as ISO 8601: PT1H, P7D.
type Period time.Duration

// UnmarshalYAML reads a Period.
func (p *Period) UnmarshalYAML(node *yaml.Node) error {
	d, err := parsePeriod(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	*p = Period(d)
	return nil
}

// parsePeriod reads days, hours, minutes and seconds: what topics need.
func parsePeriod(text string) (time.Duration, error) {
	date, clock, _ := strings.Cut(strings.TrimPrefix(text, "P"), "T")
	days, ok := strings.CutSuffix(date, "D")
	d, err := time.ParseDuration(strings.ToLower(cmp.Or(clock, "0s")))
	if !strings.HasPrefix(text, "P") || len(text) < 3 || err != nil || ok != (date != "") {
		return 0, fmt.Errorf("%q is not a duration such as PT1H or P7D", text)
	}
	if date != "" {
		n, err := time.ParseDuration(days + "h")
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as PT1H or P7D", text)
		}
		d += 24 * n
	}
	return d, nil
}

// Load reads the embedded declarations and those of dir, if dir is not empty. The
// error names everything that is wrong.
func Load(dir string) (*Set, error) {
	s := &Set{}
	if err := s.read(embedded, "built-in"); err != nil {
		return nil, err
	}
	if dir != "" {
		if err := s.read(os.DirFS(dir), dir); err != nil {
			return nil, err
		}
	}
	return s, s.validate()
}

func (s *Set) read(from fs.FS, name string) error {
	names, err := fs.Glob(from, "*.yaml")
	if err != nil || len(names) == 0 {
		return errors.Join(err, fmt.Errorf("topics: no *.yaml in %s", name))
	}
	for _, n := range names {
		data, err := fs.ReadFile(from, n)
		if err != nil {
			return fmt.Errorf("topics: %w", err)
		}
		var f file
		d := yaml.NewDecoder(strings.NewReader(string(data)))
		d.KnownFields(true)
		if err := d.Decode(&f); err != nil {
			return fmt.Errorf("topics: %s/%s: %w", name, n, err)
		}
		s.merge(&f)
	}
	return nil
}

// merge replaces what f declares under a known name and adds the rest.
func (s *Set) merge(f *file) {
	s.Prefix = cmp.Or(f.Prefix, s.Prefix)
	for _, t := range f.Topics {
		s.Topics = replace(s.Topics, t, func(o Topic) bool { return o.Name == t.Name })
	}
	for _, t := range f.TaskTypes {
		s.TaskTypes = replace(s.TaskTypes, t, func(o TaskType) bool { return o.Type == t.Type })
	}
}

func replace[T any](list []T, with T, same func(T) bool) []T {
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i] = with
		return list
	}
	return append(list, with)
}

func (s *Set) validate() error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf("topics: "+format, args...)) }
	for _, t := range s.Topics {
		if t.Name == "" {
			wrong("a topic has no name")
		}
		if t.Partitions < 1 {
			wrong("%s: partitions must be at least 1", t.Name)
		}
	}
	for _, t := range s.TaskTypes {
		if t.Type == "" {
			wrong("a task type has no type")
		}
		if t.Key != "" && t.Key != "instance" && t.Key != "task" {
			wrong("task type %s: key is %q, want instance or task", t.Type, t.Key)
		}
	}
	for _, needed := range []string{"results", "control", "messages", "status"} {
		if !slices.ContainsFunc(s.Topics, func(t Topic) bool { return t.Name == needed }) {
			wrong("%s is not declared", needed)
		}
	}
	return errors.Join(all...)
}

// Actual is the topic's name on the cluster.
func (s *Set) Actual(t Topic) string { return cmp.Or(t.Topic, s.Prefix+t.Name) }

// All is every declared topic by its actual name, those of task types that have
// an entry of their own included.
func (s *Set) All() map[string]Topic {
	m := make(map[string]Topic)
	for _, t := range s.Topics {
		m[s.Actual(t)] = t
	}
	for _, t := range s.TaskTypes {
		if t.Type != "*" {
			topic := s.TaskTopic(t.Type)
			m[s.Actual(topic)] = topic
		}
	}
	return m
}

// Map gives the actual names that differ from prefix + name, by name.
func (s *Set) Map() map[string]string {
	m := make(map[string]string)
	for _, t := range s.Topics {
		if t.Topic != "" {
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

// TaskType is the configuration of a task type, defaults filled in.
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
	return own
}

// TaskTopic is the declared topic of a task type.
func (s *Set) TaskTopic(taskType string) Topic {
	t := s.TaskType(taskType)
	return Topic{
		Name: "task." + taskType, Topic: t.Topic, Purpose: "Commands of tasks of type " + taskType + ".",
		Partitions: t.Partitions, Replicas: t.Replicas, Retention: t.Retention,
		Key: "process instance id, or the correlation id", Schema: "task.schema.json",
	}
}
