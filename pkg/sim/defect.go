package sim

import (
	"encoding/binary"
	"errors"

	"hash/fnv"

	"github.com/barnabas-project/barnabas/pkg/engine"
)

var errDefect = errors.New("simulated: a defect of the engine")

// defective tells whether the engine fails on an input. It depends on nothing but
// the instance and how far it is, so that deciding again fails again.
func (w *World) defective(s *engine.State, in engine.Input) bool {
	if !w.cfg.Faults.Defects || w.calm || s.Ended() {
		return false
	}
	switch in.(type) {
	case engine.Start, engine.Cancel, engine.ResolveIncident:
		return false
	}
	b := binary.LittleEndian.AppendUint64(append([]byte(nil), s.ID[:]...), s.Sequence)
	h := fnv.New64a()
	_, _ = h.Write(b) // never fails
	return h.Sum64()%150 == 0
}
