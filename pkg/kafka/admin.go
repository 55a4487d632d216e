package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/topics"
)

// Admin compares the topics of a cluster with those declared, and makes them so.
type Admin struct {
	client *kgo.Client
	admin  *kadm.Client
}

// NewAdmin connects lazily.
func NewAdmin(config Config) (*Admin, error) {
	client, err := config.client("admin")
	if err != nil {
		return nil, err
	}
	return &Admin{client: client, admin: kadm.NewClient(client)}, nil
}

// Close lets go of connections.
func (a *Admin) Close() { a.client.Close() }

// Action is what Apply would do to a topic.
type Action string

// The actions.
const (
	Create Action = "create"
	Grow   Action = "grow" // add partitions: only when asked for, see Apply
	Alter  Action = "alter"
	Refuse Action = "refuse" // it would lose data, or scatter what belongs together
	Keep   Action = "keep"
)

// Change is what is to be done about one topic.
type Change struct {
	Topic  string `json:"topic"`
	Action Action `json:"action"`
	Detail string `json:"detail"`

	want   topics.Topic
	config map[string]string
}

func (c Change) same(other Change) bool {
	return c.Topic == other.Topic && c.Action == other.Action && c.Detail == other.Detail
}

// Refused tells whether Apply leaves a difference as it is. Partitions are added
// only with grow, since that moves keys.
func (c Change) Refused(grow bool) bool {
	return c.Action == Refuse || c.Action == Grow && !grow
}

// Plan compares the topics declared, by their actual names, with the cluster. It
// changes nothing. What differs without being declared is left alone.
func (a *Admin) Plan(ctx context.Context, declared map[string]topics.Topic) ([]Change, error) {
	names := slices.Sorted(maps.Keys(declared))
	there, err := readTopics(ctx, a.client, names)
	if err != nil {
		return nil, err
	}
	configs, err := a.configs(ctx, slices.Collect(maps.Keys(there)))
	if err != nil {
		return nil, err
	}
	var plan []Change
	for _, name := range names {
		want := declared[name]
		if is, exists := there[name]; exists {
			plan = append(plan, compare(name, want, is.partitions, configs[name])...)
		} else {
			plan = append(plan, creation(name, want))
		}
	}
	return plan, nil
}

func creation(name string, want topics.Topic) Change {
	return Change{name, Create, fmt.Sprintf("%d partitions", want.Partitions), want, config(want)}
}

// compare lists what differs. What is there is never made smaller.
func compare(name string, want topics.Topic, partitions int32, has map[string]string) []Change {
	var changes []Change
	add := func(action Action, config map[string]string, format string, args ...any) {
		changes = append(changes, Change{name, action, fmt.Sprintf(format, args...), want, config})
	}
	switch {
	case partitions > want.Partitions:
		add(Refuse, nil, "it has %d partitions, %d are declared: partitions can't be taken away; declare %d", partitions, want.Partitions, partitions)
	case partitions < want.Partitions:
		add(Grow, nil, "it has %d partitions, %d are declared: %s", partitions, want.Partitions, growing(want.Name))
	}
	wanted := config(want)
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		old, value := has[key], wanted[key]
		switch {
		case old == value || key == "max.message.bytes" && shrinks(old, value):
		case key == "cleanup.policy":
			add(Refuse, nil, "cleanup.policy is %s, declared is %s: records would be deleted that are to stay, or stay that are to go; alter it by hand if that is meant", old, value)
		case (key == "retention.ms" || key == "retention.bytes") && shrinks(old, value):
			add(Refuse, nil, "%s is %s, declared is %s: records would be lost; shorten it by hand if that is meant", key, old, value)
		default:
			add(Alter, map[string]string{key: value}, "%s from %s to %s", key, old, value)
		}
	}
	if len(changes) == 0 {
		add(Keep, nil, "as declared")
	}
	return changes
}

// growing says what more partitions mean for a topic.
func growing(name string) string {
	switch {
	case name == "results":
		return "each partition is a home of instances, and homes share the partitions of all input topics anew; stop all engines first, then add them with --grow"
	case strings.HasSuffix(name, ".dlq"):
		return "no key has to stay where it is; add them with --grow"
	}
	return "adding some moves keys to other partitions, and records of one key would overtake each other; drain the topic first, then add them with --grow"
}

