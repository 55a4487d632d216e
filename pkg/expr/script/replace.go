package script

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// replace is String.prototype.replace, and replaceAll if all is true.
func replace(all bool) wrapper {
	return func(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
		return func(c goja.FunctionCall) goja.Value {
			s := textOf(c.This)
			p, places := m.places(s, c.Argument(0), all)
			by, isFunction := goja.AssertFunction(c.Argument(1))
			template := ""
			if !isFunction {
				template = textOf(c.Argument(1))
			}
			var b strings.Builder
			last := 0
			for _, at := range places {
				b.WriteString(s[last:at[0]])
				if isFunction {
					b.WriteString(m.replacement(by, p, s, at))
				} else {
					m.expand(&b, template, p, s, at)
				}
				last = at[1]
				m.short(b.Len())
			}
			b.WriteString(s[last:])
			m.grow(b.Len())
			return m.js.ToValue(b.String())
		}
	}
}

// places are the matches to replace: of a pattern, or of a text as it is.
func (m *machine) places(s string, v goja.Value, all bool) (*pattern, [][]int) {
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "RegExp" {
		p := m.compile(keyOf(o))
		if p.global {
			return p, m.findAll(p, s)
		}
		if at := m.find(p, s, 0); at != nil {
			return p, [][]int{at}
		}
		return p, nil
	}
	wanted := textOf(v)
	p := m.compile(patternKey{source: regexp.QuoteMeta(wanted), flags: "g"})
	if all {
		return p, m.findAll(p, s)
	}
	m.charge(1 + len(s)/bytesPerStep)
	i := strings.Index(s, wanted)
	if i < 0 {
		return p, nil
	}
	return p, [][]int{{i, i + len(wanted)}}
}

// replacement is what a function of the script makes of a match.
func (m *machine) replacement(by goja.Callable, p *pattern, s string, at []int) string {
	args := make([]goja.Value, 0, len(at)/2+3)
	for i := range len(at) / 2 {
		args = append(args, m.group(s, at, i))
	}
	args = append(args, m.js.ToValue(units(s[:at[0]])), m.js.ToValue(s))
	if o := m.js.NewObject(); m.named(p, s, at, o) {
		args = append(args, o)
	}
	m.charge(len(args) + at[0]/bytesPerStep)
	return textOf(call(by, goja.FunctionCall{This: goja.Undefined(), Arguments: args}))
}

// expand writes a replacement in which $1, $&, $`, $', $<name> and $$ have a meaning.
func (m *machine) expand(b *strings.Builder, template string, p *pattern, s string, at []int) {
	m.charge(1 + len(template)/16)
	for i := 0; i < len(template); i++ {
		if template[i] != '$' || i+1 == len(template) {
			b.WriteByte(template[i])
			continue
		}
		part, width := reference(template[i+1:], p, s, at)
		b.WriteString(part)
		m.short(b.Len())
		i += width
	}
}

// reference is what stands for the characters behind a $, and how many they are.
func reference(rest string, p *pattern, s string, at []int) (part string, width int) {
	switch c := rest[0]; {
	case c == '$':
		return "$", 1
	case c == '&':
		return s[at[0]:at[1]], 1
	case c == '`':
		return s[:at[0]], 1
	case c == '\'':
		return s[at[1]:], 1
	case c == '<' && strings.Contains(rest, ">"):
		name, _, _ := strings.Cut(rest[1:], ">")
		return captured(s, at, p.re.SubexpIndex(name)), len(name) + 2
	case c >= '0' && c <= '9':
		for width := min(2, len(rest)); width > 0; width-- {
			if n, err := strconv.Atoi(rest[:width]); err == nil && n > 0 && n < len(at)/2 {
				return captured(s, at, n), width
			}
		}
	}
	return "$", 0
}

func captured(s string, at []int, i int) string {
	if i < 0 || 2*i >= len(at) || at[2*i] < 0 {
		return ""
	}
	return s[at[2*i]:at[2*i+1]]
}
