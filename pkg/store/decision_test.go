package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// dish is a model of the decisions given.
func dish(xml string, decisions ...string) store.NewDecisionModel {
	m := store.NewDecisionModel{Namespace: "urn:dish", Resource: "dish.dmn", XML: []byte(xml)}
	for _, id := range decisions {
		m.Decisions = append(m.Decisions, store.NewDecision{DecisionID: id, Name: "The " + id})
	}
	return m
}

// versions are those of the decisions of a deployment.
func versions(d store.Deployed) map[string]int32 {
	found := map[string]int32{}
	for _, m := range d.Models {
		for _, decision := range m.Decisions {
			found[decision.DecisionID] = decision.Version
		}
	}
	return found
}

func TestDecisionsGetVersions(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	deploy := func(models ...store.NewDecisionModel) map[string]int32 {
		d, err := s.Deploy(t.Context(), store.NewDeployment{Models: models})
		require.NoError(t, err)
		return versions(d)
	}
	require.Equal(t, map[string]int32{"dish": 1, "season": 1}, deploy(dish("<a/>", "dish", "season")))
	require.Equal(t, map[string]int32{"dish": 1, "season": 1}, deploy(dish("<a/>", "dish", "season")), "nothing has changed")
	require.Equal(t, map[string]int32{"dish": 2}, deploy(dish("<b/>", "dish")))
	require.Equal(t, map[string]int32{"dish": 3, "season": 2}, deploy(dish("<a/>", "dish", "season")), "no longer the latest of all its decisions")
	require.Empty(t, deploy(dish("<types/>")), "models may be there to be imported only")

	all, err := s.Catalogue(t.Context(), store.Seen{})
	require.NoError(t, err)
	require.Len(t, all.Models, 4)
	require.EqualValues(t, 5, all.Generation)
	require.Equal(t, []string{"dish", "season"}, []string{all.Models[2].Decisions[0].DecisionID, all.Models[2].Decisions[1].DecisionID})
	require.Equal(t, "The dish", all.Models[1].Decisions[0].Name)
	require.Empty(t, all.Models[3].Decisions)

	last, err := s.Catalogue(t.Context(), store.Seen{Model: all.Models[1].ID})
	require.NoError(t, err)
	require.Equal(t, all.Models[2:], last.Models)
}

// What a model imports is part of it: a new version of the import makes a new version.
func TestImportsArePartOfAModel(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	types := func(xml string) store.NewDecisionModel {
		return store.NewDecisionModel{Namespace: "urn:types", Resource: "types.dmn", XML: []byte(xml)}
	}
	importing := dish("<a/>", "dish")
	importing.ImportsNew = []int{0}
	deploy := func(models ...store.NewDecisionModel) store.Deployed {
		d, err := s.Deploy(t.Context(), store.NewDeployment{Models: models})
		require.NoError(t, err)
		return d
	}
	first := deploy(types("<t/>"), importing)
	require.Equal(t, []int64{first.Models[0].ID}, first.Models[1].Imports)
	require.Equal(t, first.Models[0].ID, deploy(types("<t/>"), importing).Models[0].ID)
	require.Equal(t, map[string]int32{"dish": 2}, versions(deploy(types("<u/>"), importing)))

	stored := dish("<a/>", "dish")
	stored.Imports = []int64{first.Models[0].ID}
	require.Equal(t, map[string]int32{"dish": 3}, versions(deploy(stored)), "the old import makes the old model, which is no longer the latest")

	stored.Imports = []int64{-1}
	_, err := s.Deploy(t.Context(), store.NewDeployment{Models: []store.NewDecisionModel{stored}})
	require.ErrorContains(t, err, "model dish.dmn: imported model -1")
}

// A process that is bound to the decisions of its deployment changes with them;
// others don't.
func TestProcessesAreBoundToTheirDecisions(t *testing.T) {
	t.Parallel()
	s := outboxStore(t)
	deploy := func(xml string, bound bool) (store.Definition, int64) {
		d, err := s.Deploy(t.Context(), store.NewDeployment{
			Models:    []store.NewDecisionModel{dish(xml, "dish")},
			Processes: []store.NewDefinition{{ProcessID: map[bool]string{true: "bound", false: "free"}[bound], XML: []byte("<p/>"), Bound: bound}},
		})
		require.NoError(t, err)
		return d.Definitions[0], d.Models[0].Decisions[0].ID
	}
	for _, bound := range []bool{true, false} {
		first, decision := deploy("<a/>", bound)
		require.Equal(t, []int64{decision}, first.Decisions)
		again, _ := deploy("<a/>", bound)
		require.Equal(t, first.Version, again.Version)
		second, other := deploy("<b/>", bound)
		require.NotEqual(t, decision, other)
		require.Equal(t, bound, second.Version != first.Version)

		alone, err := s.Deploy(t.Context(), store.NewDeployment{Processes: []store.NewDefinition{{ProcessID: second.ProcessID, XML: []byte("<p/>"), Bound: bound}}})
		require.NoError(t, err)
		require.Equal(t, second.ID, alone.Definitions[0].ID, "nothing has changed: it keeps the decisions it came with")
		require.Equal(t, second.Decisions, alone.Definitions[0].Decisions)
	}
}
