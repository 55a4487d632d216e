package orchestrator

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// sound is a database with an instance that waits for a message, one that waits
// for a task, a buffered message and a message start; no engine runs any more.
func sound(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, 2)
	f.deploy(waiting)
	f.produce(0, f.message("order", "o-1", "m-1", `{"orderId":"o-1"}`), f.message("order", "o-2", "m-2", `{"orderId":"o-2"}`),
		record(f.topics.messages, "nobody", `{"a":1}`, headers{wire.HeaderMessageName: "payment", wire.HeaderTTL: "PT1H"}))
	for _, command := range f.commands(2, "work") {
		if orderID(t, command) == "o-1" {
			f.produce(homeOfCommand(command), f.reply(command, `{}`, nil))
		}
	}
	f.ends(4)
	f.releaseAll()
	f.exec(`INSERT INTO relay_shard (home, published_seq) SELECT home, outbox_seq FROM home`)
	return f
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	tag, err := f.store.Pool.Exec(f.t.Context(), sql, args...)
	require.NoError(f.t, err, sql)
	require.NotZero(f.t, tag.RowsAffected(), "%s changes nothing", sql)
}

func (f *fixture) fsck(change ...func(*Fsck)) (checked Checked, found []Finding) {
	f.t.Helper()
	check := Fsck{Store: f.store, Pause: 5 * time.Millisecond, Settle: 50 * time.Millisecond, Found: func(x Finding) { found = append(found, x) }}
	for _, c := range change {
		c(&check)
	}
	checked, err := check.Run(context.Background())
	require.NoError(f.t, err)
	require.Len(f.t, found, checked.Findings)
	return checked, found
}

func repairing(f *Fsck) { f.Repair = true }

func TestFsckFindsNothingInASoundDatabase(t *testing.T) {
	t.Parallel()
	f := sound(t)
	checked, found := f.fsck()
	require.Empty(t, found)
	require.Equal(t, Checked{Instances: 2, Correlations: 2, Homes: 2}, checked)
}

