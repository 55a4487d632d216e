package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// Presence is where the members of the group tell each other that they live. The
// group itself learns that a process died when its session ends, which brokers
// don't allow to be short; members that see it earlier remove it.
type Presence interface {
	// Beat notes that this process lives, as the member of the group with this id
	// ("": it has not joined), and lists the ids of members that are silent.
	Beat(ctx context.Context, member string) (silent []string, err error)
	// Forget drops a silent member that is no member any more.
	Forget(ctx context.Context, member string) error
}

const (
	beatEvery  = 500 * time.Millisecond
	beatWithin = time.Second // an answer that takes longer is none
)

// attend tells that this member lives, and removes those that don't, until ctx
// is done. That the database is away others notice and tell.
func (s *session) attend(ctx context.Context, group *kgo.Client) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		silent, _ := s.beat(ctx, s.member(group))
		for _, member := range silent {
			s.dismiss(ctx, member)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// member is this member's id, by which others may remove it: none if it is to be
// waited for.
func (s *session) member(group *kgo.Client) string {
	if s.config.InstanceID != "" {
		return ""
	}
	id, _ := group.GroupMetadata()
	return id
}

func (s *session) beat(ctx context.Context, member string) (silent []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	return s.config.Presence.Beat(ctx, member)
}

// dismiss removes a silent member, so that the group gives its homes to others at
// once. Should it live after all, its transactions roll back, since the homes'
// epochs are others', and it joins anew.
func (s *session) dismiss(ctx context.Context, member string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := s.remove(ctx, member)
	switch {
	case err == nil:
		s.removed.Inc()
		s.log.Warn("a member of the group is silent: removed, others take its homes over", zap.String("group", s.config.Group), zap.String("member", member))
	case errors.Is(err, kerr.UnknownMemberID): // somebody else was faster, or the session was over
	default:
		s.quiet.Warn("a silent member can't be removed from the group: its homes wait for its session to end",
			zap.String("group", s.config.Group), zap.String("member", member), zap.Error(err))
		return
	}
	if err := s.config.Presence.Forget(ctx, member); err != nil {
		s.quiet.Warn("a removed member is still listed", zap.Error(err))
	}
}

// remove asks the group's coordinator as if the member itself left.
func (s *session) remove(ctx context.Context, member string) error {
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group, request.MemberID = s.config.Group, member
	leaves := kmsg.NewLeaveGroupRequestMember()
	leaves.MemberID, leaves.Reason = member, kmsg.StringPtr("the process is silent")
	request.Members = append(request.Members, leaves)
	response, err := request.RequestWith(ctx, s.fetch)
	if err != nil {
		return fmt.Errorf("remove member: %w", translate(err))
	}
	code := response.ErrorCode
	for _, m := range response.Members {
		code = max(code, m.ErrorCode)
	}
	return kerr.ErrorForCode(code)
}

// lost releases all homes of a member that the group does not know any more. It
// joins again when it could be heard of: until then it could not claim anything,
// and would keep homes from members that can.
func (s *session) lost(ctx context.Context, partitions map[string][]int32) {
	if len(partitions[s.config.Results]) > 0 {
		s.quiet.Warn("this member's session in the group is over: its homes are given up, it joins anew", zap.String("group", s.config.Group))
	}
	s.revoked(partitions)
	if s.config.Presence == nil {
		return
	}
	_ = backoff.Retry(func() error { _, err := s.beat(ctx, ""); return err }, patiently(ctx)) // only ctx ends the patience
}

func newRemoved(registry prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "barnabas_members_removed_total",
		Help: "Members of the engines' consumer group that this engine has removed, since they were silent.",
	})
	if registry != nil {
		registry.MustRegister(c)
	}
	return c
}
