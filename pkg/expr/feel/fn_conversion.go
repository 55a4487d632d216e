package feel

import (
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func conversionFunctions() []*builtin {
	return []*builtin{
		function("string", toString, "from"),
		function("number", toNumber, "from", "from, grouping separator, decimal separator?"),
		function("duration", toDuration, "from"),
		function("from json", fromJSON, "value"),
		function("to json", toJSON, "value"),
	}
}

func toString(c *invocation) expr.Value {
	if !c.given(0) {
		return expr.Null()
	}
	if s, ok := c.args[0].AsString(); ok {
		return expr.String(s)
	}
	return c.str(asText.print(c.args[0]))
}

// toNumber reads digits with the given separators: grouping is space, comma or
// period, decimal period or comma, both may be null.
func toNumber(c *invocation) expr.Value {
	if c.n == 1 && c.args[0].Kind() == expr.KindNumber {
		return c.args[0]
	}
	text, ok := c.args[0].AsString()
	if !ok {
		return c.want(0, "string")
	}
	grouping, ok1 := c.separator(1, " ,.")
	decimal, ok2 := c.separator(2, ",.")
	if !ok1 || !ok2 {
		return expr.Null()
	}
	if grouping != "" && grouping == decimal {
		return c.null("the separators are the same")
	}
	if grouping != "" {
		text = strings.ReplaceAll(text, grouping, "")
	}
	if decimal == "," {
		if strings.Contains(text, ".") {
			return c.null("%s is not a number", c.args[0].Describe())
		}
		text = strings.ReplaceAll(text, ",", ".")
	}
	v, ok := expr.ParseNumber(text)
	if !ok {
		return c.null("%s is not a number", c.args[0].Describe())
	}
	return v
}

func (c *invocation) separator(i int, allowed string) (string, bool) {
	if i >= len(c.args) || !c.given(i) {
		return "", true
	}
	s, ok := c.args[i].AsString()
	if !ok || len(s) != 1 || !strings.Contains(allowed, s) {
		c.null("argument %d is %s, not one of the separators %q", i+1, c.args[i].Describe(), allowed)
		return "", false
	}
	return s, true
}

func toDuration(c *invocation) expr.Value {
	if isDuration(c.args[0]) {
		return c.args[0]
	}
	return c.text1(func(s string) expr.Value {
		v, ok := expr.ParseDuration(s)
		if !ok {
			return c.null("%q is not a duration such as P1Y2M or P3DT4H5M", s)
		}
		return v
	})
}

func fromJSON(c *invocation) expr.Value {
	return c.text1(func(s string) expr.Value {
		v, err := expr.FromJSON([]byte(s))
		if err != nil {
			return c.null("%v", err)
		}
		return c.built(v)
	})
}

func toJSON(c *invocation) expr.Value {
	size := c.args[0].Size() // about that of the text, or less
	if !c.hasRoom(size) {
		return expr.Null()
	}
	text, err := c.args[0].AppendJSON(make([]byte, 0, size+size/8))
	if err != nil {
		return c.null("%v", err)
	}
	return c.str(string(text))
}
