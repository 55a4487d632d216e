package expr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxJSONDepth is how deep arrays and objects may nest in FromJSON.
const MaxJSONDepth = 200

// FromJSON makes a value of a JSON text (RFC 8259). Objects become contexts in
// the order of their members (of equal names the last wins), arrays lists, and
// numbers keep all their digits, up to 1,000 of them and magnitudes up to
// 10^±6144. Invalid UTF-8 becomes U+FFFD. Nothing of raw is kept.
func FromJSON(raw []byte) (Value, error) {
	p := jsonReader{text: raw}
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.at < len(raw) {
		return Value{}, p.errorf("unexpected %q after the value", p.text[p.at])
	}
	return v, nil
}

type jsonReader struct {
	text []byte
	at   int
}

func (p *jsonReader) errorf(format string, args ...any) error {
	return fmt.Errorf("read JSON value at byte %d: %s", p.at, fmt.Sprintf(format, args...))
}

func (p *jsonReader) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next is the next byte after space, 0 at the end.
func (p *jsonReader) next() byte {
	p.space()
	if p.at >= len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *jsonReader) value(depth int) (Value, error) {
	if depth >= MaxJSONDepth && (p.next() == '[' || p.next() == '{') {
		return Value{}, p.errorf("nested deeper than %d levels", MaxJSONDepth)
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.str()
		return String(s), err
	case c == '-' || isDigit(c):
		return p.number()
	}
	return p.word()
}

func (p *jsonReader) word() (Value, error) {
	words := []struct {
		text  string
		value Value
	}{{"null", Null()}, {"true", Bool(true)}, {"false", Bool(false)}}
	for _, w := range words {
		if bytes.HasPrefix(p.text[p.at:], []byte(w.text)) {
			p.at += len(w.text)
			return w.value, nil
		}
	}
	if p.at >= len(p.text) {
		return Value{}, p.errorf("the text ends where a value is expected")
	}
	return Value{}, p.errorf("unexpected %q where a value is expected", p.text[p.at])
}

func (p *jsonReader) number() (Value, error) {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte("+-0123456789.eE", p.text[p.at]) >= 0 {
		p.at++
	}
	text := p.text[start:p.at]
	digits := bytes.TrimPrefix(text, []byte("-"))
	leadingZero := len(digits) > 1 && digits[0] == '0' && isDigit(digits[1])
	v, ok := parseCompact(text)
	if !ok {
		v, ok = ParseNumber(string(text))
	}
	if !ok || leadingZero || digits[0] == '.' {
		p.at = start
		return Value{}, p.errorf("%.40q is not a JSON number, or has more than %d digits or a magnitude beyond 10^±%d",
			text, maxDigits, maxExponent)
	}
	return v, nil
}

func (p *jsonReader) array(depth int) (Value, error) {
	p.at++
	items := []Value{}
	if p.next() == ']' {
		p.at++
		return List(items...), nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		items = append(items, item)
		done, err := p.separator(']')
		if err != nil {
			return Value{}, err
		}
		if done {
			return List(items...), nil
		}
	}
}

func (p *jsonReader) object(depth int) (Value, error) {
	p.at++
	var b ContextBuilder
	if p.next() == '}' {
		p.at++
		return b.Build(), nil
	}
	for {
		if p.next() != '"' {
			return Value{}, p.errorf("a member name in quotes is expected")
		}
		key, err := p.str()
		if err != nil {
			return Value{}, err
		}
		if p.next() != ':' {
			return Value{}, p.errorf("a colon is expected after member name %.40q", key)
		}
		p.at++
		v, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		b.Put(key, v)
		done, err := p.separator('}')
		if err != nil {
			return Value{}, err
		}
		if done {
			return b.Build(), nil
		}
	}
}

// separator passes a comma, or the closing bracket: then it is done.
func (p *jsonReader) separator(closing byte) (done bool, err error) {
	switch p.next() {
	case ',':
		p.at++
		return false, nil
	case closing:
		p.at++
		return true, nil
	}
	return false, p.errorf("a comma or %q is expected", closing)
}