// corruptions are things that hands, restores and defects do to a database, and
// what is said of each. Those that can be mended are gone after a repair.
var corruptions = map[string]struct {
	do     []string
	what   string
	says   string
	advice string
	mended bool
}{
	"timer lost": {
		do:   []string{`UPDATE instance SET next_due = NULL WHERE business_key = 'o-2'`},
		what: "timer", says: "but next_due is empty: it will be late, or never happen", advice: "--repair", mended: true,
	},
	"timer too late": {
		do:   []string{`UPDATE instance SET next_due = next_due + 1000 WHERE business_key = 'o-2'`},
		what: "timer", says: "something is due at", advice: "--repair", mended: true,
	},
	"incidents of nobody": {
		do:   []string{`UPDATE instance SET incidents = 7 WHERE business_key = 'o-2'`},
		what: "columns", says: "the columns say 7 incidents, parked false", advice: "--repair", mended: true,
	},
	"state cut off": {
		do:   []string{`UPDATE instance SET state = substring(state FROM 1 FOR length(state) - 1) WHERE business_key = 'o-2'`},
		what: "unreadable", says: "its inputs become dead letters", advice: "from a backup",
	},
	"model missing": {
		do:   []string{`UPDATE instance SET definition = 4711 WHERE business_key = 'o-2'`},
		what: "unreadable", says: "its model, definition 4711, is not there", advice: "table definition",
	},
	"row of another step": {
		do:   []string{`UPDATE instance SET version = version + 3 WHERE business_key = 'o-2'`},
		what: "version", says: "they are not of one step", advice: "restore the whole row",
	},
	"subscription lost": {
		do:   []string{`DELETE FROM correlation WHERE key = 'o-1'`},
		what: "subscription", says: `waits for message "payment" with key "o-1", but no message will find it`, advice: "cancel it",
	},
	"subscription of an instance that is gone": {
		do:   []string{`DELETE FROM instance WHERE business_key = 'o-1'`},
		what: "subscription", says: `message "payment" with key "o-1" has a subscription of it`, advice: "--repair", mended: true,
	},
	"correlation damaged": {
		do:   []string{`UPDATE correlation SET data = data || '\x00' WHERE key = 'nobody'`},
		what: "unreadable", says: "messages of this name and key become dead letters", advice: "send the messages again",
	},
	"buffered for ever": {
		do:   []string{`UPDATE correlation SET next_expiry = NULL WHERE next_expiry IS NOT NULL`},
		what: "expiry", says: "1 messages are buffered", advice: "--repair", mended: true,
	},
	"expired but not removed": {
		do: []string{`UPDATE relay_shard SET expires_at = 'infinity'`,
			`UPDATE correlation SET next_expiry = 1000, data = decode(replace(encode(data, 'hex'), encode(substring(data FROM 12 FOR 6), 'hex'), 'e88780808000'), 'hex') WHERE key = 'nobody'`},
		what: "expiry", says: "messages that expired at 1970-01-01T00:00:01Z are still buffered, though engines run", advice: "barnabas_homes_owned",
	},
	"outbox row deleted": {
		do: []string{`UPDATE relay_shard SET published_seq = published_seq - 1 WHERE published_seq = (SELECT max(outbox_seq) FROM home)`,
			`DELETE FROM outbox_0 WHERE seq = (SELECT max(outbox_seq) FROM home)`},
		what: "outbox", says: "is missing; ", advice: "restore the row",
	},
	"outbox row damaged": {
		do:   []string{`UPDATE relay_shard SET published_seq = 0`, `UPDATE outbox_0 SET data = '\xf2ff' WHERE home = 0 AND seq = 1`},
		what: "outbox", says: "row 1 can't be read", advice: "published_seq",
	},
	"published further than written": {
		do:   []string{`UPDATE relay_shard SET published_seq = 1000 WHERE home = 0`},
		what: "outbox", says: "it is published up to row 1000, but only", advice: "set published_seq",
	},
	"home set back": {
		do:   []string{`UPDATE home SET outbox_seq = 0 WHERE home = 0`, `UPDATE relay_shard SET published_seq = 0`},
		what: "outbox", says: "there is a row ", advice: "set outbox_seq",
	},
	"home that never was": {
		do:   []string{`UPDATE instance SET home = 9 WHERE business_key = 'o-2'`},
		what: "home", says: "no engine has ever owned it", advice: "it must have 10 at least",
	},
	"page of nobody": {
		do:   []string{`INSERT INTO instance_part (home, id, no, data) VALUES (1, gen_random_uuid(), 0, 'x')`},
		what: "orphan", says: "1 pages in instance_part belong to it, but it does not run", advice: "--repair", mended: true,
	},
	"message kept for nobody": {
		do:   []string{`INSERT INTO parked_input (home, id, input) VALUES (1, gen_random_uuid(), '\xffff')`},
		what: "orphan", says: "1 inputs are kept for it in parked_input, but it does not run", advice: "1 of them are messages",
	},
	"input kept for nobody": {
		do:   []string{`INSERT INTO parked_input (home, id, input) VALUES (1, gen_random_uuid(), '\x01')`},
		what: "orphan", says: "1 inputs are kept for it in parked_input, but it does not run", advice: "--repair", mended: true,
	},
	"input kept for one that is not parked": {
		do:   []string{`INSERT INTO parked_input (home, id, input) SELECT home, id, '\x01' FROM instance WHERE business_key = 'o-2'`},
		what: "kept-inputs", says: "1 inputs are kept for it in parked_input, but it is not parked", advice: "send them again",
	},
	"timer of an old version": {
		do:   []string{`INSERT INTO start_timer (home, definition, node, due, repetitions, interval) VALUES (0, 4711, 0, 1, 0, '')`},
		what: "start-timer", says: "a timer starts a definition that is not there", advice: "--repair", mended: true,
	},
	"history ahead": {
		do:   []string{`INSERT INTO history_instance SELECT id, 'waiting', 1, '', '', 'active', version + 1, 0, now() FROM instance WHERE business_key = 'o-2'`},
		what: "history", says: "the database, or this row, was set back to the past", advice: "Backup and restore",
	},
	"no outbox to write to": {
		do:   []string{`DELETE FROM outbox_active`},
		what: "outbox", says: "without it no batch can be stored", advice: "INSERT INTO outbox_active",
	},
}

