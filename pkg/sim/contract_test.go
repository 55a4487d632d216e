package sim_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
	"github.com/barnabas-project/barnabas/pkg/relay"
	"github.com/barnabas-project/barnabas/pkg/sim"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// TestDatabaseAnswersLikePostgres does the same to the simulated database and to
// a real one: every guard, and every question that is asked.
func TestDatabaseAnswersLikePostgres(t *testing.T) {
	url := devtest.Postgres(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	postgres, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	defer postgres.Close()
	want := interrogate(t, postgres)
	got := interrogate(t, sim.NewDatabase(time.Now))
	require.Greater(t, len(want), 50)
	for i := range want {
		require.Equal(t, want[i], got[i])
	}
}

type database interface {
	orchestrator.Store
	relay.Store
}

// clerk writes down what a database answers.
type clerk struct {
	t       *testing.T
	db      database
	answers []string
}

func (c *clerk) note(what string, answer ...any) {
	c.answers = append(c.answers, what+": "+fmt.Sprintf("%+v", answer))
}

// kind is what an error means; messages differ.
func kind(err error) string {
	for _, known := range []error{
		store.ErrFenced, store.ErrCatalogue, store.ErrDuplicateMessage, store.ErrInstanceChanged, store.ErrCorrelationChanged,
		store.ErrStartTimerChanged, store.ErrOutboxUnpublished, store.ErrOutboxLocked,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "error"
	}
	return "ok"
}

// commit commits what fill puts in and tells how the fence has moved.
func (c *clerk) commit(what string, f *store.Fence, fill func(*store.Batch)) {
	committer, b := c.db.Committer(), store.NewBatch()
	defer committer.Close()
	if fill != nil {
		fill(b)
	}
	err := committer.Commit(c.t.Context(), f, b)
	c.note("commit "+what, kind(err), *f)
}

var (
	one, two = [16]byte{15: 1}, [16]byte{15: 2}
	input    = store.InputPartition{Topic: "results", TopicID: [16]byte{1}, Partition: 3}
)

func interrogate(t *testing.T, db database) []string {
	t.Helper()
	c := &clerk{t: t, db: db}
	f := c.claim("a", input)
	c.batches(&f)
	c.definitions(&f)
	c.owners(&f)
	c.outbox()
	return c.answers
}

func (c *clerk) claim(owner string, p store.InputPartition) store.Fence {
	claimed, err := c.db.Claim(c.t.Context(), 0, owner, []store.InputPartition{p})
	c.note("claim", kind(err), claimed)
	return claimed.Fence
}

func instance(id [16]byte, version, due int64) *store.InstanceRow {
	return &store.InstanceRow{ID: id, Version: version, Definition: 1, NextDue: due, BusinessKey: "b", State: []byte{byte(version)}}
}

func (c *clerk) batches(f *store.Fence) {
	ctx := c.t.Context()
	c.commit("of everything", f, func(b *store.Batch) {
		b.MoveOffset("results", 3, 0, 5)
		b.MarkMessage(one)
		b.InsertInstance(instance(one, 1, 5000))
		b.InsertInstance(instance(two, 1, 0))
		b.PutPart(one, 0, []byte("page"))
		b.PutCorrelation(&store.CorrelationRow{Name: "n", Key: "k", NextExpiry: 7000, Data: []byte("row")})
		b.ParkInput(two, []byte("kept"))
		b.SetOutbox([]byte("records"))
	})
	c.questions()
	behind := *f
	behind.CommitSeq--
	c.commit("a second time", &behind, nil)
	c.commit("from another offset", f, func(b *store.Batch) { b.MoveOffset("results", 3, 4, 6) })
	c.commit("of a partition nobody claimed", f, func(b *store.Batch) { b.MoveOffset("results", 9, 0, 6) })
	c.commit("of a message seen", f, func(b *store.Batch) { b.MarkMessage(one) })
	c.commit("of a version not seen", f, func(b *store.Batch) { b.UpdateInstance(7, instance(one, 8, 0)) })
	c.commit("of the end of a version not seen", f, func(b *store.Batch) { b.DeleteInstance(one, 7, true) })
	c.commit("of an instance there is", f, func(b *store.Batch) { b.InsertInstance(instance(one, 1, 0)) })
	c.commit("of a correlation there is", f, func(b *store.Batch) { b.PutCorrelation(&store.CorrelationRow{Name: "n", Key: "k"}) })
	c.commit("of a correlation not seen", f, func(b *store.Batch) { b.PutCorrelation(&store.CorrelationRow{Name: "n", Key: "k", Version: 99}) })
	c.commit("of the end of a correlation not seen", f, func(b *store.Batch) { b.DropCorrelation("n", "k", 99) })
	rows, err := c.db.LoadCorrelations(ctx, []store.CorrelationKey{{Name: "n", Key: "k"}, {Name: "n", Key: "other"}})
	c.note("correlations", kind(err), rows)
	version := rows[store.CorrelationKey{Name: "n", Key: "k"}].Version
	c.commit("of changes", f, func(b *store.Batch) {
		b.MoveOffset("results", 3, 5, 6)
		b.UpdateInstance(1, instance(one, 2, 4000))
		b.PutPart(one, 1, []byte("another"))
		b.DropPart(one, 0)
		b.DeleteInstance(two, 1, false)
		b.Unpark(two)
		b.PutCorrelation(&store.CorrelationRow{Name: "n", Key: "k", Version: version, Data: []byte("changed")})
	})
	c.questions()
	rows, err = c.db.LoadCorrelations(ctx, []store.CorrelationKey{{Name: "n", Key: "k"}})
	c.note("correlations", kind(err), rows)
	version = rows[store.CorrelationKey{Name: "n", Key: "k"}].Version
	c.commit("of the end of a correlation", f, func(b *store.Batch) { b.DropCorrelation("n", "k", version) })
	c.commit("of a new one under its key", f, func(b *store.Batch) {
		b.PutCorrelation(&store.CorrelationRow{Name: "n", Key: "k", Data: []byte("new")})
	})
	c.questions()
}

// questions asks everything about instances and messages.
func (c *clerk) questions() {
	ctx, now := c.t.Context(), time.UnixMilli(4500)
	instances, err := c.db.LoadInstances(ctx, 0, [][16]byte{one, two})
	for _, id := range [][16]byte{one, two} {
		if instances[id] != nil {
			c.note("instance", kind(err), *instances[id])
		}
	}
	versions, err := c.db.LoadVersions(ctx, 0, [][16]byte{one, two})
	c.note("versions", kind(err), versions)
	due, next, err := c.db.DueInstances(ctx, 0, now, 1)
	c.note("due", kind(err), due, next.UnixMilli())
	expiring, next, err := c.db.ExpiringCorrelations(ctx, 0, now, 1)
	c.note("expiring", kind(err), expiring, next.UnixMilli())
	kept, err := c.db.ParkedInputs(ctx, 0, two)
	c.note("kept", kind(err), len(kept))
	seen, err := c.db.SeenMessages(ctx, [][16]byte{one, two})
	c.note("seen", kind(err), seen)
	home, ok, err := c.db.FindHome(ctx, one)
	c.note("home", kind(err), home, ok)
}

func (c *clerk) definitions(f *store.Fence) {
	ctx := c.t.Context()
	model := store.NewDefinition{ProcessID: "p", Resource: "p.bpmn", XML: []byte("<p/>"), StartTimers: []store.NewStartTimer{{Node: 2, Due: 3000, Repetitions: 1, Interval: "PT1S"}}}
	for range 2 { // the second changes nothing but the generation
		deployed, err := c.db.Deploy(ctx, store.NewDeployment{Processes: []store.NewDefinition{model}})
		c.note("deploy", kind(err), deployed)
		c.commit("decided before the deployment", f, nil)
		f.Generation++
	}
	catalogue, err := c.db.Catalogue(ctx, store.Seen{})
	c.note("catalogue", kind(err), catalogue.Generation, catalogue.Definitions)
	found, err := c.db.FindInstances(ctx, store.InstanceQuery{ProcessID: "p"})
	c.note("instances", kind(err), len(found), found[0].ID, found[0].ProcessVer, found[0].BusinessKey)
	c.timers("deployed")
	c.commit("of a timer not seen", f, func(b *store.Batch) { b.MoveStartTimer(1, &store.StartTimerRow{Definition: 1, Node: 2}) })
	c.commit("of a timer", f, func(b *store.Batch) {
		b.MoveStartTimer(3000, &store.StartTimerRow{Definition: 1, Node: 2, Due: 4000, Interval: "PT1S"})
	})
	c.timers("moved")
	c.commit("of the last time", f, func(b *store.Batch) { b.MoveStartTimer(4000, &store.StartTimerRow{Definition: 1, Node: 2}) })
	c.timers("gone")
}

func (c *clerk) timers(when string) {
	due, next, err := c.db.DueStartTimers(c.t.Context(), 0, 3500, 5)
	c.note("timers "+when, kind(err), due, next)
}

func (c *clerk) owners(f *store.Fence) {
	later := c.claim("b", input)
	c.commit("of an earlier owner", f, nil)
	now, err := c.db.ReadFence(c.t.Context(), *f)
	c.note("fence of an earlier owner", kind(err), now.Epoch)
	now, err = c.db.ReadFence(c.t.Context(), later)
	c.note("fence", kind(err), now)
	again := input
	again.TopicID = [16]byte{2}
	c.claim("c", again)
}

func (c *clerk) outbox() {
	ctx := c.t.Context()
	rows, err := c.db.ReadOutbox(ctx, store.OutboxRead{Rows: 10, Bytes: 1000})
	for _, r := range rows {
		c.note("row", kind(err), r.Seq, string(r.Data))
	}
	lags, err := c.db.LagOutbox(ctx, []int32{0, 5}, []int64{-1, 0})
	c.note("lag", kind(err), len(lags), lags[0].Last, lags[0].Rows, lags[0].Age >= 0)
	c.note("add", kind(c.db.AddRelayShards(ctx, []int32{0, 1})))
	leases, err := c.db.TakeRelayLeases(ctx, "a", time.Minute, []int32{0, 1}, 1)
	c.note("take", kind(err), leases)
	others, err := c.db.TakeRelayLeases(ctx, "b", time.Minute, []int32{0, 1}, 5)
	c.note("take what is left", kind(err), others)
	kept, err := c.db.RenewRelayLeases(ctx, time.Minute, []store.RelayLease{leases[0], {Home: 1, Term: 9}})
	c.note("renew", kind(err), kept)
	c.note("truncate too early", kind(c.db.TruncateOutbox(ctx, 0)))
	saved, err := c.db.SavePublished(ctx, []store.RelayLease{{Home: 0, Term: 1, PublishedSeq: 7}}, []int64{1})
	c.note("save over something else", kind(err), len(saved))
	saved, err = c.db.SavePublished(ctx, leases, []int64{1})
	c.note("save", kind(err), saved)
	switched, err := c.db.SwitchOutbox(ctx, 2, 1)
	c.note("switch from what is not active", kind(err), switched)
	switched, err = c.db.SwitchOutbox(ctx, 0, 1)
	c.note("switch", kind(err), switched)
	c.note("truncate", kind(c.db.TruncateOutbox(ctx, 0)))
	tables, err := c.db.OutboxTables(ctx)
	c.note("tables", kind(err), tables)
	c.note("release", kind(c.db.ReleaseRelayLeases(ctx, leases)))
	leases, err = c.db.TakeRelayLeases(ctx, "c", time.Minute, []int32{0}, 5)
	c.note("take what was released", kind(err), leases)
	homes, err := c.db.RelayHomes(ctx)
	c.note("homes", kind(err), homes)
	members, err := c.db.JoinRelays(ctx, "r", time.Minute)
	c.note("members", kind(err), members)
	c.note("leave", kind(c.db.LeaveRelays(ctx, "r")))
}
