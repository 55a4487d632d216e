package feel

import (
	"encoding/base64"
	"regexp"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/pattern"
)

func stringFunctions() []*builtin {
	return []*builtin{
		function("substring", substring, "string, start position, length?"),
		textFunction("string length", func(s, _ string) expr.Value { return expr.Int(int64(utf8.RuneCountInString(s))) }, "string"),
		function("upper case", func(c *invocation) expr.Value { return c.mapText(upper) }, "string"),
		function("lower case", func(c *invocation) expr.Value { return c.mapText(strings.ToLower) }, "string"),
		function("trim", func(c *invocation) expr.Value { return c.mapText(strings.TrimSpace) }, "string"),
		function("substring before", substringBefore, "string, match"),
		function("substring after", substringAfter, "string, match"),
		textFunction("contains", func(s, match string) expr.Value { return expr.Bool(strings.Contains(s, match)) }, "string, match"),
		textFunction("starts with", func(s, match string) expr.Value { return expr.Bool(strings.HasPrefix(s, match)) }, "string, match"),
		textFunction("ends with", func(s, match string) expr.Value { return expr.Bool(strings.HasSuffix(s, match)) }, "string, match"),
		textFunction("is blank", func(s, _ string) expr.Value { return expr.Bool(strings.TrimSpace(s) == "") }, "string"),
		function("matches", matches, "input, pattern, flags?"),
		function("replace", replace, "input, pattern, replacement, flags?"),
		function("split", split, "string, delimiter"),
		function("extract", extract, "string, pattern"),
		function("string join", stringJoin, "list, delimiter?", "list, delimiter, prefix, suffix"),
		function("string format", stringFormat, "template, values..."),
		function("to base64", func(c *invocation) expr.Value {
			return c.mapText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })
		}, "value"),
	}
}

// upper gives the sharp s its two capitals (Unicode's SpecialCasing), which the
// library leaves alone.
func upper(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "ß", "SS") }

func (c *invocation) text1(f func(string) expr.Value) expr.Value {
	texts, ok := c.texts(1)
	if !ok {
		return expr.Null()
	}
	return f(texts[0])
}

func (c *invocation) mapText(f func(string) string) expr.Value {
	return c.text1(func(s string) expr.Value { return c.str(f(s)) })
}

// textFunction is a function of one or two strings that makes no string.
func textFunction(name string, of func(a, b string) expr.Value, params string) *builtin {
	b := function(name, func(c *invocation) expr.Value {
		texts, ok := c.texts(len(c.args))
		if !ok {
			return expr.Null()
		}
		return of(texts[0], texts[len(texts)-1])
	}, params)
	b.ofTexts = of
	return b
}

// substring counts code points from 1, or from −1 backwards.
func substring(c *invocation) expr.Value {
	texts, ok := c.texts(1)
	if !ok {
		return expr.Null()
	}
	start, ok := c.integer(1)
	if !ok {
		return expr.Null()
	}
	runes := []rune(texts[0])
	count := int64(len(runes))
	if start < 0 {
		start += count + 1
	}
	if start < 1 || start > count {
		return c.null("the string of %d characters has none at %s", count, c.args[1].Text())
	}
	length := count
	if c.n > 2 {
		if length, ok = c.integer(2); !ok {
			return expr.Null()
		}
		if length < 1 {
			return c.null("the length is %d; it has to be 1 or more", length)
		}
	}
	return c.str(string(runes[start-1 : start-1+min(length, count-start+1)]))
}

func substringBefore(c *invocation) expr.Value {
	texts, ok := c.texts(2)
	if !ok {
		return expr.Null()
	}
	before, _, found := strings.Cut(texts[0], texts[1])
	if !found {
		before = ""
	}
	return c.str(before)
}

func substringAfter(c *invocation) expr.Value {
	texts, ok := c.texts(2)
	if !ok {
		return expr.Null()
	}
	_, after, _ := strings.Cut(texts[0], texts[1])
	return c.str(after)
}

