package feel

import (
	"strconv"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

const maxDecimals = 100 // that string format writes

// stringFormat fills in a template: %s any value as string() writes it, %d a whole
// number, %f or %.2f a number with six or so many digits after the point, %% a
// percent sign. The values are further arguments, or one list of them.
func stringFormat(c *invocation) expr.Value {
	texts, ok := c.texts(1)
	if !ok {
		return expr.Null()
	}
	values := c.args[1:c.n]
	if len(values) == 1 {
		if items, isList := values[0].AsList(); isList {
			values = items
		}
	}
	var out strings.Builder
	for rest := texts[0]; rest != ""; {
		plain, directive, found := strings.Cut(rest, "%")
		out.WriteString(plain)
		if !found {
			break
		}
		width := strings.IndexAny(directive, "sdf%") + 1
		if width == 0 {
			return c.null("a %% has to be followed by s, d, f, .2f or %%")
		}
		verb := directive[:width]
		rest = directive[width:]
		if verb == "%" {
			out.WriteByte('%')
			continue
		}
		if len(values) == 0 {
			return c.null("there are fewer values than directives")
		}
		text, ok := c.formatted(verb, values[0])
		if !ok {
			return expr.Null()
		}
		out.WriteString(text)
		values = values[1:]
		if out.Len() > c.limits.Bytes {
			break
		}
	}
	return c.str(out.String())
}

// formatted is a value as a directive has it.
func (c *invocation) formatted(verb string, v expr.Value) (string, bool) {
	decimals, isDecimal := decimalsOf(verb)
	switch {
	case verb == "s":
		if s, ok := v.AsString(); ok {
			return s, true
		}
		c.work(v)
		return asText.print(v), true
	case v.Kind() != expr.KindNumber:
		c.null("%%%s is for numbers, not for %s", verb, v.Describe())
		return "", false
	case verb == "d":
		if n, ok := v.AsInt(); ok {
			return strconv.FormatInt(n, 10), true
		}
		c.null("%%d is for whole numbers, not for %s", v.Text())
		return "", false
	case isDecimal:
		return fixed(v, decimals), true
	}
	c.null("%%%s has no meaning; use %%s, %%d, %%f or %%.2f", verb)
	return "", false
}

// decimalsOf is 2 for .2f, and 6 for f.
func decimalsOf(verb string) (int, bool) {
	if verb == "f" {
		return 6, true
	}
	digits, ok := strings.CutPrefix(verb, ".")
	digits, isFixed := strings.CutSuffix(digits, "f")
	n, err := strconv.Atoi(digits)
	return n, ok && isFixed && err == nil && n >= 0 && n <= maxDecimals
}

// fixed is a number with so many digits after the point, rounded half to even.
func fixed(v expr.Value, decimals int) string {
	d, _ := rounded(v, int64(decimals), "half_even").AsDecimal()
	if d == nil {
		return v.Text()
	}
	whole, fraction, _ := strings.Cut(d.Text('f'), ".")
	if decimals == 0 {
		return whole
	}
	return whole + "." + fraction + strings.Repeat("0", max(decimals-len(fraction), 0))
}
