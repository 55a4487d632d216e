package load

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Turmoil is a time in which consumer groups were not stable: members came, went
// or were thrown out, or Kafka did not answer. Work may be done again because of
// it. Faults cause it; so does a machine that is too busy.
type Turmoil struct{ Began, Ended time.Time }

// workerGroups are the consumer groups of the workers.
func workerGroups() []string {
	return []string{"chaos-echo-go", "chaos-step-go", "chaos-judge-go", "chaos-hold-go", "chaos-python"}
}

// Groups looks at the workers' consumer groups every second until ctx ends, and
// says when they were not stable.
func Groups(ctx context.Context, brokers string) ([]Turmoil, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.MetadataMinAge(time.Second))
	if err != nil {
		return nil, fmt.Errorf("watch groups: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var book turmoils
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return book.all, nil
		case <-tick.C:
		}
		book.note(time.Now(), members(ctx, admin))
	}
}

// members names the members of all groups; "" unless all groups are stable.
func members(ctx context.Context, admin *kadm.Client) string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	groups, err := admin.DescribeGroups(ctx, workerGroups()...)
	if err != nil || groups.Error() != nil {
		return ""
	}
	var all []string
	for _, g := range groups {
		if g.State != "Stable" {
			return ""
		}
		for _, m := range g.Members {
			all = append(all, m.MemberID)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// turmoils notes changes between looks.
type turmoils struct {
	all    []Turmoil
	stable string    // members when last seen stable
	since  time.Time // that look
	open   bool      // the last look found no stable groups
}

// note takes what a look has seen: the time between two looks that differ counts.
func (t *turmoils) note(now time.Time, members string) {
	switch {
	case members == "":
		t.open = true
		return
	case t.open || members != t.stable:
		t.all = append(t.all, Turmoil{Began: t.since, Ended: now})
	}
	t.stable, t.since, t.open = members, now, false
}
