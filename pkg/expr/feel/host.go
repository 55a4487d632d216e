package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// HostFunction is a function of the host that expressions can call, such as a
// business knowledge model.
type HostFunction struct {
	// Params are the parameters: all are required, and a call whose arguments
	// don't conform to their types gives null.
	Params []syntax.Parameter
	// Run computes the value. What it evaluates for that has to share Env.Used with
	// the caller, so that limits bound it too. An error ends the
	// caller's evaluation and is its error.
	Run func(args []expr.Value) (expr.Value, error)
}

// Parameters are the names of the parameters.
func (f *HostFunction) Parameters() []string { return parameterNames(f.Params) }

// ParameterTypes are their types, Any where none is given.
func (f *HostFunction) ParameterTypes() []syntax.Type { return parameterTypes(f.Params) }

func parameterTypes(params []syntax.Parameter) []syntax.Type {
	types := make([]syntax.Type, len(params))
	for i, p := range params {
		types[i] = p.Type
	}
	return types
}

func parameterNames(params []syntax.Parameter) []string {
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
	}
	return names
}

func (f *HostFunction) arrange(names []string, args []expr.Value) ([]expr.Value, bool) {
	return arrange(f.Parameters(), names, args)
}

func (f *HostFunction) invoke(m *machine, args []expr.Value, s site) expr.Value {
	args, ok := m.conforming(f.Params, args, s)
	if !ok || !m.enter() || !m.charge(1) {
		return expr.Null()
	}
	defer m.leave()
	m.settle()
	if u := m.env.Used; u != nil {
		defer func(depth int) { u.Depth = depth }(u.Depth)
		u.Depth = m.depth
	}
	v, err := f.Run(args)
	m.resume()
	if m.err == nil {
		m.err = err
	}
	return m.built(v)
}

// conforming makes arguments fit the parameters; ok is false if they do not.
func (m *machine) conforming(params []syntax.Parameter, args []expr.Value, s site) (fitting []expr.Value, ok bool) {
	if len(args) != len(params) {
		m.null(s, "the function takes %d arguments, not %d", len(params), len(args))
		return nil, false
	}
	fitting = make([]expr.Value, len(args))
	for i, p := range params {
		if !p.Type.IsAny() {
			m.work(args[i])
		}
		if fitting[i], ok = p.Type.Coerce(args[i]); !ok {
			m.null(s, "argument %q is %s, not a %s", p.Name, args[i].Describe(), p.Type)
			return nil, false
		}
	}
	return fitting, true
}

// Invoke calls a function value: built in, defined by an expression or a
// HostFunction. names are those of the arguments, nil if args are in order.
func Invoke(env *expr.Env, f expr.Function, names []string, args []expr.Value) (expr.Value, error) {
	called, ok := f.(callable)
	if !ok {
		return expr.Null(), &expr.Error{Message: "the value is not a function of FEEL"}
	}
	e := &Expression{idle: new(machines), program: func(m *machine) expr.Value {
		if names == nil {
			return called.invoke(m, args, site{})
		}
		ordered, ok := called.arrange(names, args)
		if !ok {
			return m.null(site{}, "the function has no parameters %q", names)
		}
		return called.invoke(m, ordered, site{})
	}}
	return e.Evaluate(env)
}