func (p *jsonReader) str() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			s := string(p.text[start:p.at])
			p.at++
			return strings.ToValidUTF8(s, "\uFFFD"), nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.errorf("a control character in a string has to be escaped")
		}
		p.at++
	}
	return "", p.errorf("a string is not closed")
}

// escaped reads a string that has escapes; start is where its text began.
func (p *jsonReader) escaped(start int) (string, error) {
	out := append([]byte(nil), p.text[start:p.at]...)
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return strings.ToValidUTF8(string(out), "\uFFFD"), nil
		case c < ' ':
			return "", p.errorf("a control character in a string has to be escaped")
		case c != '\\':
			out = append(out, c)
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", p.errorf("a string is not closed")
}

func (p *jsonReader) escape() (rune, error) {
	if p.at >= len(p.text) {
		return 0, p.errorf("a string is not closed")
	}
	c := p.text[p.at]
	p.at++
	if c == 'u' {
		return p.unicode()
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	i := strings.IndexByte(from, c)
	if i < 0 {
		return 0, p.errorf(`\%c is not an escape`, c)
	}
	return rune(to[i]), nil
}

func (p *jsonReader) unicode() (rune, error) {
	r, err := p.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if !bytes.HasPrefix(p.text[p.at:], []byte(`\u`)) {
		return utf8.RuneError, nil
	}
	mark := p.at
	p.at += 2
	low, err := p.hex()
	if err != nil {
		return 0, err
	}
	if joined := utf16.DecodeRune(r, low); joined != utf8.RuneError {
		return joined, nil
	}
	p.at = mark
	return utf8.RuneError, nil
}

func (p *jsonReader) hex() (rune, error) {
	if p.at+4 > len(p.text) {
		return 0, p.errorf(`four hexadecimal digits are expected after \u`)
	}
	var r rune
	for _, c := range p.text[p.at : p.at+4] {
		digit := strings.IndexByte("0123456789abcdefABCDEF", c)
		if digit < 0 {
			return 0, p.errorf(`four hexadecimal digits are expected after \u`)
		}
		if digit >= 16 {
			digit -= 6
		}
		r = r<<4 | rune(digit)
	}
	p.at += 4
	return r, nil
}

// AppendJSON appends the value as JSON. Numbers keep all their digits; temporal
// values and durations become strings in ISO 8601. Ranges and functions have no
// JSON form and are an error that names the place; so are values deeper than
// MaxJSONDepth, which could not be read again.
func (v Value) AppendJSON(dst []byte) ([]byte, error) {
	if v.Depth() > MaxJSONDepth {
		return dst, fmt.Errorf("the value is nested %d levels deep, more than the %d that JSON may have here", v.Depth(), MaxJSONDepth)
	}
	switch v.kind {
	case KindNull:
		return append(dst, "null"...), nil
	case KindBoolean:
		if v.n == 1 {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case KindNumber:
		return v.appendNumber(dst), nil
	case KindString:
		return appendJSONString(dst, v.s), nil
	case KindList:
		return appendJSONList(dst, v.ref.([]Value))
	case KindContext:
		return appendJSONObject(dst, v.ref.(*Context))
	case KindRange, KindFunction:
		return dst, fmt.Errorf("a %s has no JSON form; use its result or its bounds", v.kind)
	}
	return append(v.appendTemporal(append(dst, '"')), '"'), nil
}

// MarshalJSON is AppendJSON for encoding/json.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil) }

func appendJSONList(dst []byte, items []Value) ([]byte, error) {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = item.AppendJSON(dst); err != nil {
			return dst, fmt.Errorf("element %d: %w", i+1, err)
		}
	}
	return append(dst, ']'), nil
}

func appendJSONObject(dst []byte, c *Context) ([]byte, error) {
	dst = append(dst, '{')
	for i, key := range c.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONString(dst, key), ':')
		var err error
		if dst, err = c.values[i].AppendJSON(dst); err != nil {
			return dst, fmt.Errorf("entry %q: %w", key, err)
		}
	}
	return append(dst, '}'), nil
}

func appendJSONString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendEncoded(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func appendEncoded(dst []byte, s string) []byte {
	out := bytes.NewBuffer(dst)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(dst, `""`...) // cannot happen for strings
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
