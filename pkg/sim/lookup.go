package sim

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/barnabas-project/barnabas/pkg/store"
)

// FindHome tells at which home an instance runs.
func (d *Database) FindHome(_ context.Context, id [16]byte) (home int32, ok bool, err error) {
	for k := range d.instances {
		if k.id == id {
			return k.home, true, nil
		}
	}
	return 0, false, nil
}

// FindInstances lists running instances in the order of their ids.
func (d *Database) FindInstances(_ context.Context, q store.InstanceQuery) (found []store.FoundInstance, err error) {
	for k, row := range d.instances {
		def := d.definitions[row.Definition-1]
		if bytes.Compare(k.id[:], q.After[:]) <= 0 || q.ProcessID != "" && q.ProcessID != def.ProcessID ||
			q.BusinessKey != "" && q.BusinessKey != row.BusinessKey || q.Incident && row.Incidents == 0 {
			continue
		}
		f := store.FoundInstance{
			ID: k.id, Home: k.home, Version: row.Version, ProcessID: def.ProcessID, ProcessVer: def.Version,
			BusinessKey: row.BusinessKey, Incidents: row.Incidents, Parked: row.Parked,
		}
		if row.NextDue != 0 {
			due := row.NextDue
			f.NextDue = &due
		}
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b store.FoundInstance) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return found[:min(len(found), cmp.Or(max(q.Limit, 0), 100))], nil
}
