package sim_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/internal/randomprocess"
	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/sim"
)

// TestRandomProcessesAreModels sees that what the generator writes can be deployed.
func TestRandomProcessesAreModels(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		text := randomprocess.Generate(rand.New(rand.NewPCG(seed, 0)))
		_, err := bpmn.Parse(sim.Model("random", text), bpmn.Config{})
		require.NoError(t, err, "seed %d\n%s", seed, text)
	}
}
