package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecodePaged reads a large instance, one of whose pages is damaged: an
// error, or a state that can be used without a panic. Directory and pages tell
// of each other, so most damage is noticed.
func FuzzDecodePaged(f *testing.F) {
	p := branches(f, 1000)
	s := NewState(p, Identity{})
	_, err := Decide(p, s, Start{Now: beginning, Node: p.Start})
	require.NoError(f, err)
	stored := s.Changes()
	require.NotEmpty(f, stored.Parts)
	f.Add(stored.Header, stored.Parts[0].Data, byte(0))
	last := byte(len(stored.Parts) - 1)
	f.Add(stored.Header, stored.Parts[last].Data, last)
	f.Add(stored.Header, []byte{}, last)
	f.Fuzz(func(t *testing.T, header, part []byte, no byte) {
		parts := append([]Part(nil), stored.Parts...)
		parts[int(no)%len(parts)].Data = part
		read := func() (*State, error) { return DecodeState(p, InstanceID{}, 0, header, parts) }
		require.LessOrEqual(t, testing.AllocsPerRun(1, func() { _, _ = read() }), float64(20*(len(header)+len(part))+20_000))
		s, err := read()
		if err != nil {
			return
		}
		s.Incidents()
		s.OpenSubscriptions()
		s.NextDue()
		s.Changes()
		if s.Sequence == 0 || s.Ended() {
			return
		}
		for _, in := range []Input{Tick{Now: beginning.AddDate(10, 0, 0)}, TaskResult{Now: beginning, Task: 1, Attempt: 1}, Cancel{Now: beginning}} {
			_, err := Decide(p, s, in)
			require.NoError(t, err)
		}
		require.True(t, s.Ended())
	})
}
