package dmn

import (
	"slices"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// HitPolicy says what a table with several matching rules gives (DMN 1.5 section
// 8.2.10).
type HitPolicy string

// The hit policies. The first four have one result, the others a list of all, or
// what is computed of the list.
const (
	Unique       HitPolicy = "UNIQUE"       // at most one rule may match
	Any          HitPolicy = "ANY"          // all that match have the same outputs
	Priority     HitPolicy = "PRIORITY"     // the outputs that come first in the output values
	First        HitPolicy = "FIRST"        // the first that matches
	RuleOrder    HitPolicy = "RULE ORDER"   // in the order of the rules
	OutputOrder  HitPolicy = "OUTPUT ORDER" // in the order of the output values
	Collect      HitPolicy = "COLLECT"      // in any order: here that of the rules
	CollectSum   HitPolicy = "COLLECT SUM"
	CollectMin   HitPolicy = "COLLECT MIN"
	CollectMax   HitPolicy = "COLLECT MAX"
	CollectCount HitPolicy = "COLLECT COUNT"
)

var hitPolicies = map[string]HitPolicy{
	"": Unique, "UNIQUE": Unique, "ANY": Any, "PRIORITY": Priority, "FIRST": First,
	"RULE ORDER": RuleOrder, "OUTPUT ORDER": OutputOrder, "COLLECT": Collect,
	"U": Unique, "A": Any, "P": Priority, "F": First, "R": RuleOrder, "O": OutputOrder, "C": Collect,
	"C+": CollectSum, "C<": CollectMin, "C>": CollectMax, "C#": CollectCount,
}

// aggregations are the functions of expressions that compute a collected result.
var aggregations = map[HitPolicy]string{CollectSum: "sum(list)", CollectMin: "min(list)", CollectMax: "max(list)"}

func (h HitPolicy) ordersOutputs() bool { return h == Priority || h == OutputOrder }

// isSingle tells whether the result is that of one rule.
func (h HitPolicy) isSingle() bool { return h == Unique || h == Any || h == Priority || h == First }

// apply gives the value of a table of the outputs of the rules that match, of
// which there is at least one.
func (t *table) apply(r *evaluation, hits []hit) (expr.Value, error) {
	if t.policy.ordersOutputs() {
		slices.SortStableFunc(hits, func(a, b hit) int { return slices.Compare(a.ranks, b.ranks) })
	}
	switch t.policy {
	case Unique:
		if len(hits) > 1 {
			return r.violate(t.id, "the rules %d and %d both match, but the hit policy is UNIQUE", hits[0].index+1, hits[1].index+1)
		}
	case Any:
		for _, h := range hits[1:] {
			if equal, _ := expr.Equal(h.value, hits[0].value); !equal {
				return r.violate(t.id, "the rules %d and %d both match with different outputs, but the hit policy is ANY", hits[0].index+1, h.index+1)
			}
		}
	case CollectCount:
		return expr.Int(int64(len(hits))), nil
	}
	if t.policy.isSingle() {
		return hits[0].value, nil
	}
	values := make([]expr.Value, len(hits))
	for i, h := range hits {
		values[i] = h.value
	}
	return t.aggregate(r, expr.List(values...))
}

func (t *table) aggregate(r *evaluation, list expr.Value) (expr.Value, error) {
	if t.aggregation == nil {
		return list, r.room(list)
	}
	v, err := t.aggregation.Evaluate(r.in(with(nil, "list", list)))
	return v, r.done(t.id, err)
}

// noMatch is the value of a table of which no rule matches: the default outputs,
// 0 where rules are counted, else null.
func (t *table) noMatch(r *evaluation, s expr.Scope) (expr.Value, error) {
	if t.policy == CollectCount {
		return expr.Int(0), nil
	}
	if !slices.ContainsFunc(t.outputs, func(o output) bool { return o.otherwise != nil }) {
		return expr.Null(), nil
	}
	values := make([]expr.Value, len(t.outputs))
	for i, o := range t.outputs {
		if o.otherwise == nil {
			continue
		}
		var err error
		if values[i], err = o.otherwise.evaluate(r, s); err != nil {
			return expr.Null(), err
		}
	}
	v := t.record(values)
	if t.policy.isSingle() || t.aggregation != nil {
		return v, nil
	}
	return expr.List(v), nil
}