// shrinks tells whether a limit would fall; below 0 is none.
func shrinks(old, value string) bool {
	has, err1 := strconv.ParseInt(old, 10, 64)
	want, err2 := strconv.ParseInt(value, 10, 64)
	return err1 == nil && err2 == nil && want >= 0 && (has < 0 || want < has)
}

// maxMessageBytes is what topics accept at least: the largest batch the producer
// makes, with room to spare.
const maxMessageBytes = 2 << 20

func config(t topics.Topic) map[string]string {
	c := map[string]string{"max.message.bytes": strconv.Itoa(maxMessageBytes)}
	if t.Retention > 0 {
		c["retention.ms"] = strconv.FormatInt(time.Duration(t.Retention).Milliseconds(), 10)
	}
	maps.Copy(c, t.Config)
	return c
}

func (a *Admin) configs(ctx context.Context, names []string) (map[string]map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	resources, err := a.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", translate(err))
	}
	all := make(map[string]map[string]string, len(resources))
	for _, r := range resources {
		if r.Err != nil {
			return nil, fmt.Errorf("describe topic %s: %w", r.Name, r.Err)
		}
		m := make(map[string]string, len(r.Configs))
		for _, c := range r.Configs {
			m[c.Key] = c.MaybeValue()
		}
		all[r.Name] = m
	}
	return all, nil
}

// Apply carries the plan out, as far as it is not refused, and waits until brokers
// show it.
func (a *Admin) Apply(ctx context.Context, plan []Change, grow bool) error {
	todo := slices.DeleteFunc(slices.Clone(plan), func(c Change) bool { return c.Action == Keep || c.Refused(grow) })
	for _, c := range todo {
		if err := a.apply(ctx, c); err != nil {
			return fmt.Errorf("%s topic %s: %w", c.Action, c.Topic, translate(err))
		}
	}
	return a.appear(ctx, todo)
}

func (a *Admin) apply(ctx context.Context, c Change) error {
	switch c.Action {
	case Create:
		return a.create(ctx, c)
	case Alter:
		var sets []kadm.AlterConfig
		for k, v := range c.config {
			sets = append(sets, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: &v})
		}
		rs, err := a.admin.AlterTopicConfigs(ctx, sets, c.Topic)
		if err != nil {
			return err
		}
		return rs[0].Err
	case Grow:
		rs, err := a.admin.UpdatePartitions(ctx, int(c.want.Partitions), c.Topic)
		if err != nil {
			return err
		}
		return rs[c.Topic].Err
	}
	return nil
}

func (a *Admin) create(ctx context.Context, c Change) error {
	configs := make(map[string]*string, len(c.config))
	for k, v := range c.config {
		configs[k] = &v
	}
	replicas := c.want.Replicas
	if replicas == 0 {
		replicas = -1
	}
	_, err := a.admin.CreateTopic(ctx, c.want.Partitions, replicas, configs, c.Topic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}

// appear waits until a plan would no longer have the changes that were made: the
// controller answers a little earlier than brokers know.
func (a *Admin) appear(ctx context.Context, made []Change) error {
	declared := make(map[string]topics.Topic, len(made))
	for _, c := range made {
		declared[c.Topic] = c.want
	}
	look := func() error {
		plan, err := a.Plan(ctx, declared)
		if err != nil {
			return err
		}
		for _, c := range made {
			if slices.ContainsFunc(plan, c.same) {
				return fmt.Errorf("%s topic %s: done, but brokers still show what was before: %s", c.Action, c.Topic, c.Detail)
			}
		}
		return nil
	}
	wait := backoff.NewExponentialBackOff(backoff.WithInitialInterval(5*time.Millisecond), backoff.WithMaxElapsedTime(10*time.Second))
	return backoff.Retry(look, backoff.WithContext(wait, ctx))
}

// Ensure creates those of the topics declared that are missing, and leaves the
// others as they are. Several engines may do so at once.
func (a *Admin) Ensure(ctx context.Context, declared map[string]topics.Topic) error {
	names := slices.Sorted(maps.Keys(declared))
	there, err := readTopics(ctx, a.client, names)
	if err != nil {
		return err
	}
	var missing []Change
	for _, name := range names {
		if _, exists := there[name]; !exists {
			missing = append(missing, creation(name, declared[name]))
		}
	}
	return a.Apply(ctx, missing, false)
}
