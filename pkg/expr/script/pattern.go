package script

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"

	patterns "github.com/barnabas-project/barnabas/pkg/expr/feel/pattern"
)

const maxPattern = 4096 // bytes

type patternKey struct{ source, flags string }

// pattern is a regular expression of linear time.
type pattern struct {
	re     *regexp.Regexp
	states int
	global bool
}

// translatePattern makes a pattern of JavaScript one of Go.
func translatePattern(source, flags string) (*regexp.Regexp, error) {
	if len(source) > maxPattern {
		return nil, fmt.Errorf("the pattern has %d bytes; at most %d are allowed", len(source), maxPattern)
	}
	if at := strings.IndexFunc(flags, func(r rune) bool { return !strings.ContainsRune("gimsu", r) }); at >= 0 {
		return nil, fmt.Errorf("the flag %q of a pattern is not available; there are g, i, m, s and u", flags[at:at+1])
	}
	translated, err := parser.TransformRegExp(source, strings.Contains(flags, "s"), strings.Contains(flags, "u"))
	var backtracks parser.RegexpErrorIncompatible
	if errors.As(err, &backtracks) {
		return nil, fmt.Errorf("the pattern %q would have to backtrack, and its time could not be bounded; write it without lookahead, lookbehind and backreferences", source)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %w", source, err)
	}
	ours := ""
	for _, flag := range "ims" {
		if strings.ContainsRune(flags, flag) {
			ours += string(flag)
		}
	}
	if ours != "" {
		translated = "(?" + ours + ":" + translated + ")"
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %w", source, err)
	}
	return re, nil
}

// regExp is the constructor: the original makes the object, which keeps source,
// flags and lastIndex.
func (m *machine) regExp(original goja.Value) func(goja.ConstructorCall) *goja.Object {
	return func(c goja.ConstructorCall) *goja.Object {
		key := patternKey{}
		if o, ok := c.Argument(0).(*goja.Object); ok && o.ClassName() == "RegExp" {
			key = keyOf(o)
		} else if !goja.IsUndefined(c.Argument(0)) {
			key.source = textOf(c.Argument(0))
		}
		if !goja.IsUndefined(c.Argument(1)) {
			key.flags = textOf(c.Argument(1))
		}
		m.compile(key)
		o, err := m.js.New(original, m.js.ToValue(key.source), m.js.ToValue(key.flags))
		if err != nil {
			panic(err)
		}
		return o
	}
}

func keyOf(o *goja.Object) patternKey {
	return patternKey{source: textOf(o.Get("source")), flags: textOf(o.Get("flags"))}
}

// compile keeps the patterns of an evaluation.
func (m *machine) compile(key patternKey) *pattern {
	if p, ok := m.patterns[key]; ok {
		return p
	}
	m.charge(20 + len(key.source)/4)
	re, err := translatePattern(key.source, key.flags)
	if err != nil {
		m.fail("%v", err)
	}
	if m.patterns == nil {
		m.patterns = map[patternKey]*pattern{}
	}
	p := &pattern{re: re, states: patterns.States(re), global: strings.Contains(key.flags, "g")}
	m.patterns[key] = p
	return p
}

// patternOf is the pattern of an argument, made of its text if it is none.
func (m *machine) patternOf(v goja.Value, flags string) (*pattern, *goja.Object) {
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "RegExp" {
		return m.compile(keyOf(o)), o
	}
	source := "(?:)"
	if !goja.IsUndefined(v) {
		source = textOf(v)
	}
	return m.compile(patternKey{source, flags}), nil
}

// read counts the work of looking for a pattern in a text.
func (m *machine) read(p *pattern, s string) { m.charge(10 + len(s)*p.states/256) }

// find is the first match that begins at or behind an offset in bytes; nil if there is none.
func (m *machine) find(p *pattern, s string, from int) []int {
	m.read(p, s)
	if from == 0 {
		return p.re.FindStringSubmatchIndex(s)
	}
	for _, at := range m.findAll(p, s) {
		if at[0] >= from {
			return at
		}
	}
	return nil
}

func (m *machine) findAll(p *pattern, s string) [][]int {
	m.read(p, s)
	all := p.re.FindAllStringSubmatchIndex(s, m.limits.Items+1)
	m.room(len(all))
	return all
}

// exec is RegExp.prototype.exec: with the flag g it goes on from lastIndex.
func (m *machine) exec(v goja.Value, s string) (at []int, p *pattern) {
	o, ok := v.(*goja.Object)
	if !ok || o.ClassName() != "RegExp" {
		panic(m.js.NewTypeError("exec is a function of patterns"))
	}
	p = m.compile(keyOf(o))
	if !p.global {
		return m.find(p, s, 0), p
	}
	from, ok := byteOffset(s, o.Get("lastIndex").ToInteger())
	if ok {
		at = m.find(p, s, from)
	}
	next := 0
	if at != nil {
		next = units(s[:at[1]])
	}
	m.must(o.Set("lastIndex", next))
	return at, p
}

