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
	"bytes"
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

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// Embedded are the built-in declarations, to show and to copy.
//
//go:embed *.yaml
var Embedded embed.FS

// Topic is a declared topic.
type Topic struct {
	Name       string `yaml:"name"`  // what follows the prefix
	Topic      string `yaml:"topic"` // actual name, where it differs from prefix + name
	Purpose    string `yaml:"purpose"`
	Partitions int32  `yaml:"partitions"`
	Replicas   int16  `yaml:"replicas"` // 0: the broker's default
	Key        string `yaml:"key"`      // in words
	Schema     string `yaml:"schema"`   // file in schemas/
	Retention  Period `yaml:"retention"`
	// Config is any further configuration of the topic (cleanup.policy, …).
	Config map[string]string `yaml:"config"`
}

// TaskType is what is configured for the tasks of a type. Zero fields mean those
// of the type "*".
type TaskType struct {
	Type       string  `yaml:"type"`  // "*": all others
	Topic      string  `yaml:"topic"` // actual name, where it differs from prefix + task.<type>
	Partitions int32   `yaml:"partitions"`
	Replicas   int16   `yaml:"replicas"`
	Retention  Period  `yaml:"retention"`
	Deadline   *Period `yaml:"deadline"` // of an attempt; PT0S: none
	Key        string  `yaml:"key"`      // instance or task
	ReplyTo    string  `yaml:"replyTo"`  // name of the declared topic of the results; default: results
}

// DeadLetters is what the dead-letter topics look like that have no entry of
// their own among the topics.
type DeadLetters struct {
	Partitions int32  `yaml:"partitions"`
	Replicas   int16  `yaml:"replicas"`
	Retention  Period `yaml:"retention"`
}

// Set is all declarations together.
type Set struct {
	Prefix      string      `yaml:"prefix"`
	Topics      []Topic     `yaml:"topics"`
	DeadLetters DeadLetters `yaml:"deadLetters"`
	TaskTypes   []TaskType  `yaml:"taskTypes"`
}

// Period is a duration written as ISO 8601: PT1H, P7D.
type Period time.Duration

// UnmarshalYAML reads a Period.
func (p *Period) UnmarshalYAML(node *yaml.Node) error {
	d, ok := wire.ParseDuration(node.Value)
	if !ok || !strings.HasPrefix(node.Value, "P") {
		return fmt.Errorf("line %d: %q is not a duration such as PT1H or P7D", node.Line, node.Value)
	}
	*p = Period(d)
	return nil
}

// Load reads the embedded declarations and the *.yaml of dir, if dir is not
// empty. What dir declares replaces what is built in under the same name, entry
// by entry. The error names everything that is wrong.
func Load(dir string) (*Set, error) {
	s := &Set{}
	err := s.read(Embedded, "built-in")
	if dir != "" {
		err = errors.Join(err, s.read(os.DirFS(dir), dir))
	}
	if err = errors.Join(err, s.validate()); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Set) read(from fs.FS, folder string) error {
	names, err := fs.Glob(from, "*.yaml")
	if err != nil {
		return fmt.Errorf("topics: %s: %w", folder, err)
	}
	if len(names) == 0 {
		return fmt.Errorf("topics: %s holds no *.yaml", folder)
	}
	var all []error
	for _, name := range names {
		if err := s.readFile(from, name); err != nil {
			all = append(all, fmt.Errorf("topics: %s/%s: %w", folder, name, err))
		}
	}
	return errors.Join(all...)
}

func (s *Set) readFile(from fs.FS, name string) error {
	data, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	var more Set
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&more); err != nil {
		return err
	}
	s.merge(&more)
	return nil
}

// merge replaces what more declares under a known name and adds the rest.
func (s *Set) merge(more *Set) {
	s.Prefix = cmp.Or(more.Prefix, s.Prefix)
	s.DeadLetters = cmp.Or(more.DeadLetters, s.DeadLetters)
	for _, t := range more.Topics {
		s.Topics = replace(s.Topics, t, func(o Topic) bool { return o.Name == t.Name })
	}
	for _, t := range more.TaskTypes {
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
