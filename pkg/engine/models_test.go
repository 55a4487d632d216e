package engine

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// TestParsedModels runs the models that package bpmn accepts in its own tests:
// what it compiles must be what is executed, in every dialect.
func TestParsedModels(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../bpmn/testdata/*.bpmn")
	require.NoError(t, err)
	executed := 0
	for _, file := range files {
		xml, err := os.ReadFile(file)
		require.NoError(t, err)
		model, err := bpmn.Parse(xml, bpmn.Config{})
		if err != nil {
			continue // models that are there to be refused
		}
		for _, p := range model.Processes {
			executed++
			for seed := range uint64(20) {
				disturbModel(t, p, seed)
			}
		}
	}
	require.Positive(t, executed)
}

func disturbModel(t *testing.T, p *bpmn.Process, seed uint64) {
	u := &universe{witness: newWitness(t, p), random: rand.New(rand.NewPCG(seed, 1))}
	starts := append(append([]int{}, p.MessageStarts...), p.TimerStarts...)
	if p.Start != bpmn.None {
		starts = append(starts, p.Start)
	}
	u.decide(Start{
		Now: u.now, Node: starts[u.random.IntN(len(starts))], BusinessKey: "b-1",
		Variables: u.variables(`{"order": {"id": 1, "total": 10, "channel": "mail", "receipt": "r"}, "attempts": 2,
			"claimId": 7, "customer": "K.", "kind": "fire", "factor": 2, "claim": {}, "result": {"verdict": "unclear"},
			"channel": "mail", "region": "eu", "patience": "PT5M", "amount": 60, "tries": 1, "again": false}`),
	})
	for range 80 {
		if u.s.Ended() {
			return
		}
		u.disturb()
	}
}
