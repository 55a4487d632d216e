package juel

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/pattern"
)

// method is one of the allow-list: methods of Java's strings, numbers, lists,
// maps and dates that only read, and of Camunda Spin's JSON nodes.
type method struct {
	args []int // how many arguments it may have
	run  func(c *call) (expr.Value, error)
}

// call is a call of a method.
type call struct {
	*machine
	at   int
	name string
	base expr.Value
	args []expr.Value
}

// methodCall is base.name(args).
type methodCall struct {
	at     int
	name   string
	base   node
	args   []node
	method method
}

func (n *methodCall) eval(m *machine) (expr.Value, error) {
	base, err := n.base.eval(m)
	if err != nil {
		return base, err
	}
	c := &call{machine: m, at: n.at, name: n.name, base: base}
	for _, arg := range n.args {
		v, err := arg.eval(m)
		if err != nil {
			return v, err
		}
		c.args = append(c.args, v)
	}
	if base.IsNull() {
		return base, c.errorf(n.at, "%s() is called on null", n.name)
	}
	if err := m.charge(n.at, append(c.args, base)...); err != nil {
		return expr.Null(), err
	}
	return n.method.run(c)
}

// method compiles a call; one outside of the allow-list needs a bean.
func (p *parser) method(base node, name token, args []node) (node, error) {
	root, isVariable := base.(*variable)
	if isVariable && root.name == execution {
		return p.executionMethod(root, name, args)
	}
	if unit, ok := movingUnit(name.text); ok && len(args) == 1 {
		return &methodCall{at: name.start, name: name.text, base: base, args: args, method: moving(unit, name.text)}, nil
	}
	known, ok := methods()[name.text]
	if !ok && isVariable {
		return nil, expr.ErrorAt(p.source, name.start,
			"%s.%s() calls a method of the Java bean %q; there are no beans here: make it a service task with a topic, or compute the value in a worker",
			root.name, name.text, root.name)
	}
	if !ok {
		return nil, expr.ErrorAt(p.source, name.start, "the method %s() is not available in expressions", name.text)
	}
	if !slices.Contains(known.args, len(args)) {
		return nil, expr.ErrorAt(p.source, name.start, "%s() does not take %d arguments", name.text, len(args))
	}
	return &methodCall{at: name.start, name: name.text, base: base, args: args, method: known}, nil
}

// movingUnit is the unit of plusDays, minusHours and so on.
func movingUnit(name string) (string, bool) {
	unit, plus := strings.CutPrefix(name, "plus")
	if !plus {
		var minus bool
		if unit, minus = strings.CutPrefix(name, "minus"); !minus {
			return "", false
		}
	}
	return unit, slices.Contains([]string{"Years", "Months", "Weeks", "Days", "Hours", "Minutes", "Seconds", "Millis"}, unit)
}

func moving(unit, name string) method {
	return method{args: []int{1}, run: func(c *call) (expr.Value, error) {
		number, err := c.number(c.at, c.args[0])
		if err != nil {
			return number, err
		}
		n, whole := number.AsInt()
		if name[0] == 'm' {
			n = -n
		}
		v, ok := moved(c.base, unit, n)
		if !ok || !whole {
			return v, c.errorf(c.at, "%s(%s) cannot be applied to %s", name, c.args[0].Text(), c.base.Describe())
		}
		return v, nil
	}}
}

func methods() map[string]method {
	all := map[string]method{}
	for _, group := range []map[string]method{textMethods(), collectionMethods(), valueMethods()} {
		for name, m := range group {
			all[name] = m
		}
	}
	return all
}

// onText is a method of strings whose arguments are strings.
func onText(args int, run func(s string, args []string) expr.Value) method {
	return method{args: []int{args}, run: func(c *call) (expr.Value, error) {
		s, ok := c.base.AsString()
		if !ok {
			return c.wrongBase("a string")
		}
		texts := make([]string, len(c.args))
		for i, arg := range c.args {
			texts[i] = arg.Text()
		}
		v := run(s, texts)
		if text, isText := v.AsString(); isText {
			return c.str(c.at, text)
		}
		return v, nil
	}}
}

func (c *call) wrongBase(wanted string) (expr.Value, error) {
	return expr.Null(), c.errorf(c.at, "%s() is a method of %s, not of %s", c.name, wanted, c.base.Describe())
}

