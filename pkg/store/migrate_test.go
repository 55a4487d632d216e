package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/store"
)

func TestMigrateAtOnceFromSeveralProcesses(t *testing.T) {
	t.Parallel()
	url := devtest.Postgres(t)
	var all errgroup.Group
	for range 4 {
		all.Go(func() error { return store.Migrate(t.Context(), url) })
	}
	require.NoError(t, all.Wait())

	require.NoError(t, store.Migrate(t.Context(), url), "a migrated database is left as it is")
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var slots int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM outbox_active`).Scan(&slots))
	require.Equal(t, 1, slots, "each migration ran once")
}

func TestMigrateNamesWhatIsWrongWithTheDatabase(t *testing.T) {
	t.Parallel()
	err := store.Migrate(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	require.ErrorContains(t, err, "migrate database")
	require.ErrorContains(t, err, "connect")
}
