package script

import (
	"github.com/dop251/goja"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

var executionMethods = []string{
	"getVariable", "getVariableLocal", "hasVariable", "hasVariableLocal", "getVariables", "getVariableNames",
	"setVariable", "setVariableLocal", "setVariables", "removeVariable", "removeVariableLocal",
}

// getters are the methods of execution without parameters; each is the entry of the
// variable "execution" (a context that the host provides) named after it.
var getters = map[string]string{
	"getId": "id", "getProcessInstanceId": "processInstanceId", "getProcessBusinessKey": "processBusinessKey",
	"getBusinessKey": "businessKey", "getProcessDefinitionId": "processDefinitionId", "getCurrentActivityId": "currentActivityId",
	"getCurrentActivityName": "currentActivityName", "getActivityInstanceId": "activityInstanceId",
	"getParentId": "parentId", "getTenantId": "tenantId", "getEventName": "eventName",
}

// execution is the object of that name. What a script sets it reads back.
func (m *machine) execution() *goja.Object {
	o := m.js.NewObject()
	for name, run := range map[string]func(goja.FunctionCall) goja.Value{
		"getVariable": m.getVariable, "getVariableLocal": m.getVariable,
		"hasVariable": m.hasVariable, "hasVariableLocal": m.hasVariable,
		"setVariable": m.setVariable, "setVariableLocal": m.setVariable, "setVariables": m.setVariables,
		"removeVariable": m.removeVariable, "removeVariableLocal": m.removeVariable,
		"getVariables": m.getVariables, "getVariableNames": m.getVariableNames,
	} {
		m.method(o, name, run)
	}
	for name, entry := range getters {
		m.method(o, name, func(goja.FunctionCall) goja.Value { return m.toJS(m.detail(entry)) })
	}
	if host, ok := m.detailsOfHost(); ok {
		for i := range host.Len() {
			key, v := host.At(i)
			m.define(o, key, m.toJS(v))
		}
	}
	return o
}

func (m *machine) detailsOfHost() (*expr.Context, bool) {
	if m.env.Scope == nil {
		return nil, false
	}
	v, _ := m.env.Scope.Lookup(execution)
	return v.AsContext()
}

func (m *machine) detail(entry string) expr.Value {
	if host, ok := m.detailsOfHost(); ok {
		v, _ := host.Get(entry)
		return v
	}
	return expr.Null()
}

func (m *machine) lookup(name string) (expr.Value, bool) {
	if v, ok := m.written[name]; ok {
		if v == nil {
			return expr.Null(), false
		}
		return *v, true
	}
	if m.env.Scope == nil {
		return expr.Null(), false
	}
	return m.env.Scope.Lookup(name)
}

func (m *machine) getVariable(call goja.FunctionCall) goja.Value {
	m.charge(1)
	v, _ := m.lookup(textOf(call.Argument(0)))
	return m.toJS(v)
}

func (m *machine) hasVariable(call goja.FunctionCall) goja.Value {
	m.charge(1)
	_, ok := m.lookup(textOf(call.Argument(0)))
	return m.js.ToValue(ok)
}

func (m *machine) setVariable(call goja.FunctionCall) goja.Value {
	v := m.toValue(call.Argument(1))
	m.write(textOf(call.Argument(0)), &v)
	return goja.Undefined()
}

func (m *machine) setVariables(call goja.FunctionCall) goja.Value {
	all, ok := m.toValue(call.Argument(0)).AsContext()
	if !ok {
		m.fail("execution.setVariables() takes an object with the variables")
	}
	for i := range all.Len() {
		name, v := all.At(i)
		m.write(name, &v)
	}
	return goja.Undefined()
}

func (m *machine) removeVariable(call goja.FunctionCall) goja.Value {
	m.write(textOf(call.Argument(0)), nil)
	return goja.Undefined()
}

// write sets a variable, or removes it if v is nil.
func (m *machine) write(name string, v *expr.Value) {
	m.charge(1)
	switch {
	case m.env.Writer == nil:
		m.fail("variables can only be set by a script task")
	case name == "" || name == execution:
		m.fail("a variable cannot be named %q", name)
	case len(m.written) >= m.limits.Items:
		m.fail("more than %d variables are set", m.limits.Items)
	}
	if m.written == nil {
		m.written = map[string]*expr.Value{}
	}
	m.written[name] = v
	if v == nil {
		m.env.Writer.Remove(name)
	} else {
		m.env.Writer.Set(name, *v)
	}
}

// names are the variables that there are, if the scope can tell.
func (m *machine) names() []string {
	var names []string
	if all, ok := m.env.Scope.(interface{ Names() []string }); ok {
		names = all.Names()
	} else if c, ok := m.env.Scope.(*expr.Context); ok {
		for i := range c.Len() {
			name, _ := c.At(i)
			names = append(names, name)
		}
	}
	kept := names[:0:0]
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
		if v, ok := m.written[name]; !ok || v != nil {
			kept = append(kept, name)
		}
	}
	for name, v := range m.written {
		if v != nil && !known[name] {
			kept = append(kept, name)
		}
	}
	return sorted(kept)
}

func (m *machine) getVariables(goja.FunctionCall) goja.Value {
	o := m.js.NewObject()
	for _, name := range m.names() {
		v, _ := m.lookup(name)
		m.define(o, name, m.toJS(v))
	}
	return o
}

func (m *machine) getVariableNames(goja.FunctionCall) goja.Value {
	items := []any{}
	for _, name := range m.names() {
		m.charge(1)
		items = append(items, name)
	}
	return m.js.NewArray(items...)
}
