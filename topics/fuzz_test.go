package topics

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// FuzzDeclarations reads a file of declarations beside the built-in ones: what
// is accepted gives every topic a possible name, partitions and a retention.
func FuzzDeclarations(f *testing.F) {
	f.Fuzz(func(t *testing.T, yaml []byte) {
		s, err := declared(yaml)
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = declared(yaml) }), float64(20_000+100*len(yaml)))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		for name, topic := range s.All() {
			require.NoError(t, wire.CheckTopic(name))
			require.Positive(t, topic.Partitions, name)
		}
		names := s.Names()
		for _, topic := range append(s.ReplyTopics(), names.Results(), names.Control(), names.Messages(), names.Status()) {
			require.Contains(t, s.All(), topic)
			require.Contains(t, s.All(), names.DeadLetter(topic))
		}
		for _, own := range s.TaskTypes {
			topic, err := names.Task(own.Type)
			require.Equal(t, own.Type == "*", err != nil)
			require.True(t, err != nil || topic == s.Actual(s.TaskTopic(own.Type)))
			require.Positive(t, s.TaskType(own.Type).Partitions)
		}
	})
}

func declared(yaml []byte) (*Set, error) {
	s := &Set{}
	if err := s.read(Embedded, "built-in"); err != nil {
		return nil, err
	}
	if err := s.read(fstest.MapFS{"own.yaml": {Data: yaml}}, "own"); err != nil {
		return nil, err
	}
	return s, s.validate()
}
