package feel

import (
	"sort"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func listFunctions() []*builtin {
	return []*builtin{
		function("list contains", listContains, "list, element"),
		function("count", func(c *invocation) expr.Value {
			items, ok := c.items(0)
			if !ok {
				return expr.Null()
			}
			return expr.Int(int64(len(items)))
		}, "list"),
		function("is empty", func(c *invocation) expr.Value {
			items, ok := c.items(0)
			if !ok {
				return expr.Null()
			}
			return expr.Bool(len(items) == 0)
		}, "list"),
		function("sublist", sublist, "list, start position, length?"),
		function("append", appendItems, "list, item..."),
		function("concatenate", concatenate, "list..."),
		function("insert before", insertBefore, "list, position, newItem"),
		function("remove", remove, "list, position"),
		function("list replace", listReplace, "list, position, newItem", "list, match, newItem"),
		function("reverse", reverse, "list"),
		function("index of", indexOf, "list, match"),
		function("union", union, "list..."),
		function("distinct values", func(c *invocation) expr.Value { return c.overItems(c.distinct) }, "list"),
		function("duplicate values", func(c *invocation) expr.Value { return c.overItems(c.duplicates) }, "list"),
		function("flatten", flatten, "list"),
		function("sort", sortList, "list, precedes?"),
		function("partition", partition, "list, size"),
	}
}

func (c *invocation) overItems(f func([]expr.Value) []expr.Value) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	return c.list(f(items))
}

// found tells whether v is among items; every comparison is a step.
func (c *invocation) found(items []expr.Value, v expr.Value) bool {
	for _, item := range items {
		if !c.charge(1) {
			return false
		}
		if c.same(item, v) {
			return true
		}
	}
	return false
}

func listContains(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	return expr.Bool(c.found(items, c.args[1]))
}

// place is the index from 0 of a position counted from 1, or from −1 backwards.
func (c *invocation) place(i, count int) (int, bool) {
	n, ok := c.integer(i)
	if !ok {
		return 0, false
	}
	if n < 0 {
		n += int64(count) + 1
	}
	if n < 1 || n > int64(count) {
		c.null("the list of %d elements has none at %s", count, c.args[i].Text())
		return 0, false
	}
	return int(n - 1), true
}

func sublist(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	start, ok := c.place(1, len(items))
	if !ok {
		return expr.Null()
	}
	rest := items[start:]
	if c.n > 2 {
		length, ok := c.integer(2)
		if !ok {
			return expr.Null()
		}
		if length < 0 || length > int64(len(rest)) {
			return c.null("the list of %d elements has no %d from %s on", len(items), length, c.args[1].Text())
		}
		rest = rest[:length]
	}
	return c.list(rest)
}

func appendItems(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	return c.join(items, c.args[1:c.n])
}

func (c *invocation) join(parts ...[]expr.Value) expr.Value {
	joined := []expr.Value{}
	for _, part := range parts {
		if !c.roomFor(len(joined) + len(part)) {
			return expr.Null()
		}
		joined = append(joined, part...)
	}
	return c.list(joined)
}

// lists are all arguments as lists.
func (c *invocation) lists() ([][]expr.Value, bool) {
	var lists [][]expr.Value
	for i := range c.n {
		items, ok := c.items(i)
		if !ok {
			return nil, false
		}
		lists = append(lists, items)
	}
	return lists, true
}

func concatenate(c *invocation) expr.Value {
	lists, ok := c.lists()
	if !ok {
		return expr.Null()
	}
	return c.join(lists...)
}

func insertBefore(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	i, ok := c.place(1, len(items))
	if !ok {
		return expr.Null()
	}
	return c.join(items[:i], c.args[2:3], items[i:])
}

func remove(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	i, ok := c.place(1, len(items))
	if !ok {
		return expr.Null()
	}
	return c.join(items[:i], items[i+1:])
}

