package feel

import "github.com/barnabas-project/barnabas/pkg/expr"

func logicFunctions() []*builtin {
	return []*builtin{
		function("not", func(c *invocation) expr.Value {
			if _, ok := c.args[0].AsBool(); !ok && c.given(0) {
				return c.want(0, "boolean")
			}
			return not(c.args[0])
		}, "negand"),
		// The argument of is defined is looked at by the compiler; a value that
		// gets here exists.
		function("is defined", func(*invocation) expr.Value { return expr.Bool(true) }, "value"),
		function("get or else", func(c *invocation) expr.Value {
			if c.given(0) {
				return c.args[0]
			}
			return c.args[1]
		}, "value, default"),
		function("assert", assert, "value, condition, cause?"),
		function("is", func(c *invocation) expr.Value { return expr.Bool(identical(c.args[0], c.args[1])) }, "value1, value2"),
		function("all", quantify(false), "list", "b..."),
		function("any", quantify(true), "list", "b..."),
	}
}

// assert fails the evaluation unless the condition is true.
func assert(c *invocation) expr.Value {
	if c.args[1].IsTrue() {
		return c.args[0]
	}
	cause := "the assertion does not hold"
	if s, ok := c.args[2].AsString(); ok {
		cause = s
	}
	if c.err == nil {
		c.err = c.site.errorf("assert(): %s", cause)
	}
	return expr.Null()
}

// identical is equality that tells zones and offsets apart.
func identical(a, b expr.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	if a.Kind() == expr.KindTime || a.Kind() == expr.KindDateTime {
		return a.Text() == b.Text()
	}
	equal, ok := expr.Equal(a, b)
	return equal && ok
}

// quantify is any (decisive true) or all (decisive false): three-valued over a
// list.
func quantify(decisive bool) func(*invocation) expr.Value {
	return func(c *invocation) expr.Value {
		items, ok := c.spread()
		if !ok {
			return expr.Null()
		}
		result := expr.Bool(!decisive)
		for i, item := range items {
			b, isBool := item.AsBool()
			switch {
			case isBool && b == decisive:
				return item
			case !isBool && !item.IsNull():
				return c.null("element %d of the list is %s, not a boolean", i+1, item.Describe())
			case !isBool:
				result = expr.Null()
			}
		}
		return result
	}
}

// spread is the list that is the only argument, or else the arguments as a list.
func (c *invocation) spread() ([]expr.Value, bool) {
	if c.n == 1 {
		return c.items(0)
	}
	return c.args[:c.n], true
}
