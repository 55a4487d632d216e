package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DecisionModel is a deployed DMN model with the versions of its decisions.
type DecisionModel struct {
	ID        int64
	Namespace string
	Resource  string
	Imports   []int64 // ids of the models it imports
	XML       []byte
	Decisions []Decision
}

// Decision is a deployed version of a decision or decision service.
type Decision struct {
	ID         int64
	Model      int64 // id of its model
	DecisionID string
	Version    int32
	VersionTag string
	Name       string
}

// NewDecisionModel is a DMN model to deploy.
type NewDecisionModel struct {
	Namespace string
	Resource  string
	XML       []byte
	// Imports are ids of deployed models, ImportsNew places of models that come
	// before this one in the same deployment.
	Imports    []int64
	ImportsNew []int
	Decisions  []NewDecision
}

// NewDecision is a decision of a model to deploy.
type NewDecision struct{ DecisionID, VersionTag, Name string }

// decisionDeployment stores the models of a deployment one after the other.
type decisionDeployment struct {
	tx       pgx.Tx
	deployed []DecisionModel
	sums     [][]byte // checksums of deployed
}

// add stores a model and gives each of its decisions a new version; a model that
// is the latest of all its decisions, with the same imports, stays what it is.
func (d *decisionDeployment) add(ctx context.Context, n *NewDecisionModel) error {
	imports, sum, err := d.link(ctx, n)
	if err != nil {
		return err
	}
	m := DecisionModel{Namespace: n.Namespace, Resource: n.Resource, Imports: imports, XML: n.XML}
	m.ID, err = unchanged(ctx, d.tx, n, sum)
	switch {
	case err != nil:
		return err
	case m.ID != 0:
		m.Decisions, err = decisionsOf(ctx, d.tx, m.ID)
	default:
		err = insertModel(ctx, d.tx, &m, n.Decisions, sum)
	}
	d.deployed, d.sums = append(d.deployed, m), append(d.sums, sum)
	return err
}

// link gives the ids of a model's imports, and a checksum of all that it consists of.
func (d *decisionDeployment) link(ctx context.Context, n *NewDecisionModel) (imports []int64, sum []byte, err error) {
	h := sha256.New()
	h.Write(n.XML)
	imports = append([]int64{}, n.Imports...)
	for _, id := range n.Imports {
		var of []byte
		if err := d.tx.QueryRow(ctx, `SELECT checksum FROM decision_model WHERE id = $1`, id).Scan(&of); err != nil {
			return nil, nil, fmt.Errorf("imported model %d: %w", id, err)
		}
		h.Write(of)
	}
	for _, i := range n.ImportsNew {
		imports = append(imports, d.deployed[i].ID)
		h.Write(d.sums[i])
	}
	return imports, h.Sum(nil), nil
}

// unchanged is the id of the stored model that n would only repeat, 0 without one.
func unchanged(ctx context.Context, tx pgx.Tx, n *NewDecisionModel, sum []byte) (id int64, err error) {
	ids := make([]string, len(n.Decisions))
	for i, d := range n.Decisions {
		ids[i] = d.DecisionID
	}
	err = tx.QueryRow(ctx, `
		SELECT m.id FROM decision_model m
		WHERE m.namespace = $1 AND m.checksum = $2
		  AND m.id = (SELECT max(id) FROM decision_model WHERE namespace = $1 AND checksum = $2)
		  AND CASE WHEN cardinality($3::text[]) = 0 THEN m.id = (SELECT max(id) FROM decision_model WHERE namespace = $1)
		      ELSE NOT EXISTS (SELECT FROM unnest($3::text[]) AS wanted(decision_id) WHERE m.id IS DISTINCT FROM
		          (SELECT d.model FROM decision d WHERE d.decision_id = wanted.decision_id ORDER BY d.version DESC LIMIT 1)) END`,
		n.Namespace, sum, ids).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func insertModel(ctx context.Context, tx pgx.Tx, m *DecisionModel, decisions []NewDecision, sum []byte) error {
	err := tx.QueryRow(ctx, `
		INSERT INTO decision_model (namespace, resource, checksum, imports, xml) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		m.Namespace, m.Resource, sum, m.Imports, m.XML).Scan(&m.ID)
	if err != nil {
		return err
	}
	for _, n := range decisions {
		d := Decision{Model: m.ID, DecisionID: n.DecisionID, VersionTag: n.VersionTag, Name: n.Name}
		err := tx.QueryRow(ctx, `
			INSERT INTO decision (model, decision_id, version, version_tag, name)
			SELECT $1, $2, 1 + coalesce(max(version), 0), $3, $4 FROM decision WHERE decision_id = $2
			RETURNING id, version`,
			m.ID, n.DecisionID, n.VersionTag, n.Name).Scan(&d.ID, &d.Version)
		if err != nil {
			return fmt.Errorf("decision %s: %w", n.DecisionID, err)
		}
		m.Decisions = append(m.Decisions, d)
	}
	return nil
}

const selectDecisions = `SELECT id, model, decision_id, version, version_tag, name FROM decision `

func decisionsOf(ctx context.Context, tx pgx.Tx, model int64) ([]Decision, error) {
	rows, err := tx.Query(ctx, selectDecisions+`WHERE model = $1 ORDER BY id`, model)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Decision])
}

// readModels reads the models that the batch asks for, then their decisions.
func readModels(res pgx.BatchResults) ([]DecisionModel, error) {
	rows, err := res.Query()
	if err != nil {
		return nil, err
	}
	models, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m DecisionModel, err error) {
		return m, row.Scan(&m.ID, &m.Namespace, &m.Resource, &m.Imports, &m.XML)
	})
	if err != nil {
		return nil, err
	}
	if rows, err = res.Query(); err != nil {
		return nil, err
	}
	decisions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Decision])
	next := 0
	for i := range models { // both are in order of the model
		first := next
		for next < len(decisions) && decisions[next].Model == models[i].ID {
			next++
		}
		models[i].Decisions = decisions[first:next]
	}
	return models, err
}
