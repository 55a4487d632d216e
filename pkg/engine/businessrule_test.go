package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/dmn"
)

// deployedDecisions are those of a transcript, the latest last.
type deployedDecisions []deployedDecision

type deployedDecision struct {
	DeployedDecision
	tag      string
	together bool // with the process
}

func (all deployedDecisions) deploy(t testing.TB, file string, together bool) deployedDecisions {
	xml, err := os.ReadFile(filepath.Join("testdata/businessrule", file))
	require.NoError(t, err)
	model, err := dmn.Parse(xml, dmn.Config{})
	require.NoError(t, err)
	for _, d := range model.Decisions {
		version := int32(1)
		for _, earlier := range all {
			if earlier.ID == d.ID {
				version++
			}
		}
		all = append(all[:len(all):len(all)], deployedDecision{DeployedDecision{ID: d.ID, Version: version, Model: model}, d.VersionTag, together})
	}
	return all
}

func (all deployedDecisions) Decision(ref DecisionRef) *DeployedDecision {
	for i := len(all) - 1; i >= 0; i-- {
		d := &all[i]
		wanted := map[bpmn.Binding]bool{
			bpmn.BindLatest: true, bpmn.BindDeployment: d.together,
			bpmn.BindVersion: d.Version == ref.Version, bpmn.BindVersionTag: d.tag == ref.VersionTag,
		}
		if d.ID == ref.ID && wanted[ref.Binding] {
			return &d.DeployedDecision
		}
	}
	return nil
}
