package feel

import (
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// builtin is a function of the language. Each signature names its parameters; a
// trailing "?" marks an optional one, a trailing "..." one that takes any number.
type builtin struct {
	name       string
	signatures []signature
	most       int // parameters of the longest
	run        func(c *invocation) expr.Value
	ofTexts    func(a, b string) expr.Value // nil unless it is a textFunction
}

type signature struct {
	params   []string
	required int
	variadic bool
}

// invocation is one call of a built-in function. Missing optional arguments are
// null.
type invocation struct {
	*machine
	site site
	name string
	args []expr.Value
	n    int // arguments given, before missing ones were added
	last *lastPattern
	next *invocation   // of those that are free
	room [4]expr.Value // for args
	text [3]string     // for texts
}

func function(name string, run func(c *invocation) expr.Value, signatures ...string) *builtin {
	b := &builtin{name: name, run: run}
	for _, text := range signatures {
		s := parseSignature(text)
		b.signatures, b.most = append(b.signatures, s), max(b.most, len(s.params))
	}
	return b
}

func parseSignature(text string) signature {
	var s signature
	if text == "" {
		return s
	}
	for _, param := range strings.Split(text, ", ") {
		name, optional := strings.CutSuffix(param, "?")
		name, s.variadic = strings.CutSuffix(name, "...")
		s.params = append(s.params, name)
		if !optional && (!s.variadic || len(s.params) == 1) {
			s.required++
		}
	}
	return s
}

// accepts tells whether n positional arguments fit.
func (s *signature) accepts(n int) bool {
	return n >= s.required && (n <= len(s.params) || s.variadic)
}

// builtins are all functions of the language, by name.
var builtins = sync.OnceValue(func() map[string]*builtin {
	all := map[string]*builtin{}
	for _, group := range [][]*builtin{
		conversionFunctions(), logicFunctions(), stringFunctions(), numberFunctions(), listFunctions(),
		aggregateFunctions(), contextFunctions(), temporalFunctions(), rangeFunctions(),
	} {
		for _, b := range group {
			all[b.name] = b
		}
	}
	return all
})

// FunctionNames are the names of all built-in functions, sorted.
func FunctionNames() []string {
	var names []string
	for name := range builtins() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func builtinFunction(name string) (expr.Value, bool) {
	b, ok := builtins()[name]
	if !ok {
		return expr.Null(), false
	}
	return expr.OfFunction(b), true
}

// Parameters are those of the first signature.
func (b *builtin) Parameters() []string { return b.signatures[0].params }

func (b *builtin) arrange(names []string, args []expr.Value) ([]expr.Value, bool) {
	for _, s := range b.signatures {
		ordered, ok := arrange(s.params, names, args)
		if ok {
			return ordered[:max(s.required, s.lastOf(names)+1)], true
		}
	}
	return nil, false
}

// lastOf is the index of the last parameter that is named.
func (s signature) lastOf(names []string) int {
	for i := len(s.params) - 1; i > 0; i-- {
		if slices.Contains(names, s.params[i]) {
			return i
		}
	}
	return 0
}

func (b *builtin) invoke(m *machine, args []expr.Value, s site) expr.Value {
	return b.call(&invocation{machine: m, site: s, args: args, last: new(lastPattern)})
}

func (b *builtin) call(c *invocation) expr.Value {
	c.name, c.n = b.name, len(c.args)
	if !b.accepts(c.n) {
		return c.null("%d arguments do not fit %s", c.n, b.usage())
	}
	work := 1
	for i := range c.args {
		work += int(min(c.args[i].Size()/64, 1<<30))
	}
	if !c.charge(work) {
		return expr.Null()
	}
	for len(c.args) < b.most {
		c.args = append(c.args, expr.Null())
	}
	return b.run(c)
}

func (b *builtin) accepts(n int) bool {
	for i := range b.signatures {
		if b.signatures[i].accepts(n) {
			return true
		}
	}
	return false
}

func (b *builtin) usage() string {
	forms := make([]string, len(b.signatures))
	for i, s := range b.signatures {
		forms[i] = b.name + "(" + strings.Join(s.params, ", ") + ")"
	}
	return strings.Join(forms, " or ")
}

// null says why the function gives null.
func (c *invocation) null(format string, args ...any) expr.Value {
	return c.machine.null(c.site, c.name+"(): "+format, args...)
}

// want reports that argument i is not what the function takes.
func (c *invocation) want(i int, what string) expr.Value {
	return c.null("argument %d is %s, not a %s", i+1, c.args[i].Describe(), what)
}

func (c *invocation) given(i int) bool { return !c.args[i].IsNull() }

// only is argument i, or the one element of the list that it is.
func (c *invocation) only(i int) expr.Value {
	if items, ok := c.args[i].AsList(); ok && len(items) == 1 {
		return items[0]
	}
	return c.args[i]
}

// texts are the arguments from the first on as strings.
func (c *invocation) texts(n int) (texts []string, ok bool) {
	texts = c.text[:0]
	for i := range n {
		s, isString := c.only(i).AsString()
		if !isString {
			c.want(i, "string")
			return nil, false
		}
		texts = append(texts, s)
	}
	return texts, true
}

func (c *invocation) num(i int) (expr.Value, bool) {
	v := c.only(i)
	if v.Kind() != expr.KindNumber {
		c.want(i, "number")
		return expr.Null(), false
	}
	return v, true
}

// integer is a number without its fraction.
func (c *invocation) integer(i int) (int64, bool) {
	v, ok := c.num(i)
	if !ok {
		return 0, false
	}
	n, ok := rounded(v, 0, "down").AsInt()
	if !ok {
		c.want(i, "number of that size")
	}
	return n, ok
}

// items is a list; a value that is none counts as a list of one, null as none.
func (c *invocation) items(i int) ([]expr.Value, bool) {
	if items, ok := c.args[i].AsList(); ok {
		return items, true
	}
	if c.args[i].IsNull() {
		c.want(i, "list")
		return nil, false
	}
	return []expr.Value{c.args[i]}, true
}

func (c *invocation) context(i int) (*expr.Context, bool) {
	v, ok := c.args[i].AsContext()
	if !ok {
		c.want(i, "context")
	}
	return v, ok
}

func (c *invocation) callable(i int) (callable, bool) {
	f, _ := c.args[i].AsFunction()
	called, ok := f.(callable)
	if !ok {
		c.want(i, "function")
	}
	return called, ok
}
