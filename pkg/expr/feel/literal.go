package feel

import (
	"strconv"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
)

// Literal writes a value as an expression that has it: strings in quotes, dates as
// @"2024-01-31". Functions have no such expression; what is written for them shows
// their parameters.
func Literal(v expr.Value) string { return string(appendLiteral(nil, v)) }

func appendLiteral(dst []byte, v expr.Value) []byte {
	switch v.Kind() {
	case expr.KindNull, expr.KindFunction:
		return appendText(dst, v)
	case expr.KindString:
		s, _ := v.AsString()
		return appendQuoted(dst, s)
	case expr.KindDate, expr.KindTime, expr.KindDateTime, expr.KindYearsMonths, expr.KindDaysTime:
		return appendQuoted(append(dst, '@'), v.Text())
	case expr.KindList:
		items, _ := v.AsList()
		dst = append(dst, '[')
		for i, item := range items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendLiteral(dst, item)
		}
		return append(dst, ']')
	case expr.KindContext:
		c, _ := v.AsContext()
		return appendLiteralEntries(dst, c)
	case expr.KindRange:
		r, _ := v.AsRange()
		return appendLiteralRange(dst, r)
	}
	return append(dst, v.Text()...)
}

func appendLiteralEntries(dst []byte, c *expr.Context) []byte {
	dst = append(dst, '{')
	for i := range c.Len() {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		key, value := c.At(i)
		if syntax.IsPlainName(key) {
			dst = append(dst, key...)
		} else {
			dst = appendQuoted(dst, key)
		}
		dst = appendLiteral(append(dst, ": "...), value)
	}
	return append(dst, '}')
}

func appendLiteralRange(dst []byte, r expr.Range) []byte {
	opening, closing := byte('('), byte(')')
	if r.LowClosed {
		opening = '['
	}
	if r.HighClosed {
		closing = ']'
	}
	dst = appendLiteral(append(dst, opening), r.Low)
	dst = appendLiteral(append(dst, ".."...), r.High)
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
