package engine

import (
	"slices"

	"github.com/barnabas-project/barnabas/pkg/bpmn"
)

// enterSubProcess begins an embedded subprocess: a scope of its own.
func (d *decision) enterSubProcess(t token) *problem {
	n := &d.p.Nodes[t.node]
	d.look(t.scope, t.locals, nil)
	waits, problem := d.prepareBoundary(nil, n)
	if problem != nil {
		return problem
	}
	k := d.stay(t)
	d.arm(k, waits)
	d.send(token{node: n.Start, flow: bpmn.None, scope: k, triggered: true})
	return nil
}

// touch notes that a scope lost a token and may be complete.
func (d *decision) touch(scope Key) {
	if !slices.Contains(d.scopes, scope) {
		d.scopes = append(d.scopes, scope)
	}
}

// completeScopes completes the scopes noted in which nothing is left, one after
// the other until tokens are under way again, and tells whether any are. It is
// called when none are.
func (d *decision) completeScopes() bool {
	for len(d.scopes) > 0 && d.head == len(d.queue) {
		scope := d.scopes[0]
		d.scopes = append(d.scopes[:0], d.scopes[1:]...)
		if scope == 0 {
			if d.s.children == 0 && !d.s.Ended() {
				d.append(InstanceCompleted{})
			}
		} else if e := d.s.element(scope); e != nil && e.children == 0 && e.phase == active {
			d.finish(e, nil)
		}
	}
	return d.head < len(d.queue)
}

// terminate is a terminate end event: it ends all that goes on in its own scope,
// tokens waiting at gateways included. A subprocess then completes normally.
func (d *decision) terminate(t token) *problem {
	d.append(ElementPassed{Node: t.node, Scope: t.scope, Flow: t.flow})
	d.clear(t.scope)
	if t.scope == 0 {
		d.append(InstanceTerminated{Node: t.node})
		return nil
	}
	d.touch(t.scope)
	return nil
}

// interrupt ends an element instance with all inside, children first.
func (d *decision) interrupt(e *element) {
	d.clear(e.key)
	d.closeSubscriptions(e)
	d.append(ElementTerminated{Key: e.key, Node: e.node})
}

// clear ends everything inside a scope, newest first, tokens under way included.
func (d *decision) clear(scope Key) {
	inside := map[Key]bool{scope: true}
	var doomed []*element
	if e := d.s.element(scope); scope == 0 || e != nil && e.children > 0 {
		for e := range d.s.all() { // keys of contents are greater than their scope's
			if inside[e.scope] {
				inside[e.key] = true
				doomed = append(doomed, e)
			}
		}
	}
	for _, e := range slices.Backward(doomed) {
		d.closeSubscriptions(e)
		d.append(ElementTerminated{Key: e.key, Node: e.node})
	}
	d.queue = slices.DeleteFunc(d.queue[d.head:], func(t token) bool { return inside[t.scope] })
	d.head = 0
}
