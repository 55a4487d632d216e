package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

const (
	mendEvery  = time.Second
	mendWithin = 3 * time.Second // a rebalance waits so long at most
)

// mend claims homes again that stand still though they are this member's, until
// ctx is done. That happens when a member that has just lost a home claims it so
// late that it takes it from its successor: neither would ever decide anything.
func (s *session) mend(ctx context.Context, group *kgo.Client) {
	tick := time.NewTicker(mendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		homes := s.standing()
		if len(homes) == 0 {
			continue
		}
		mine, err := s.assignment(ctx, group)
		if err != nil {
			s.quiet.Warn("a home stands still, and whose it is can't be asked: trying again", zap.Error(err))
		}
		for _, home := range homes {
			if mine[home] {
				s.reclaim(ctx, home)
			}
		}
	}
}

// standing are the homes whose owner has stopped deciding.
func (s *session) standing() (homes []int32) {
	s.gate.change(func() {
		for home := range s.owned {
			if !s.owner.Owns(home) {
				homes = append(homes, home)
			}
		}
	})
	return homes
}

// assignment asks the group which homes are this member's now.
func (s *session) assignment(ctx context.Context, group *kgo.Client) (homes map[int32]bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, mendWithin)
	defer cancel()
	id, _ := group.GroupMetadata()
	described, err := s.admin.DescribeGroups(ctx, s.config.Group)
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", s.config.Group, translate(err))
	}
	homes = make(map[int32]bool)
	for _, m := range described[s.config.Group].Members {
		if assigned, ok := m.Assigned.AsConsumer(); ok && m.MemberID == id {
			for _, t := range assigned.Topics {
				for _, p := range t.Partitions {
					homes[p] = t.Topic == s.config.Results
				}
			}
		}
	}
	return homes, nil
}

// reclaim begins a home anew, from what is stored.
func (s *session) reclaim(ctx context.Context, home int32) {
	s.moving.Lock()
	defer s.moving.Unlock()
	owned := false
	s.gate.change(func() { owned = s.owned[home] })
	if !owned {
		return // went to another member meanwhile
	}
	s.log.Warn("home stands still though it is this member's: claiming it again", zap.Int32("home", home))
	s.release(home)
	ctx, cancel := context.WithTimeout(ctx, mendWithin)
	defer cancel()
	if err := s.claim(ctx, home); err != nil {
		s.gate.change(func() { s.owned[home] = true }) // the next look finds it again
	}
}
