package orchestrator

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The hot path writes and never reads: nothing can wait for a message that only
// starts processes, and a result finds its instance in the cache.
func TestStartAndResultReadNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.deploy(oneTask)
	f.produce(0, f.message("order", "first", "", `{}`))
	f.commands(1, "work") // everything is set up
	const rounds = 50
	before := f.store.Pool.Stat().AcquireCount()
	for i := range rounds {
		f.produce(0, f.message("order", fmt.Sprint("o", i), "", `{}`))
		cmd := f.commands(i+2, "work")[i+1]
		f.produce(0, f.reply(cmd, `{}`, nil))
		f.statuses(i+1, "completed")
	}
	reads := f.store.Pool.Stat().AcquireCount() - before
	require.Less(t, reads, int64(rounds/5), "only now and then somebody looks what is due")
}
