package main

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// A running system is checked, something goes wrong in its database, is told of
// to people and programs, and mended while the engine goes on.
func TestFsckTellsAndMends(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.startEngine(t).deploy(t, "two-tasks.bpmn")
	s.publish(t, "ordered", "order-1")
	db, err := pgx.Connect(t.Context(), s.database)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	eventually(t, "the instance runs", func() bool {
		tag, err := db.Exec(t.Context(), `UPDATE instance SET incidents = 7`)
		return err == nil && tag.RowsAffected() == 1
	})
	fsck := func(flags ...string) answered {
		return commandLine(t, append(append([]string{"fsck", "--group", s.names.Prefix + "engines"}, s.flags()...), flags...)...)
	}

	told := fsck()
	require.Equal(t, exitRefused, told.code, told)
	require.Regexp(t, `(?m)^columns [0-9a-f-]{36}: the columns say 7 incidents, .*\n  do: let --repair set the columns$`, told.out)
	require.Contains(t, told.out, "checked 1 instances, 0 correlations and 8 homes;")
	require.Regexp(t, `history has \d+ records to take\n1 findings, 0 repaired`, told.out)
	require.Contains(t, told.errors, "orchestrator: 1 findings")

	again := fsck("--json")
	require.Equal(t, exitRefused, again.code, "nothing was changed unasked")
	again.code = 0
	report := as[fsckReport](t, again)
	require.Len(t, report.List, 1)
	require.Equal(t, "columns", report.List[0].What)
	require.NotEmpty(t, report.List[0].Repair)

	mended := fsck("--repair")
	require.Zero(t, mended.code, mended)
	require.Contains(t, mended.out, "  repaired: set the columns to what the state says")
	require.Contains(t, mended.out, "1 findings, 1 repaired")
	require.Zero(t, as[fsckReport](t, fsck("--json")).Findings)
}

func TestFsckNeedsADatabase(t *testing.T) {
	t.Parallel()
	a := commandLine(t, "fsck", "--brokers", "127.0.0.1:1")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.errors, "--database")
}
