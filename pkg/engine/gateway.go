package engine

import (
	"github.com/barnabas-project/barnabas/pkg/bpmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

// chooseFlows plans which outgoing flows a token leaves by: one of an exclusive
// gateway; of everything else all that have no condition and those whose
// condition is true (BPMN 2.0, 8.3.13 and 13.2.1).
func (d *decision) chooseFlows(n *bpmn.Node, t token) *problem {
	if !d.hasConditions(n) {
		d.flows = n.Outgoing
		return nil
	}
	d.look(t.scope, nil, nil).sets = d.sets
	if n.Kind == bpmn.ExclusiveGateway {
		return d.chooseOne(n)
	}
	return d.chooseAll(n)
}

func (d *decision) hasConditions(n *bpmn.Node) bool {
	if n.Default != bpmn.None || n.Kind == bpmn.ExclusiveGateway && len(n.Outgoing) > 1 {
		return true
	}
	for _, f := range n.Outgoing {
		if d.p.Flows[f].Condition != nil {
			return true
		}
	}
	return false
}

// chooseOne takes the first flow, in document order, whose condition is true,
// else the default flow, else a flow without a condition.
func (d *decision) chooseOne(n *bpmn.Node) *problem {
	otherwise := n.Default
	for _, f := range n.Outgoing {
		condition := d.p.Flows[f].Condition
		if f == n.Default {
			continue
		}
		if condition == nil {
			if otherwise == bpmn.None {
				otherwise = f
			}
			continue
		}
		yes, problem := d.isTrue(condition, f)
		if problem != nil {
			return problem
		}
		if yes {
			d.flows = []int{f}
			return nil
		}
	}
	return d.chooseOtherwise(n, otherwise)
}

// chooseAll takes every flow without a condition and every one whose condition
// is true; the default flow if there is none of these.
func (d *decision) chooseAll(n *bpmn.Node) *problem {
	var chosen []int
	for _, f := range n.Outgoing {
		yes := f != n.Default
		if condition := d.p.Flows[f].Condition; yes && condition != nil {
			var problem *problem
			if yes, problem = d.isTrue(condition, f); problem != nil {
				return problem
			}
		}
		if yes {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return d.chooseOtherwise(n, n.Default)
	}
	d.flows = chosen
	return nil
}

func (d *decision) chooseOtherwise(n *bpmn.Node, flow int) *problem {
	if flow == bpmn.None {
		return newProblem(ConditionError, "no outgoing flow of %s has a true condition and there is no default flow", n.ID)
	}
	d.flows = []int{flow}
	return nil
}

func (d *decision) isTrue(condition expr.Expression, flow int) (bool, *problem) {
	v, problem := d.evaluate(condition, ConditionError)
	if problem != nil {
		return false, problem
	}
	yes, ok := v.AsBool()
	if !ok {
		return false, newProblem(ConditionError, "condition of flow %s: %s; it must be true or false",
			d.p.Flows[flow].ID, d.gives(condition, v))
	}
	return yes, nil
}

// joinAndFork is a parallel gateway: one token of each incoming flow goes on
// together. Further tokens of a flow wait for the next round.
func (d *decision) joinAndFork(t token) *problem {
	n := &d.p.Nodes[t.node]
	if len(n.Incoming) < 2 {
		return d.leave(t)
	}
	e := d.joining(t)
	d.append(TokenArrived{Key: e.key, Node: t.node, Flow: t.flow})
	if e.arrived.flows < len(n.Incoming) {
		return nil
	}
	surplus := e.arrived.surplus
	d.finish(e, nil)
	for _, position := range surplus {
		d.send(token{node: t.node, flow: n.Incoming[position], scope: t.scope})
	}
	return nil
}

// joining is the element instance at which the scope's tokens wait.
func (d *decision) joining(t token) *element {
	if i, found := d.s.findJoin(t.scope, t.node); found {
		return d.s.element(d.s.joins[i].element)
	}
	return d.s.element(d.stay(t))
}

// awaitFirst is an event-based gateway: it waits for all its events, and the
// first to happen decides the way. The others are taken back with the gateway.
func (d *decision) awaitFirst(t token) *problem {
	n := &d.p.Nodes[t.node]
	d.look(t.scope, t.locals, nil)
	var waits []wait
	for _, f := range n.Outgoing {
		var problem *problem
		if waits, problem = d.prepareWait(waits, d.p.Flows[f].Target); problem != nil {
			return problem
		}
	}
	d.arm(d.stay(t), waits)
	return nil
}

// flowTo is the flow from one node to another that it leads to.
func (d *decision) flowTo(from, to int) int {
	for _, f := range d.p.Nodes[from].Outgoing {
		if d.p.Flows[f].Target == to {
			return f
		}
	}
	return bpmn.None
}
