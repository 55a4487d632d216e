package feel

import (
	"sort"

	"github.com/cockroachdb/apd/v3"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func aggregateFunctions() []*builtin {
	return []*builtin{
		function("min", extreme(-1), "list", "c..."),
		function("max", extreme(1), "list", "c..."),
		function("sum", sum, "list", "n..."),
		function("product", product, "list", "n..."),
		function("mean", mean, "list", "n..."),
		function("median", median, "list", "n..."),
		function("stddev", stddev, "list", "n..."),
		function("mode", mode, "list", "n..."),
	}
}

// extreme is min (−1) or max (1); null for an empty list.
func extreme(sign int) func(*invocation) expr.Value {
	return func(c *invocation) expr.Value {
		items, ok := c.spread()
		if !ok || len(items) == 0 {
			return expr.Null()
		}
		best := items[0]
		for _, item := range items {
			order, ok := expr.Compare(item, best)
			if !ok {
				return c.null("%s and %s have no order", item.Describe(), best.Describe())
			}
			if order == sign {
				best = item
			}
		}
		return best
	}
}

// numbers are the elements if all are numbers and there is at least one.
func (c *invocation) numbers() ([]expr.Value, bool) {
	items, ok := c.spread()
	if !ok || len(items) == 0 {
		return nil, false
	}
	for i, item := range items {
		if item.Kind() != expr.KindNumber {
			c.null("element %d of the list is %s, not a number", i+1, item.Describe())
			return nil, false
		}
	}
	return items, c.charge(len(items))
}

// sum adds numbers or durations of one kind.
func sum(c *invocation) expr.Value {
	items, ok := c.spread()
	if !ok || len(items) == 0 {
		return expr.Null()
	}
	if !isDuration(items[0]) {
		if items, ok = c.numbers(); !ok {
			return expr.Null()
		}
	}
	total := items[0]
	for _, item := range items[1:] {
		total = c.add(total, item, c.site)
	}
	return total
}

func product(c *invocation) expr.Value {
	numbers, ok := c.numbers()
	if !ok {
		return expr.Null()
	}
	total := expr.Int(1)
	for _, n := range numbers {
		total = c.number(expr.Multiply(total, n), c.site)
		if total.IsNull() {
			break
		}
	}
	return total
}

func mean(c *invocation) expr.Value {
	total := sum(c)
	if total.IsNull() {
		return total
	}
	items, _ := c.spread()
	return c.divide(total, expr.Int(int64(len(items))), c.site)
}

func median(c *invocation) expr.Value {
	numbers, ok := c.numbers()
	if !ok {
		return expr.Null()
	}
	sorted := ascending(numbers)
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return expr.Divide(c.add(sorted[middle-1], sorted[middle], c.site), expr.Int(2))
}

func ascending(numbers []expr.Value) []expr.Value {
	sorted := append([]expr.Value{}, numbers...)
	sort.SliceStable(sorted, func(i, j int) bool { return expr.CompareNumbers(sorted[i], sorted[j]) < 0 })
	return sorted
}

// stddev is the standard deviation of a sample: it needs two numbers.
func stddev(c *invocation) expr.Value {
	numbers, ok := c.numbers()
	if !ok {
		return expr.Null()
	}
	if len(numbers) < 2 {
		return c.null("two numbers or more are needed")
	}
	average := mean(c)
	squares := expr.Int(0)
	for _, n := range numbers {
		deviation := expr.Subtract(n, average)
		squares = expr.Add(squares, expr.Multiply(deviation, deviation))
		if squares.IsNull() {
			return c.number(squares, c.site)
		}
	}
	variance := expr.Divide(squares, expr.Int(int64(len(numbers)-1)))
	return elementary(variance, (*apd.Context).Sqrt)
}

// mode is the list of the most frequent numbers, ascending.
func mode(c *invocation) expr.Value {
	items, ok := c.spread()
	if !ok {
		return expr.Null()
	}
	if len(items) == 0 {
		return c.list([]expr.Value{})
	}
	numbers, ok := c.numbers()
	if !ok {
		return expr.Null()
	}
	sorted := ascending(numbers)
	var most []expr.Value
	longest := 0
	for start := 0; start < len(sorted); {
		end := start
		for end < len(sorted) && expr.CompareNumbers(sorted[start], sorted[end]) == 0 {
			end++
		}
		if run := end - start; run > longest {
			most, longest = nil, run
		}
		if end-start == longest {
			most = append(most, sorted[start])
		}
		start = end
	}
	return c.list(most)
}
