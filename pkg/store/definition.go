package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Definition is a deployed version of a process.
type Definition struct {
	ID         int64
	ProcessID  string
	Version    int32
	VersionTag string
	Resource   string
	XML        []byte
	Decisions  []int64 // ids of the decision versions that were deployed in one go with it
}

// NewDefinition is a process to deploy.
type NewDefinition struct {
	ProcessID   string
	VersionTag  string
	Resource    string
	XML         []byte
	StartTimers []NewStartTimer
	// Bound says that the process asks for decisions of its own deployment: other
	// decisions make another process.
	Bound bool
}

// NewStartTimer is a timer start event of a process to deploy.
type NewStartTimer struct {
	Home        int32
	Node        int32
	Due         int64 // unix ms
	Repetitions int32
	Interval    string
}

// NewDeployment is what is deployed in one go.
type NewDeployment struct {
	Models    []NewDecisionModel
	Processes []NewDefinition
}

// Deployed is what a deployment led to, in the order of what was given: new
// versions, and the old ones of what has not changed.
type Deployed struct {
	Models      []DecisionModel
	Definitions []Definition
}

// Deploy stores processes and decisions as new versions, in one transaction. What
// has not changed since its latest version keeps it. The timer start events of
// older versions end.
func (s *Store) Deploy(ctx context.Context, n NewDeployment) (Deployed, error) {
	var deployed Deployed
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		// Taking the row first makes deployments one after the other.
		if _, err := tx.Exec(ctx, `UPDATE catalogue SET generation = generation + 1`); err != nil {
			return err
		}
		decisions := decisionDeployment{tx: tx}
		for i := range n.Models {
			if err := decisions.add(ctx, &n.Models[i]); err != nil {
				return fmt.Errorf("model %s: %w", n.Models[i].Resource, err)
			}
		}
		deployed = Deployed{Models: decisions.deployed}
		for i := range n.Processes {
			d, err := deployOne(ctx, tx, &n.Processes[i], deployed.decisions())
			if err != nil {
				return fmt.Errorf("process %s: %w", n.Processes[i].ProcessID, err)
			}
			deployed.Definitions = append(deployed.Definitions, d)
		}
		return nil
	})
	if err != nil {
		return Deployed{}, fmt.Errorf("deploy: %w", err)
	}
	return deployed, nil
}

// decisions are the ids of all decision versions of the deployment.
func (d *Deployed) decisions() []int64 {
	ids := []int64{}
	for _, m := range d.Models {
		for _, decision := range m.Decisions {
			ids = append(ids, decision.ID)
		}
	}
	return ids
}

func deployOne(ctx context.Context, tx pgx.Tx, n *NewDefinition, decisions []int64) (Definition, error) {
	d := Definition{ProcessID: n.ProcessID, VersionTag: n.VersionTag, Resource: n.Resource, XML: n.XML}
	var latest []byte
	err := tx.QueryRow(ctx, `
		SELECT id, version, checksum, decisions FROM definition WHERE process_id = $1 ORDER BY version DESC LIMIT 1`,
		n.ProcessID).Scan(&d.ID, &d.Version, &latest, &d.Decisions)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return d, err
	}
	if len(decisions) == 0 && string(latest) == string(n.checksum(d.Decisions)) {
		return d, nil // also if it is bound: it keeps the decisions it came with
	}
	sum := n.checksum(decisions)
	if string(latest) == string(sum) {
		return d, nil
	}
	d.Version++
	d.Decisions = decisions
	err = tx.QueryRow(ctx, `
		INSERT INTO definition (process_id, version, version_tag, resource, checksum, xml, decisions)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
		d.ProcessID, d.Version, d.VersionTag, d.Resource, sum, d.XML, d.Decisions).Scan(&d.ID)
	if err != nil {
		return d, err
	}
	return d, replaceStartTimers(ctx, tx, d, n.StartTimers)
}

// checksum tells a process from another: by its model and, if it is bound to
// them, by the decisions deployed with it.
func (n *NewDefinition) checksum(decisions []int64) []byte {
	h := sha256.New()
	h.Write(n.XML)
	if n.Bound {
		for _, id := range decisions {
			_ = binary.Write(h, binary.BigEndian, id) // a hash takes everything
		}
	}
	return h.Sum(nil)
}

func replaceStartTimers(ctx context.Context, tx pgx.Tx, d Definition, timers []NewStartTimer) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM start_timer t USING definition d WHERE t.definition = d.id AND d.process_id = $1`, d.ProcessID)
	if err != nil {
		return err
	}
	for _, t := range timers {
		_, err := tx.Exec(ctx, `
			INSERT INTO start_timer (home, definition, node, due, repetitions, interval) VALUES ($1, $2, $3, $4, $5, $6)`,
			t.Home, d.ID, t.Node, t.Due, t.Repetitions, t.Interval)
		if err != nil {
			return err
		}
	}
	return nil
}

// Seen is how much of the catalogue is known: the highest ids.
type Seen struct{ Definition, Model int64 }

// Catalogue is what was deployed, in order of ids, and the generation it belongs to.
type Catalogue struct {
	Generation  int64
	Definitions []Definition
	Models      []DecisionModel
}

// Catalogue reads what was deployed after what is seen, on one snapshot.
func (s *Store) Catalogue(ctx context.Context, after Seen) (c Catalogue, err error) {
	b := &pgx.Batch{}
	b.Queue(`SELECT generation FROM catalogue`)
	b.Queue(`SELECT id, process_id, version, version_tag, resource, xml, decisions FROM definition WHERE id > $1 ORDER BY id`, after.Definition)
	b.Queue(`SELECT id, namespace, resource, imports, xml FROM decision_model WHERE id > $1 ORDER BY id`, after.Model)
	b.Queue(selectDecisions+`WHERE model > $1 ORDER BY model, id`, after.Model)
	err = s.readTogether(ctx, b, func(res pgx.BatchResults) error {
		if err := res.QueryRow().Scan(&c.Generation); err != nil {
			return err
		}
		rows, err := res.Query()
		if err != nil {
			return err
		}
		if c.Definitions, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Definition]); err != nil {
			return err
		}
		c.Models, err = readModels(res)
		return err
	})
	if err != nil {
		return Catalogue{}, fmt.Errorf("load definitions: %w", err)
	}
	return c, nil
}

// DueStartTimers lists the timer start events of a home due by now (unix ms),
// and when the next one is due (0: none).
func (s *Store) DueStartTimers(ctx context.Context, home int32, now int64, limit int) (due []StartTimerRow, next int64, err error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT definition, node, due, repetitions, interval FROM start_timer WHERE home = $1 ORDER BY due LIMIT $2`, home, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("look for start timers of home %d: %w", home, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StartTimerRow])
	if err != nil {
		return nil, 0, fmt.Errorf("look for start timers of home %d: %w", home, err)
	}
	for _, t := range all {
		if t.Due <= now && len(due) < limit {
			due = append(due, t)
		} else if next == 0 {
			next = t.Due
		}
	}
	return due, next, nil
}
