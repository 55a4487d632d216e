package juel

import (
	"strings"
	"unicode/utf16"

	"github.com/cockroachdb/apd/v3"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func collectionMethods() map[string]method {
	return map[string]method{
		"size":        {args: []int{0}, run: size},
		"isEmpty":     {args: []int{0}, run: func(c *call) (expr.Value, error) { return expr.Bool(isEmpty(c.base)), nil }},
		"get":         {args: []int{1}, run: func(c *call) (expr.Value, error) { return c.member(c.args[0]) }},
		"contains":    {args: []int{1}, run: contains},
		"indexOf":     {args: []int{1}, run: indexOf},
		"containsKey": {args: []int{1}, run: hasKey},
		"hasProp":     {args: []int{1}, run: hasKey},
		"prop":        {args: []int{1}, run: prop},
		"keySet":      {args: []int{0}, run: keys},
		"fieldNames":  {args: []int{0}, run: keys},
		"values":      {args: []int{0}, run: values},
		"elements":    {args: []int{0}, run: elements},
	}
}

func size(c *call) (expr.Value, error) {
	if items, ok := c.base.AsList(); ok {
		return expr.Int(int64(len(items))), nil
	}
	if context, ok := c.base.AsContext(); ok {
		return expr.Int(int64(context.Len())), nil
	}
	return c.wrongBase("a list or map")
}

// member is base[key].
func (c *call) member(key expr.Value) (expr.Value, error) {
	return (&property{at: c.at, base: &literal{value: c.base}, key: &literal{value: key}}).eval(c.machine)
}

func contains(c *call) (expr.Value, error) {
	if s, ok := c.base.AsString(); ok {
		return expr.Bool(strings.Contains(s, c.args[0].Text())), nil
	}
	if _, ok := c.base.AsList(); !ok {
		return c.wrongBase("a string or list")
	}
	return expr.Bool(c.position() >= 0), nil
}

// position is the index of the argument in the list, −1 if it is not there.
func (c *call) position() int {
	items, _ := c.base.AsList()
	for i, item := range items {
		if equal, ok := expr.Equal(item, c.args[0]); equal && ok {
			return i
		}
	}
	return -1
}

func indexOf(c *call) (expr.Value, error) {
	if s, ok := c.base.AsString(); ok {
		i := strings.Index(s, c.args[0].Text())
		if i < 0 {
			return expr.Int(-1), nil
		}
		return expr.Int(int64(len(utf16.Encode([]rune(s[:i]))))), nil
	}
	if _, ok := c.base.AsList(); !ok {
		return c.wrongBase("a string or list")
	}
	return expr.Int(int64(c.position())), nil
}

func hasKey(c *call) (expr.Value, error) {
	context, ok := c.base.AsContext()
	if !ok {
		return c.wrongBase("a map")
	}
	_, found := context.Get(c.args[0].Text())
	return expr.Bool(found), nil
}

// prop is the member of a JSON object; unlike get it has to be there.
func prop(c *call) (expr.Value, error) {
	context, ok := c.base.AsContext()
	if !ok {
		return c.wrongBase("a JSON object")
	}
	v, found := context.Get(c.args[0].Text())
	if !found {
		return v, c.errorf(c.at, "the JSON object has no member %q", c.args[0].Text())
	}
	return v, nil
}

func keys(c *call) (expr.Value, error) {
	context, ok := c.base.AsContext()
	if !ok {
		return c.wrongBase("a map")
	}
	items := make([]expr.Value, context.Len())
	for i := range items {
		key, _ := context.At(i)
		items[i] = expr.String(key)
	}
	return expr.List(items...), nil
}

func values(c *call) (expr.Value, error) {
	context, ok := c.base.AsContext()
	if !ok {
		return c.wrongBase("a map")
	}
	items := make([]expr.Value, context.Len())
	for i := range items {
		_, items[i] = context.At(i)
	}
	return expr.List(items...), nil
}

func elements(c *call) (expr.Value, error) {
	if _, ok := c.base.AsList(); !ok {
		return c.wrongBase("a JSON array")
	}
	return c.base, nil
}

func valueMethods() map[string]method {
	itself := method{args: []int{0}, run: func(c *call) (expr.Value, error) { return c.base, nil }}
	return map[string]method{
		"toString":    {args: []int{0}, run: func(c *call) (expr.Value, error) { return c.str(c.at, c.base.Text()) }},
		"equals":      {args: []int{1}, run: equals},
		"compareTo":   {args: []int{1}, run: compareTo},
		"intValue":    {args: []int{0}, run: whole},
		"longValue":   {args: []int{0}, run: whole},
		"doubleValue": {args: []int{0}, run: func(c *call) (expr.Value, error) { return c.number(c.at, c.base) }},
		"numberValue": {args: []int{0}, run: ofKind(expr.KindNumber)},
		"stringValue": {args: []int{0}, run: ofKind(expr.KindString)},
		"boolValue":   {args: []int{0}, run: ofKind(expr.KindBoolean)},
		"value":       itself,
		"toDate":      itself,
		"getTime":     {args: []int{0}, run: func(c *call) (expr.Value, error) { return c.member(expr.String("time")) }},
	}
}

func equals(c *call) (expr.Value, error) {
	equal, ok := expr.Equal(c.base, c.args[0])
	return expr.Bool(equal && ok), nil
}

func compareTo(c *call) (expr.Value, error) {
	order, err := c.compare(c.at, c.base, c.args[0])
	return expr.Int(int64(order)), err
}

// whole cuts the fraction off.
func whole(c *call) (expr.Value, error) {
	n, err := c.number(c.at, c.base)
	if err != nil {
		return n, err
	}
	d, _ := n.AsDecimal()
	if d.Exponent >= 0 {
		return n, nil
	}
	var integer, fraction apd.Decimal
	d.Modf(&integer, &fraction)
	return expr.Number(&integer), nil
}

func ofKind(kind expr.Kind) func(c *call) (expr.Value, error) {
	return func(c *call) (expr.Value, error) {
		if c.base.Kind() != kind {
			return c.wrongBase("a JSON " + kind.String())
		}
		return c.base, nil
	}
}
