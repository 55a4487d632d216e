package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/barnabas-project/barnabas/internal/chaos/load"
	"github.com/barnabas-project/barnabas/internal/chaos/site"
)

// stopPatience is what docs/operations.md asks to give engines and relays.
const stopPatience = 15 * time.Second

// tryFor is how long what needs the site's help is tried, while other faults may
// keep it from helping.
const tryFor = time.Minute

// act breaks something, waits, and mends it.
func (i *Injector) act(ctx context.Context, f Fault) error {
	mending := context.WithoutCancel(ctx)
	switch f.Kind {
	case Crash:
		if err := i.site.Postgres.Crash(); err != nil {
			return err
		}
		Wait(ctx, f.For)
		return i.site.Postgres.Start(mending)
	case Snapshot:
		return i.snapshot(ctx, f)
	case Rebalance:
		return i.rebalance(ctx, f.Target)
	case Redeploy:
		return i.redeploy(ctx)
	case Delay, Cut, Refuse, Freeze:
		return i.harm(ctx, f)
	case Kill, Pause, Restart:
	}
	if f.Target == postgres {
		err := i.site.Postgres.Pause()
		Wait(ctx, f.For)
		return errors.Join(err, i.site.Postgres.Resume())
	}
	return i.stop(ctx, f)
}

// stop kills, pauses or restarts a process.
func (i *Injector) stop(ctx context.Context, f Fault) error {
	process := i.site.Processes[f.Target]
	if f.Target == kafka {
		process = i.site.Kafka.Process
	}
	switch f.Kind {
	case Pause:
		process.Pause()
		Wait(ctx, f.For)
		process.Resume()
		return nil
	case Kill:
		process.Kill()
		Wait(ctx, f.For)
	default:
		process.Stop(stopPatience)
	}
	if err := process.Start(); err != nil || f.Target != kafka {
		return err
	}
	return i.site.Kafka.Await(context.WithoutCancel(ctx))
}

// harm does something to a connection.
func (i *Injector) harm(ctx context.Context, f Fault) error {
	link := i.link(f.Target)
	var err error
	switch f.Kind {
	case Cut:
		return link.Cut()
	case Refuse:
		link.Down()
		Wait(ctx, f.For)
		return link.Up()
	case Delay:
		err = link.Delay(f.Delay)
	default:
		err = link.Freeze()
	}
	Wait(ctx, f.For)
	link.Restore(context.WithoutCancel(ctx))
	return err
}

func (i *Injector) link(target string) *site.Link {
	client, server, _ := strings.Cut(target, " to ")
	if server == postgres {
		return i.site.Postgres.Links[client]
	}
	return i.site.Kafka.Links[client]
}

// snapshot holds a snapshot of the database, as a long report or a backup does.
// That the database crashes meanwhile is no problem.
func (i *Injector) snapshot(ctx context.Context, f Fault) error {
	return i.try(ctx, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, i.site.Postgres.URL)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return err
		}
		var instances int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM instance`).Scan(&instances); err != nil {
			return err
		}
		Wait(ctx, f.For)
		_ = tx.Rollback(context.WithoutCancel(ctx))
		return nil
	})
}

// rebalance throws the first member of a group out, which learns of it with its
// next heartbeat and joins again.
func (i *Injector) rebalance(ctx context.Context, group string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(i.site.Kafka.Address), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	return i.try(ctx, func(ctx context.Context) error {
		groups, err := kadm.NewClient(client).DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		members := groups[group].Members
		if len(members) == 0 {
			return fmt.Errorf("group %s has no members now", group)
		}
		request := kmsg.NewPtrLeaveGroupRequest()
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = members[0].MemberID
		request.Group, request.Members = group, append(request.Members, member)
		_, err = request.RequestWith(ctx, client)
		return err
	})
}

// redeploy deploys all models anew; whoever runs stays on the version it has.
func (i *Injector) redeploy(ctx context.Context) error {
	i.mu.Lock()
	i.revision++
	revision := i.revision
	i.mu.Unlock()
	for _, process := range load.Processes() {
		resource, xml, err := load.Model(process, revision)
		if err != nil {
			return err
		}
		if err := i.try(ctx, func(ctx context.Context) error { return i.site.Deploy(ctx, resource, xml) }); err != nil {
			return err
		}
	}
	return nil
}

// try tries for a while.
func (i *Injector) try(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor+time.Minute)
	defer cancel()
	for until := time.Now().Add(tryFor); ; {
		err := do(ctx)
		if err == nil || time.Now().After(until) || !Wait(ctx, time.Second) {
			return err
		}
	}
}
