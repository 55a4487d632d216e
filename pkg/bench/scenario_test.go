package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

func TestModelsDeployAndHaveTheirTasks(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		require.Equal(t, name, s.Name)
		xml, err := s.model()
		require.NoError(t, err)
		m, err := bpmn.Parse(xml, bpmn.Config{})
		require.NoError(t, err)
		require.Len(t, m.Processes, 1)
		p := m.Processes[0]
		require.Len(t, p.MessageStarts, 1)
		require.Empty(t, p.Warnings)
		tasks := 0
		for _, n := range p.Nodes {
			if n.Kind == bpmn.ServiceTask {
				tasks++
			}
		}
		require.Equal(t, s.Tasks, tasks)
		require.Contains(t, string(xml), `name="`+s.Message+`"`)
		require.Contains(t, string(xml), `type="`+s.TaskType+`"`)
	}
}