// units is the number of UTF-16 code units, by which JavaScript counts.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// byteOffset is its counterpart; ok is false behind the end.
func byteOffset(s string, unit int64) (offset int, ok bool) {
	for at := int64(0); at < unit; {
		if offset >= len(s) {
			return 0, false
		}
		r, width := utf8.DecodeRuneInString(s[offset:])
		at += int64(max(utf16.RuneLen(r), 1))
		offset += width
	}
	return offset, true
}

func execPattern(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s := textOf(c.Argument(0))
		at, p := m.exec(c.This, s)
		return m.found(p, s, at)
	}
}

func testPattern(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		at, _ := m.exec(c.This, textOf(c.Argument(0)))
		return m.js.ToValue(at != nil)
	}
}

// found is the array that describes a match; null without one.
func (m *machine) found(p *pattern, s string, at []int) goja.Value {
	if at == nil {
		return goja.Null()
	}
	items := make([]any, 0, len(at)/2)
	for i := range len(at) / 2 {
		items = append(items, m.group(s, at, i))
	}
	m.charge(1 + len(items))
	array := m.js.NewArray(items...)
	m.must(array.Set("index", units(s[:at[0]])))
	m.must(array.Set("input", s))
	groups := goja.Undefined()
	if o := m.js.NewObject(); m.named(p, s, at, o) {
		groups = o
	}
	m.must(array.Set("groups", groups))
	return array
}

func (m *machine) group(s string, at []int, i int) goja.Value {
	if 2*i >= len(at) || at[2*i] < 0 {
		return goja.Undefined()
	}
	return m.js.ToValue(s[at[2*i]:at[2*i+1]])
}

// named fills in the groups with names; false if there are none.
func (m *machine) named(p *pattern, s string, at []int, o *goja.Object) bool {
	any := false
	for i, name := range p.re.SubexpNames() {
		if name != "" {
			any = true
			m.define(o, name, m.group(s, at, i))
		}
	}
	return any
}

func match(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s := textOf(c.This)
		p, o := m.patternOf(c.Argument(0), "")
		if !p.global {
			return m.found(p, s, m.find(p, s, 0))
		}
		m.must(o.Set("lastIndex", 0))
		items := []any{}
		for _, at := range m.findAll(p, s) {
			items = append(items, s[at[0]:at[1]])
		}
		if len(items) == 0 {
			return goja.Null()
		}
		return m.js.NewArray(items...)
	}
}

func matchAll(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s := textOf(c.This)
		p, _ := m.patternOf(c.Argument(0), "g")
		if !p.global {
			panic(m.js.NewTypeError("matchAll needs a pattern with the flag g"))
		}
		items := []any{}
		for _, at := range m.findAll(p, s) {
			items = append(items, m.found(p, s, at))
		}
		array := m.js.NewArray(items...)
		values, _ := goja.AssertFunction(array.Get("values"))
		return call(values, goja.FunctionCall{This: array})
	}
}

func search(m *machine, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s := textOf(c.This)
		p, _ := m.patternOf(c.Argument(0), "")
		at := m.find(p, s, 0)
		if at == nil {
			return m.js.ToValue(-1)
		}
		return m.js.ToValue(units(s[:at[0]]))
	}
}

func split(m *machine, run goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s := textOf(c.This)
		o, ok := c.Argument(0).(*goja.Object)
		if !ok || o.ClassName() != "RegExp" {
			m.charge(1 + len(s)/bytesPerStep)
			v := call(run, goja.FunctionCall{This: m.js.ToValue(s), Arguments: c.Arguments})
			m.room(lengthOf(v.ToObject(m.js)))
			return v
		}
		return m.splitBy(m.compile(keyOf(o)), s, c.Argument(1))
	}
}

func (m *machine) splitBy(p *pattern, s string, limit goja.Value) goja.Value {
	most := m.limits.Items
	if !goja.IsUndefined(limit) {
		most = int(min(max(limit.ToInteger(), 0), int64(most)))
	}
	items := []any{}
	last := 0
	for _, at := range m.findAll(p, s) {
		if at[1] == at[0] && (at[0] == 0 || at[0] == len(s)) {
			continue
		}
		items = append(items, s[last:at[0]])
		for i := 1; i < len(at)/2; i++ {
			items = append(items, m.group(s, at, i))
		}
		last = at[1]
	}
	items = append(items, s[last:])
	m.room(len(items))
	return m.js.NewArray(items[:min(len(items), most)]...)
}