// pattern compiles the pattern in argument i with the flags in argument j.
func (c *invocation) pattern(i, j int) (*regexp.Regexp, bool) {
	flags := ""
	if j < len(c.args) && c.given(j) {
		s, ok := c.args[j].AsString()
		if !ok {
			c.want(j, "string")
			return nil, false
		}
		flags = s
	}
	text, _ := c.only(i).AsString()
	input, _ := c.only(0).AsString()
	known, err := c.last.compile(text, flags)
	if err != nil {
		c.null("%v", err)
		return nil, false
	}
	return known.re, c.charge(pattern.Work(known.states, text, input))
}

// lastPattern is the pattern that a call used last: mostly a literal, so that it
// need not be compiled again.
type lastPattern struct{ known atomic.Pointer[knownPattern] }

type knownPattern struct {
	text, flags string
	re          *regexp.Regexp
	states      int // of the automaton: the work per character
}

func (l *lastPattern) compile(text, flags string) (*knownPattern, error) {
	if known := l.known.Load(); known != nil && known.text == text && known.flags == flags {
		return known, nil
	}
	re, err := pattern.Compile(text, flags)
	if err != nil {
		return nil, err
	}
	known := &knownPattern{text: text, flags: flags, re: re, states: pattern.States(re)}
	l.known.Store(known)
	return known, nil
}

func matches(c *invocation) expr.Value {
	texts, ok := c.texts(2)
	if !ok {
		return expr.Null()
	}
	re, ok := c.pattern(1, 2)
	if !ok {
		return expr.Null()
	}
	return expr.Bool(re.MatchString(texts[0]))
}

func replace(c *invocation) expr.Value {
	texts, ok := c.texts(3)
	if !ok {
		return expr.Null()
	}
	re, ok := c.pattern(1, 3)
	if !ok {
		return expr.Null()
	}
	template := texts[2]
	if flags, _ := c.args[3].AsString(); strings.Contains(flags, "q") {
		template = strings.ReplaceAll(template, "$", "$$")
	} else if template, ok = pattern.Template(template, re.NumSubexp()); !ok {
		return c.null(`in %q, "$" has to be followed by a digit and "\" by "$" or "\"`, texts[2])
	}
	return c.replaceAll(re, texts[0], template)
}

// replaceAll stops where the result grows beyond the limit.
func (c *invocation) replaceAll(re *regexp.Regexp, s, template string) expr.Value {
	var out []byte
	last := 0
	matches := re.FindAllStringSubmatchIndex(s, c.limits.Steps-c.steps+1)
	if !c.charge(len(matches)) {
		return expr.Null()
	}
	for _, match := range matches {
		out = append(out, s[last:match[0]]...)
		out = re.ExpandString(out, template, s, match)
		last = match[1]
		if len(out) > c.limits.Bytes {
			break
		}
	}
	return c.str(string(append(out, s[last:]...)))
}

func split(c *invocation) expr.Value {
	texts, ok := c.texts(2)
	if !ok {
		return expr.Null()
	}
	re, ok := c.pattern(1, 2)
	if !ok {
		return expr.Null()
	}
	return c.strings(re.Split(texts[0], c.limits.Items+1))
}

func extract(c *invocation) expr.Value {
	texts, ok := c.texts(2)
	if !ok {
		return expr.Null()
	}
	re, ok := c.pattern(1, 2)
	if !ok {
		return expr.Null()
	}
	return c.strings(re.FindAllString(texts[0], c.limits.Items+1))
}

func (c *invocation) strings(texts []string) expr.Value {
	items := make([]expr.Value, len(texts))
	for i, s := range texts {
		items[i] = expr.String(s)
	}
	return c.list(items)
}

// stringJoin leaves nulls out.
func stringJoin(c *invocation) expr.Value {
	items, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	extras := [3]string{}
	for i := range extras {
		s, isString := c.args[i+1].AsString()
		if !isString && c.given(i+1) {
			return c.want(i+1, "string")
		}
		extras[i] = s
	}
	var texts []string
	size := len(extras[1]) + len(extras[2])
	for i, item := range items {
		if item.IsNull() {
			continue
		}
		s, isString := item.AsString()
		if !isString {
			return c.null("element %d of the list is %s, not a string", i+1, item.Describe())
		}
		texts = append(texts, s)
		if size += len(s) + len(extras[0]); !c.hasRoom(int64(size)) {
			return expr.Null()
		}
	}
	return c.str(extras[1] + strings.Join(texts, extras[0]) + extras[2])
}
