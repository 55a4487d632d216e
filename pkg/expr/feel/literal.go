package feel

import (
	"strconv"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// Literal writes a value as an expression that has it: strings in quotes, dates as
// @"2024-01-31". Functions have no such expression; what is written for them shows
// their parameters.
func Literal(v expr.Value) string { return asLiteral.print(v) }

// notation is how values are written.
type notation int

const (
	asText    notation = iota // as string() gives them: dates bare, strings inside others as in JSON
	asLiteral                 // as expressions that have them
)

func (n notation) print(v expr.Value) string { return string(n.append(nil, v)) }

func (n notation) append(dst []byte, v expr.Value) []byte {
	switch v.Kind() {
	case expr.KindNull:
		return append(dst, "null"...)
	case expr.KindString:
		s, _ := v.AsString()
		return n.appendString(dst, s)
	case expr.KindDate, expr.KindTime, expr.KindDateTime, expr.KindYearsMonths, expr.KindDaysTime:
		return n.appendTemporal(dst, v)
	case expr.KindList:
		items, _ := v.AsList()
		return n.appendList(dst, items)
	case expr.KindContext:
		c, _ := v.AsContext()
		return n.appendContext(dst, c)
	case expr.KindRange:
		r, _ := v.AsRange()
		return n.appendRange(dst, r)
	case expr.KindFunction:
		f, _ := v.AsFunction()
		return append(dst, "function("+strings.Join(f.Parameters(), ", ")+")"...)
	}
	return append(dst, v.Text()...)
}

func (n notation) appendString(dst []byte, s string) []byte {
	if n == asLiteral {
		return appendQuoted(dst, s)
	}
	quoted, _ := expr.String(s).AppendJSON(dst) // strings always have a JSON form
	return quoted
}

func (n notation) appendTemporal(dst []byte, v expr.Value) []byte {
	if n == asLiteral {
		return appendQuoted(append(dst, '@'), v.Text())
	}
	return append(dst, v.Text()...)
}

func (n notation) appendList(dst []byte, items []expr.Value) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = n.append(dst, item)
	}
	return append(dst, ']')
}

func (n notation) appendContext(dst []byte, c *expr.Context) []byte {
	dst = append(dst, '{')
	for i := range c.Len() {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		key, value := c.At(i)
		if syntax.IsPlainName(key) {
			dst = append(dst, key...)
		} else {
			dst = n.appendString(dst, key)
		}
		dst = n.append(append(dst, ": "...), value)
	}
	return append(dst, '}')
}

func (n notation) appendRange(dst []byte, r expr.Range) []byte {
	opening, closing := byte('('), byte(')')
	if r.LowClosed {
		opening = '['
	}
	if r.HighClosed {
		closing = ']'
	}
	dst = n.append(append(dst, opening), r.Low)
	dst = n.append(append(dst, ".."...), r.High)
	return append(dst, closing)
}

const hexDigits = "0123456789ABCDEF"

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case strconv.IsPrint(r) || r > 0xffff:
			dst = append(dst, string(r)...)
		default:
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		}
	}
	return append(dst, '"')
}
