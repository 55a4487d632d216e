package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// callable is a function of FEEL: a closure or built in.
type callable interface {
	expr.Function
	invoke(m *machine, args []expr.Value, s site) expr.Value
	// arrange puts named arguments in order; ok is false if they do not fit.
	arrange(names []string, args []expr.Value) (ordered []expr.Value, ok bool)
}

// closureShape is what all closures of one function expression share.
type closureShape struct {
	params   []syntax.Parameter
	run      code
	cost     int
	slots    int
	captures []capture
	site     site
}

// closure is a function of the model with the variables it captured.
type closure struct {
	*closureShape
	captured []expr.Value
	scope    expr.Scope
}

func (shape *closureShape) close(m *machine) *closure {
	f := &closure{closureShape: shape, scope: m.scope}
	if len(shape.captures) > 0 {
		f.captured = make([]expr.Value, len(shape.captures))
		for i, c := range shape.captures {
			f.captured[i] = m.frame[c.from]
		}
	}
	return f
}

// Parameters are the names of the parameters.
func (f *closure) Parameters() []string { return parameterNames(f.params) }

// ParameterTypes are their types, Any where none is given.
func (f *closure) ParameterTypes() []syntax.Type { return parameterTypes(f.params) }

func (f *closure) arrange(names []string, args []expr.Value) ([]expr.Value, bool) {
	return arrange(f.Parameters(), names, args)
}

// arrange puts args in the order of params; every name has to be one of them.
func arrange(params, names []string, args []expr.Value) ([]expr.Value, bool) {
	ordered := make([]expr.Value, len(params))
	filled := 0
	for i, param := range params {
		for j, name := range names {
			if name == param {
				ordered[i] = args[j]
				filled++
			}
		}
	}
	return ordered, filled == len(names)
}

func (f *closure) invoke(m *machine, args []expr.Value, s site) expr.Value {
	args, ok := m.conforming(f.params, args, s)
	if !ok || !m.enter() || !m.charge(f.cost+1) {
		return expr.Null()
	}
	frame := make([]expr.Value, f.slots)
	for i, c := range f.captures {
		frame[c.to] = f.captured[i]
	}
	copy(frame, args)
	outerFrame, outerScope := m.frame, m.scope
	m.frame, m.scope = frame, f.scope
	v := f.run(m)
	m.frame, m.scope = outerFrame, outerScope
	m.leave()
	return v
}

func (c *compiler) call(n *syntax.Call) code {
	if direct, ok := c.specialForm(n); ok {
		return direct
	}
	operands := make([]operand, len(n.Args))
	args := make([]code, len(n.Args))
	var names []string
	for i, arg := range n.Args {
		operands[i] = c.operand(arg.Value)
		args[i] = operands[i].run
		if arg.Name != "" {
			names = append(names, arg.Name)
		}
	}
	s := c.site(n.Callee)
	if b := c.directCallee(n); b != nil {
		if b.ofTexts != nil && names == nil && len(args) == b.most {
			return c.textCall(b, operands, s)
		}
		return c.builtinCall(b, args, names, s)
	}
	callee := c.callee(n)
	return func(m *machine) expr.Value {
		f, ok := callee(m)
		if !ok {
			return expr.Null()
		}
		values := make([]expr.Value, len(args))
		for i, arg := range args {
			values[i] = arg(m)
		}
		if names != nil {
			if values, ok = f.arrange(names, values); !ok {
				return m.null(s, "the function has no parameters %q", names)
			}
		}
		if m.err != nil {
			return expr.Null()
		}
		return f.invoke(m, values, s)
	}
}

// directCallee is the built-in function that a call means whatever the variables
// are; nil if there is none.
func (c *compiler) directCallee(n *syntax.Call) *builtin {
	name, ok := n.Callee.(*syntax.Name)
	if !ok || c.declares(name.Name) {
		return nil
	}
	if _, slot := c.body.find(name.Name); slot >= 0 {
		return nil
	}
	return builtins()[name.Name]
}

func (c *compiler) builtinCall(b *builtin, args []code, names []string, s site) code {
	last := new(lastPattern)
	return func(m *machine) expr.Value {
		c := m.invocation()
		for _, arg := range args {
			c.args = append(c.args, arg(m))
		}
		c.site, c.last = s, last
		v := b.named(c, names)
		m.done(c)
		return v
	}
}