// listReplace replaces the element at a position, or all for which the function
// match(item, newItem) is true.
func listReplace(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	if c.args[1].Kind() != expr.KindFunction {
		i, ok := c.place(1, len(items))
		if !ok {
			return expr.Null()
		}
		return c.join(items[:i], c.args[2:3], items[i+1:])
	}
	match, ok := c.callable(1)
	if !ok {
		return expr.Null()
	}
	replaced := make([]expr.Value, len(items))
	for i, item := range items {
		replaced[i] = item
		b, isBool := match.invoke(c.machine, []expr.Value{item, c.args[2]}, c.site).AsBool()
		if !isBool {
			return c.null("the function does not give a boolean")
		}
		if b {
			replaced[i] = c.args[2]
		}
	}
	return c.list(replaced)
}

func reverse(c *invocation) expr.Value {
	return c.overItems(func(items []expr.Value) []expr.Value {
		reversed := make([]expr.Value, len(items))
		for i, item := range items {
			reversed[len(items)-1-i] = item
		}
		return reversed
	})
}

func indexOf(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	positions := []expr.Value{}
	for i, item := range items {
		if c.same(item, c.args[1]) {
			positions = append(positions, expr.Int(int64(i+1)))
		}
	}
	return c.list(positions)
}

func union(c *invocation) expr.Value {
	lists, ok := c.lists()
	if !ok {
		return expr.Null()
	}
	var all []expr.Value
	for _, items := range lists {
		all = append(all, items...)
	}
	return c.list(c.distinct(all))
}

func (c *invocation) distinct(items []expr.Value) []expr.Value {
	kept := []expr.Value{}
	for _, item := range items {
		if !c.found(kept, item) {
			kept = append(kept, item)
		}
		if c.err != nil {
			break
		}
	}
	return kept
}

func (c *invocation) duplicates(items []expr.Value) []expr.Value {
	twice := []expr.Value{}
	for i, item := range items {
		if c.err != nil {
			break
		}
		if c.found(items[i+1:], item) && !c.found(twice, item) {
			twice = append(twice, item)
		}
	}
	return twice
}

func flatten(c *invocation) expr.Value {
	return c.overItems(func(items []expr.Value) []expr.Value {
		return c.flat([]expr.Value{}, items)
	})
}

func (c *invocation) flat(dst, items []expr.Value) []expr.Value {
	for _, item := range items {
		if !c.charge(1) || !c.roomFor(len(dst)) {
			return dst
		}
		if inner, ok := item.AsList(); ok {
			dst = c.flat(dst, inner)
			continue
		}
		dst = append(dst, item)
	}
	return dst
}

// sortList is stable. precedes(x, y) is true where x comes first; without it the
// natural order is taken.
func sortList(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	precedes := natural
	if c.n == 1 {
		for _, item := range items {
			if _, ok := expr.Compare(items[0], item); !ok {
				return c.null("%s and %s have no order", items[0].Describe(), item.Describe())
			}
		}
	} else {
		f, ok := c.callable(1)
		if !ok {
			return expr.Null()
		}
		precedes = func(a, b expr.Value) bool {
			return f.invoke(c.machine, []expr.Value{a, b}, c.site).IsTrue()
		}
	}
	sorted := append([]expr.Value{}, items...)
	sort.SliceStable(sorted, func(i, j int) bool {
		return c.charge(1) && precedes(sorted[i], sorted[j])
	})
	return c.list(sorted)
}

func natural(a, b expr.Value) bool {
	order, _ := expr.Compare(a, b)
	return order < 0
}

func partition(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	size, ok := c.integer(1)
	if !ok {
		return expr.Null()
	}
	if size < 1 {
		return c.null("the size is %d; it has to be 1 or more", size)
	}
	parts := []expr.Value{}
	for len(items) > 0 {
		n := min(int64(len(items)), size)
		parts = append(parts, expr.List(items[:n:n]...))
		items = items[n:]
	}
	return c.list(parts)
}
