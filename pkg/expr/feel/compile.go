package feel

import (
	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// maxTreeDepth bounds the tree, in which 1+1+1+… nests once per operator.
const maxTreeDepth = 2000

// compiler turns a tree into closures.
type compiler struct {
	source    string
	declared  map[string]bool // names given in Options: they hide built-in functions
	known     *syntax.Vocabulary
	body      *bodyCompiler
	depth     int
	cost      int // nodes so far: the steps of running them once
	names     []string
	seen      map[string]bool
	usesInput bool
	err       error
}

// bodyCompiler is what the compiler knows of one function body (or of the
// expression as a whole): where its variables are in the frame.
type bodyCompiler struct {
	parent   *bodyCompiler
	bindings []binding
	slots    int
	captures []capture
}

// binding is a local variable. A dynamic one is the element of a filter, whose
// members are names in the condition.
type binding struct {
	name    string
	slot    int
	dynamic bool
	used    bool
}

// capture says that a slot of a closure is filled from a slot of the body
// around it when the closure is made.
type capture struct{ from, to int }

func compileTree(source string, tree syntax.Node, o Options) (*Expression, error) {
	c := newCompiler(source, o)
	e, err := c.expression(c.node(tree))
	if err != nil {
		return nil, err
	}
	if e.slots == 1 && !c.usesInput {
		e.slots = 0
	}
	return e, nil
}

func newCompiler(source string, o Options) *compiler {
	c := &compiler{source: source, declared: map[string]bool{}, known: o.Vocabulary, seen: map[string]bool{}, body: &bodyCompiler{slots: 1}}
	for _, name := range o.Names {
		c.declared[name] = true
	}
	return c
}

// expression is what was compiled, unless an error was found on the way.
func (c *compiler) expression(program code) (*Expression, error) {
	if c.err != nil {
		return nil, c.err
	}
	return &Expression{source: c.source, program: program, slots: c.body.slots, cost: c.cost, names: c.names, idle: new(machines)}, nil
}

// declares tells whether the host has a variable of the name.
func (c *compiler) declares(name string) bool { return c.declared[name] || c.known.Declares(name) }

func (c *compiler) site(n syntax.Node) site { return site{source: c.source, at: n.Offset()} }

func (c *compiler) errorf(n syntax.Node, format string, args ...any) code {
	if c.err == nil {
		c.err = expr.ErrorAt(c.source, n.Offset(), format, args...)
	}
	return constant(expr.Null())
}

func constant(v expr.Value) code { return func(*machine) expr.Value { return v } }

func (b *bodyCompiler) newSlot() int {
	b.slots++
	return b.slots - 1
}

// bind makes a local variable that hides others of its name until unbind.
func (c *compiler) bind(name string) int {
	slot := c.body.newSlot()
	c.body.bindings = append(c.body.bindings, binding{name: name, slot: slot})
	return slot
}

func (c *compiler) bound() int       { return len(c.body.bindings) }
func (c *compiler) unbind(bound int) { c.body.bindings = c.body.bindings[:bound] }

// find looks a name up: dynamic are slots whose members come first, slot is the
// variable, −1 if it is free.
func (b *bodyCompiler) find(name string) (dynamic []int, slot int) {
	for i := len(b.bindings) - 1; i >= 0; i-- {
		switch v := &b.bindings[i]; {
		case v.dynamic:
			dynamic = append(dynamic, v.slot)
		case v.name == name:
			v.used = true
			return dynamic, v.slot
		}
	}
	if b.parent == nil {
		return dynamic, -1
	}
	outer, slot := b.parent.find(name)
	for _, from := range outer {
		dynamic = append(dynamic, b.capture(from))
	}
	if slot >= 0 {
		slot = b.capture(slot)
	}
	return dynamic, slot
}

func (b *bodyCompiler) capture(from int) int {
	for _, known := range b.captures {
		if known.from == from {
			return known.to
		}
	}
	to := b.newSlot()
	b.captures = append(b.captures, capture{from: from, to: to})
	return to
}

// measured compiles n and tells what running it once costs.
func (c *compiler) measured(n syntax.Node) (code, int) {
	before := c.cost
	run := c.node(n)
	return run, c.cost - before
}

func (c *compiler) node(n syntax.Node) code {
	c.cost++
	if c.depth++; c.depth > maxTreeDepth {
		return c.errorf(n, "the expression has more than %d nested operations", maxTreeDepth)
	}
	defer func() { c.depth-- }()
	switch n := n.(type) {
	case *syntax.Literal:
		return constant(n.Value)
	case *syntax.Name:
		return c.name(n)
	case *syntax.Input:
		return c.input()
	case *syntax.Path:
		return c.path(n)
	case *syntax.Filter:
		return c.filter(n)
	case *syntax.Call:
		return c.call(n)
	case *syntax.Negation:
		return c.negation(n)
	case *syntax.Binary:
		return c.binary(n)
	case *syntax.Between:
		return c.between(n)
	case *syntax.In:
		return c.in(n)
	case *syntax.InstanceOf:
		return c.instance(n)
	case *syntax.If:
		return c.conditional(n)
	case *syntax.Test:
		return c.testValue(n)
	}
	return c.collection(n)
}

// collection compiles what makes lists, contexts, ranges and functions.
func (c *compiler) collection(n syntax.Node) code {
	switch n := n.(type) {
	case *syntax.List:
		return c.list(n)
	case *syntax.Context:
		return c.context(n)
	case *syntax.Range:
		return c.interval(n)
	case *syntax.Function:
		return c.function(n)
	case *syntax.For:
		return c.loop(n)
	case *syntax.Quantified:
		return c.quantified(n)
	}
	return c.errorf(n, "%T is not an expression", n)
}

// input is ?, bound by the unary test around it.
func (c *compiler) input() code {
	_, slot := c.body.find("?")
	c.usesInput = true
	if slot < 0 {
		slot = inputSlot
	}
	return func(m *machine) expr.Value { return m.frame[slot] }
}

func (c *compiler) name(n *syntax.Name) code {
	find, s := c.resolve(n.Name), c.site(n)
	name := n.Name
	dynamic, slot := c.body.find(name)
	switch {
	case len(dynamic) == 0 && slot >= 0:
		return func(m *machine) expr.Value { return m.frame[slot] }
	case c.isFree(name):
		return variable(name, s)
	}
	return func(m *machine) expr.Value {
		if v, ok := find(m); ok {
			return v
		}
		return m.null(s, "no variable is named %q", name)
	}
}

// isFree tells whether a name can only be that of a variable of the environment.
func (c *compiler) isFree(name string) bool {
	dynamic, slot := c.body.find(name)
	_, isBuiltin := builtins()[name]
	return len(dynamic) == 0 && slot < 0 && !isBuiltin
}

// variable is a name that can only be a variable of the environment.
func variable(name string, s site) code {
	return func(m *machine) expr.Value {
		if m.scope != nil {
			if v, ok := m.scope.Lookup(name); ok {
				return v
			}
		}
		return m.null(s, "no variable is named %q", name)
	}
}

// finder looks a name up; ok is false if nothing has it.
type finder func(m *machine) (v expr.Value, ok bool)

func (c *compiler) resolve(name string) finder {
	dynamic, slot := c.body.find(name)
	var last finder
	if slot >= 0 {
		last = func(m *machine) (expr.Value, bool) { return m.frame[slot], true }
	} else {
		last = c.free(name)
	}
	if len(dynamic) == 0 {
		return last
	}
	return func(m *machine) (expr.Value, bool) {
		for _, slot := range dynamic {
			if element, ok := m.frame[slot].AsContext(); ok {
				if v, ok := element.Get(name); ok {
					return v, true
				}
			}
		}
		return last(m)
	}
}

// free is a variable of the environment or else a built-in function.
func (c *compiler) free(name string) finder {
	function, isBuiltin := builtinFunction(name)
	if !c.seen[name] && !isBuiltin {
		c.seen[name] = true
		c.names = append(c.names, name)
	}
	if !isBuiltin {
		return func(m *machine) (expr.Value, bool) { return m.lookup(name) }
	}
	return func(m *machine) (expr.Value, bool) {
		if v, ok := m.lookup(name); ok {
			return v, true
		}
		return function, true
	}
}

func (c *compiler) conditional(n *syntax.If) code {
	if b, ok := n.Condition.(*syntax.Binary); ok {
		if holds, ok := c.condition(b); ok {
			c.cost++
			return choice(holds, c.node(n.Then), c.node(n.Otherwise))
		}
	}
	condition, then, otherwise := c.node(n.Condition), c.node(n.Then), c.node(n.Otherwise)
	s := c.site(n.Condition)
	return func(m *machine) expr.Value {
		v := condition(m)
		if v.IsTrue() {
			return then(m)
		}
		if v.Kind() != expr.KindBoolean && !v.IsNull() {
			return m.null(s, "the condition of if is %s, not a boolean", v.Describe())
		}
		return otherwise(m)
	}
}

// choice is an if whose condition can't be anything but true, false or null.
func choice(holds predicate, then, otherwise code) code {
	return func(m *machine) expr.Value {
		if holds(m) == yes {
			return then(m)
		}
		return otherwise(m)
	}
}

func (c *compiler) list(n *syntax.List) code {
	items := make([]code, len(n.Items))
	for i, item := range n.Items {
		items[i] = c.node(item)
	}
	if values, ok := literals(n.Items); ok {
		return func(m *machine) expr.Value { return m.list(values) }
	}
	return func(m *machine) expr.Value {
		values := make([]expr.Value, len(items))
		for i, item := range items {
			values[i] = item(m)
		}
		return m.list(values)
	}
}

// literals are the values of nodes that are all literals.
func literals(nodes []syntax.Node) ([]expr.Value, bool) {
	values := make([]expr.Value, len(nodes))
	for i, n := range nodes {
		literal, ok := n.(*syntax.Literal)
		if !ok {
			return nil, false
		}
		values[i] = literal.Value
	}
	return values, true
}

func (c *compiler) context(n *syntax.Context) code {
	type slotted struct {
		key   string
		slot  int
		value code
	}
	bound := c.bound()
	entries := make([]slotted, len(n.Entries))
	for i, e := range n.Entries {
		value := c.node(e.Value)
		entries[i] = slotted{key: e.Key, value: value, slot: c.bind(e.Key)}
	}
	c.unbind(bound)
	return func(m *machine) expr.Value {
		b := expr.NewContextBuilder(len(entries))
		for _, e := range entries {
			v := e.value(m)
			m.frame[e.slot] = v
			b.Put(e.key, v)
		}
		return m.built(b.Build())
	}
}

func (c *compiler) instance(n *syntax.InstanceOf) code {
	value, typ := c.node(n.Value), n.Type
	return func(m *machine) expr.Value {
		v := value(m)
		m.work(v)
		return expr.Bool(typ.Contains(v))
	}
}

func (c *compiler) function(n *syntax.Function) code {
	outer := c.body
	c.body = &bodyCompiler{parent: outer}
	for _, p := range n.Params {
		c.bind(p.Name)
	}
	run, cost := c.measured(n.Body)
	body := c.body
	c.body = outer
	shape := &closureShape{params: n.Params, run: run, cost: cost, slots: body.slots, captures: body.captures, site: c.site(n)}
	return func(m *machine) expr.Value { return expr.OfFunction(shape.close(m)) }
}
