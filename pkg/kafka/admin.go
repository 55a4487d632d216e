package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

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

// Plan compares the topics declared, by their actual names, with the cluster.
func (a *Admin) Plan(ctx context.Context, declared map[string]topics.Topic) ([]Change, error) {
	names := slices.Sorted(maps.Keys(declared))
	if len(names) == 0 {
		return nil, nil
	}
	details, err := a.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", translate(err))
	}
	configs, err := a.configs(ctx, details)
	if err != nil {
		return nil, err
	}
	var plan []Change
	for _, name := range names {
		d, there := details[name]
		if !there || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			t := declared[name]
			plan = append(plan, Change{name, Create, fmt.Sprintf("%d partitions", t.Partitions), t, config(t)})
			continue
		}
		if d.Err != nil {
			return nil, fmt.Errorf("topic %s: %w", name, d.Err)
		}
		plan = append(plan, compare(name, declared[name], int32(len(d.Partitions)), configs[name])...)
	}
	return plan, nil
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
		add(Grow, nil, "it has %d partitions, %d are declared: adding some moves keys to other partitions, and records of one key would overtake each other; drain the topic first, then add them with --grow",
			partitions, want.Partitions)
	}
	wanted := config(want)
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		value := wanted[key]
		switch old := has[key]; {
		case old == value:
		case key == "cleanup.policy":
			add(Refuse, nil, "cleanup.policy is %s, declared is %s: records would be deleted that are to stay, or stay that are to go", old, value)
		case loses(key, old, value):
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

// loses tells whether a setting would make Kafka keep less than it does.
func loses(key, old, value string) bool {
	if key != "retention.ms" && key != "retention.bytes" && key != "max.message.bytes" {
		return false
	}
	has, err1 := strconv.ParseInt(old, 10, 64)
	want, err2 := strconv.ParseInt(value, 10, 64)
	if err1 != nil || err2 != nil || want < 0 {
		return false // -1 is without limit
	}
	return has < 0 || want < has
}

// maxMessageBytes is what topics accept: the largest record, with room to spare.
const maxMessageBytes = 2 << 20

func config(t topics.Topic) map[string]string {
	c := map[string]string{"max.message.bytes": strconv.Itoa(maxMessageBytes)}
	if t.Retention > 0 {
		c["retention.ms"] = strconv.FormatInt(time.Duration(t.Retention).Milliseconds(), 10)
	}
	maps.Copy(c, t.Config)
	return c
}

func (a *Admin) configs(ctx context.Context, details kadm.TopicDetails) (map[string]map[string]string, error) {
	var there []string
	for name, d := range details {
		if d.Err == nil {
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return nil, nil
	}
	resources, err := a.admin.DescribeTopicConfigs(ctx, there...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", translate(err))
	}
	all := make(map[string]map[string]string, len(resources))
	for _, r := range resources {
		m := make(map[string]string, len(r.Configs))
		for _, c := range r.Configs {
			m[c.Key] = c.MaybeValue()
		}
		all[r.Name] = m
	}
	return all, nil
}

// Apply carries the plan out, as far as it is not refused. Partitions are added
// only with grow, since that moves keys.
func (a *Admin) Apply(ctx context.Context, plan []Change, grow bool) error {
	for _, c := range plan {
		if err := a.apply(ctx, c, grow); err != nil {
			return fmt.Errorf("%s topic %s: %w", c.Action, c.Topic, translate(err))
		}
	}
	return nil
}

func (a *Admin) apply(ctx context.Context, c Change, grow bool) error {
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
		if !grow {
			return nil
		}
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
	r, err := a.admin.CreateTopic(ctx, c.want.Partitions, replicas, configs, c.Topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	if r.Err != nil && !errors.Is(r.Err, kerr.TopicAlreadyExists) {
		return r.Err
	}
	return nil
}

// Ensure creates those of the topics declared that are missing, and leaves the
// others as they are.
func (a *Admin) Ensure(ctx context.Context, declared map[string]topics.Topic) error {
	plan, err := a.Plan(ctx, declared)
	if err != nil {
		return err
	}
	return a.Apply(ctx, slices.DeleteFunc(plan, func(c Change) bool { return c.Action != Create }), false)
}