// textCall calls a function of strings: at once if strings is what it is given.
func (c *compiler) textCall(b *builtin, args []operand, s site) code {
	first, last := args[0], args[len(args)-1]
	return func(m *machine) expr.Value {
		var room, lastRoom expr.Value
		v := first.at(m, &room)
		w := v
		if len(args) > 1 {
			w = last.at(m, &lastRoom)
		}
		x, ok := v.AsString()
		y, both := w.AsString()
		switch {
		case m.err != nil:
			return expr.Null()
		case !ok || !both:
			return b.invoke(m, []expr.Value{*v, *w}[:len(args)], s)
		case !m.charge(1 + (len(x)+len(y))/64):
			return expr.Null()
		}
		return b.ofTexts(x, y)
	}
}

// named calls with arguments that have names, unless names is nil.
func (b *builtin) named(c *invocation, names []string) expr.Value {
	if names != nil {
		ordered, ok := b.arrange(names, c.args)
		if !ok {
			return c.machine.null(c.site, "no parameters are named %q in %s", names, b.usage())
		}
		c.args = ordered
	}
	if c.err != nil {
		return expr.Null()
	}
	return b.call(c)
}

// invocation is one to fill in. Until done it is the caller's; no value may share
// its arguments.
func (m *machine) invocation() *invocation {
	c := m.spare
	if c == nil {
		c = new(invocation)
	} else {
		m.spare = c.next
	}
	c.machine, c.next, c.args = m, nil, c.room[:0]
	return c
}

func (m *machine) done(c *invocation) {
	c.next = m.spare
	m.spare = c
}

// callee finds the function to call. A built-in function is found even where a
// variable that is no function has its name.
func (c *compiler) callee(n *syntax.Call) func(m *machine) (callable, bool) {
	s := c.site(n.Callee)
	var fallback callable
	if name, ok := n.Callee.(*syntax.Name); ok {
		if b, isBuiltin := builtins()[name.Name]; isBuiltin {
			fallback = b
		} else if _, slot := c.body.find(name.Name); slot < 0 && !c.declares(name.Name) {
			return c.unknownCallee(name, s)
		}
	}
	value := c.node(n.Callee)
	return func(m *machine) (callable, bool) {
		v := value(m)
		if f, ok := v.AsFunction(); ok {
			called, ok := f.(callable)
			return called, ok
		}
		if fallback == nil {
			m.null(s, "%s is not a function", v.Describe())
		}
		return fallback, fallback != nil
	}
}

func (c *compiler) unknownCallee(n *syntax.Name, s site) func(m *machine) (callable, bool) {
	find := c.resolve(n.Name)
	return func(m *machine) (callable, bool) {
		v, _ := find(m)
		f, _ := v.AsFunction()
		called, ok := f.(callable)
		if !ok {
			m.null(s, "no function is named %q", n.Name)
		}
		return called, ok
	}
}

// specialForm compiles what looks like a call but looks at its argument before
// it is evaluated: is defined(name), get or else and if the name is unknown.
func (c *compiler) specialForm(n *syntax.Call) (code, bool) {
	name, ok := n.Callee.(*syntax.Name)
	if !ok || len(n.Args) == 0 {
		return nil, false
	}
	switch {
	case name.Name == "is defined" && len(n.Args) == 1:
		find := c.finder(n.Args[0].Value)
		return func(m *machine) expr.Value {
			_, ok := find(m)
			return expr.Bool(ok)
		}, true
	case name.Name == "get or else" && len(n.Args) == 2 && n.Args[0].Name == "":
		find, other := c.finder(n.Args[0].Value), c.node(n.Args[1].Value)
		return func(m *machine) expr.Value {
			if v, ok := find(m); ok && !v.IsNull() {
				return v
			}
			return other(m)
		}, true
	}
	return nil, false
}

// finder evaluates a name or path without complaining that it is not there.
func (c *compiler) finder(n syntax.Node) finder {
	switch n := n.(type) {
	case *syntax.Name:
		c.cost++
		return c.resolve(n.Name)
	case *syntax.Path:
		c.cost++
		base := c.finder(n.Base)
		return func(m *machine) (expr.Value, bool) {
			v, ok := base(m)
			if !ok {
				return expr.Null(), false
			}
			return property(v, n.Member)
		}
	}
	value := c.node(n)
	return func(m *machine) (expr.Value, bool) { return value(m), true }
}