func textMethods() map[string]method {
	return map[string]method{
		"toUpperCase": onText(0, func(s string, _ []string) expr.Value { return expr.String(strings.ToUpper(s)) }),
		"toLowerCase": onText(0, func(s string, _ []string) expr.Value { return expr.String(strings.ToLower(s)) }),
		"trim":        onText(0, func(s string, _ []string) expr.Value { return expr.String(strings.TrimSpace(s)) }),
		"length":      onText(0, func(s string, _ []string) expr.Value { return expr.Int(int64(len(utf16.Encode([]rune(s))))) }),
		"isBlank":     onText(0, func(s string, _ []string) expr.Value { return expr.Bool(strings.TrimSpace(s) == "") }),
		"startsWith":  onText(1, func(s string, a []string) expr.Value { return expr.Bool(strings.HasPrefix(s, a[0])) }),
		"endsWith":    onText(1, func(s string, a []string) expr.Value { return expr.Bool(strings.HasSuffix(s, a[0])) }),
		"concat":      onText(1, func(s string, a []string) expr.Value { return expr.String(s + a[0]) }),
		"equalsIgnoreCase": onText(1, func(s string, a []string) expr.Value {
			return expr.Bool(strings.EqualFold(s, a[0]))
		}),
		"replace":   {args: []int{2}, run: replaceText},
		"matches":   {args: []int{1}, run: matchText},
		"substring": {args: []int{1, 2}, run: substring},
		"charAt":    {args: []int{1}, run: charAt},
		"split":     {args: []int{1}, run: splitText},
	}
}

func replaceText(c *call) (expr.Value, error) {
	s, ok := c.base.AsString()
	if !ok {
		return c.wrongBase("a string")
	}
	from, to := c.args[0].Text(), c.args[1].Text()
	if grown := len(s) + (strings.Count(s, from))*len(to); grown > c.limits.Bytes {
		return expr.Null(), c.errorf(c.at, "the strings being built take more than %d bytes", c.limits.Bytes)
	}
	return c.str(c.at, strings.ReplaceAll(s, from, to))
}

// pattern compiles a regular expression and counts the work of applying it to the base.
func (c *call) pattern(text string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, c.errorf(c.at, "%q is not a pattern: %v", text, err)
	}
	c.steps += pattern.Work(pattern.States(re), text, c.base.Text())
	return re, c.charge(c.at)
}

func matchText(c *call) (expr.Value, error) {
	re, err := c.pattern(`^(?:` + c.args[0].Text() + `)$`)
	if err != nil {
		return expr.Null(), err
	}
	return expr.Bool(re.MatchString(c.base.Text())), nil
}

// splitText leaves empty strings at the end out, as Java does.
func splitText(c *call) (expr.Value, error) {
	re, err := c.pattern(c.args[0].Text())
	if err != nil {
		return expr.Null(), err
	}
	parts := re.Split(c.base.Text(), c.limits.Items+1)
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	if len(parts) > c.limits.Items {
		return expr.Null(), c.errorf(c.at, "the list has more than %d elements", c.limits.Items)
	}
	items := make([]expr.Value, len(parts))
	for i, part := range parts {
		items[i] = expr.String(part)
	}
	return expr.List(items...), nil
}

// units are the UTF-16 code units of the base, by which Java counts, and the
// arguments as indexes into them.
func (c *call) units() (units []uint16, indexes []int64, err error) {
	s, ok := c.base.AsString()
	if !ok {
		_, err := c.wrongBase("a string")
		return nil, nil, err
	}
	for _, arg := range c.args {
		n, err := c.machine.number(c.at, arg)
		if err != nil {
			return nil, nil, err
		}
		i, _ := n.AsInt()
		indexes = append(indexes, i)
	}
	return utf16.Encode([]rune(s)), indexes, nil
}

func substring(c *call) (expr.Value, error) {
	units, indexes, err := c.units()
	if err != nil {
		return expr.Null(), err
	}
	indexes = append(indexes, int64(len(units)))
	from, to := indexes[0], indexes[1]
	if from < 0 || from > to || to > int64(len(units)) {
		return expr.Null(), c.errorf(c.at, "%s has no substring from %d to %d", c.base.Describe(), from, to)
	}
	return c.str(c.at, string(utf16.Decode(units[from:to])))
}

func charAt(c *call) (expr.Value, error) {
	units, indexes, err := c.units()
	if err != nil {
		return expr.Null(), err
	}
	i := indexes[0]
	if i < 0 || i >= int64(len(units)) {
		return expr.Null(), c.errorf(c.at, "%s has no character at %d", c.base.Describe(), i)
	}
	return c.str(c.at, string(utf16.Decode(units[i:i+1])))
}