func TestFsckTellsOfCorruptions(t *testing.T) {
	t.Parallel()
	for name, c := range corruptions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := sound(t)
			for _, sql := range c.do {
				_, err := f.store.Pool.Exec(t.Context(), sql)
				require.NoError(t, err, sql)
			}
			_, found := f.fsck()
			require.Len(t, found, 1, "%+v", found)
			require.Equal(t, c.what, found[0].What)
			require.NotEmpty(t, found[0].Key)
			require.Contains(t, found[0].Message, c.says)
			require.Contains(t, found[0].Advice, c.advice)
			require.False(t, found[0].Done, "nothing is changed unasked")
			require.Equal(t, c.mended, found[0].Repair != "")

			checked, again := f.fsck(repairing)
			require.Len(t, again, 1, "still there: it was only looked at")
			require.Equal(t, c.mended, again[0].Done)
			require.Equal(t, c.mended, checked.Repaired == 1)
			_, left := f.fsck()
			require.Equal(t, c.mended, len(left) == 0, "%+v", left)
		})
	}
}

// A row that has changed since it was looked at is not mended.
func TestFsckMendsOnlyWhatItSaw(t *testing.T) {
	t.Parallel()
	f := sound(t)
	f.exec(`UPDATE instance SET incidents = 7 WHERE business_key = 'o-2'`)
	r := &fsck{Fsck: Fsck{Store: f.store, Repair: true}}
	require.NoError(t, r.checkCatalogue(t.Context()))
	found := 0
	r.Found = func(x Finding) {
		found++
		require.False(t, x.Done)
	}
	require.NoError(t, f.store.ScanInstances(t.Context(), store.Place{}, 10, func(row *store.ScannedInstance) error {
		s, err := r.decode(t.Context(), row)
		require.NoError(t, err)
		row.Version-- // as it was a step ago
		return r.checkColumns(t.Context(), row, s)
	}))
	require.Equal(t, 1, found)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM instance WHERE incidents = 7`))
}

// What engines do all the time is no inconsistency: while messages go to
// instances at other homes and instances end, the check finds nothing.
func TestFsckFindsNothingBesideARunningEngine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	f.deploy(waiting)
	const orders = 300
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.check(ctx) }()
	taken := 0
	for i := range orders {
		id := fmt.Sprintf("o-%d", i)
		f.produce(int32(i%2), f.message("order", id, "m-"+id, fmt.Sprintf(`{"orderId":%q}`, id)))
		taken++
	}
	for i, command := range f.commands(orders, "work") {
		f.produce(homeOfCommand(command), f.reply(command, `{}`, nil))
		f.produce(int32(i%2), f.message("payment", orderID(t, command), "", `{}`)) // every other one arrives at the other home
		taken += 2
	}
	forwarded := make(map[int64]bool)
	f.until("all ended", func() bool {
		f.forward(forwarded)
		return f.count(`SELECT count(*) FROM instance`) == 0
	})
	cancel()
	require.NoError(t, <-done)
	_, found := f.fsck()
	require.Empty(t, found)
}

// check checks over and over until ctx ends, three times at least.
func (f *fixture) check(ctx context.Context) error {
	var found error
	for runs := 0; found == nil && (ctx.Err() == nil || runs < 3); runs++ {
		_, err := Fsck{Store: f.store, Pause: 5 * time.Millisecond, Settle: 5 * time.Second, Found: func(x Finding) {
			found = fmt.Errorf("run %d: %+v", runs, x)
		}}.Run(context.Background())
		if err != nil {
			return err
		}
	}
	return found
}

// forward brings the control records that were offered to their homes, once each.
func (f *fixture) forward(seen map[int64]bool) {
	all, _ := f.relay.all()
	for i, r := range all {
		if r.Topic == f.topics.control && !seen[int64(i)] {
			seen[int64(i)] = true
			f.produce(r.Partition, r)
		}
	}
}
