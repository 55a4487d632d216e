package engine

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxScanDepth bounds the recursion of the scanner for values that models
// built themselves.
const maxScanDepth = 1000

// member is where the name (inside its quotes) and the value of an object's
// member lie in the text.
type member struct {
	name, nameEnd   int
	value, valueEnd int
	escaped         bool // the name has escapes
}

// scanner checks a JSON text against the grammar of RFC 8259 in one pass,
// without building anything.
type scanner struct {
	src []byte
	pos int
}

var errEnd = errors.New("the JSON text ends too early")

func (c *scanner) fail(want string) error {
	if c.pos >= len(c.src) {
		return errEnd
	}
	return fmt.Errorf("offset %d: %q where %s is expected", c.pos, c.src[c.pos], want)
}

// object scans a whole text that must be one object and appends its members.
func (c *scanner) object(members []member, depth int) ([]member, error) {
	if !utf8.Valid(c.src) {
		return nil, errors.New("not valid UTF-8")
	}
	c.space()
	if c.pos >= len(c.src) || c.src[c.pos] != '{' {
		return nil, c.fail("a JSON object")
	}
	err := c.members(depth, func(m member) { members = append(members, m) })
	if err != nil {
		return nil, err
	}
	c.space()
	if c.pos < len(c.src) {
		return nil, c.fail("the end of the JSON text")
	}
	return members, nil
}

// members scans an object from its brace on.
func (c *scanner) members(depth int, found func(member)) error {
	if depth <= 0 {
		return fmt.Errorf("offset %d: nested deeper than allowed", c.pos)
	}
	return c.sequence('}', func() error {
		m, err := c.member(depth)
		if err == nil && found != nil {
			found(m)
		}
		return err
	})
}

func (c *scanner) member(depth int) (m member, err error) {
	m.name = c.pos + 1
	if m.escaped, err = c.string("a member name in quotes"); err != nil {
		return m, err
	}
	m.nameEnd = c.pos - 1
	c.space()
	if c.pos >= len(c.src) || c.src[c.pos] != ':' {
		return m, c.fail("a colon")
	}
	c.pos++
	c.space()
	m.value = c.pos
	if err := c.value(depth - 1); err != nil {
		return m, err
	}
	m.valueEnd = c.pos
	return m, nil
}

// sequence scans the items between a bracket and its end, separated by commas.
func (c *scanner) sequence(end byte, item func() error) error {
	c.pos++
	c.space()
	if c.pos < len(c.src) && c.src[c.pos] == end {
		c.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		c.space()
		switch {
		case c.pos < len(c.src) && c.src[c.pos] == ',':
			c.pos++
			c.space()
		case c.pos < len(c.src) && c.src[c.pos] == end:
			c.pos++
			return nil
		default:
			return c.fail("a comma or the closing bracket")
		}
	}
}

func (c *scanner) value(depth int) error {
	if c.pos >= len(c.src) {
		return errEnd
	}
	switch b := c.src[c.pos]; {
	case b == '"':
		_, err := c.string("a string")
		return err
	case b == '{':
		return c.members(depth, nil)
	case b == '[':
		if depth <= 0 {
			return fmt.Errorf("offset %d: nested deeper than allowed", c.pos)
		}
		return c.sequence(']', func() error { return c.value(depth - 1) })
	case b == '-' || isDigit(b):
		return c.number()
	case b == 't':
		return c.word("true")
	case b == 'f':
		return c.word("false")
	case b == 'n':
		return c.word("null")
	}
	return c.fail("a JSON value")
}

func (c *scanner) word(word string) error {
	for i := range len(word) {
		if c.pos >= len(c.src) || c.src[c.pos] != word[i] {
			return c.fail("the word " + word)
		}
		c.pos++
	}
	return nil
}

// string scans a string with its quotes and tells whether it has escapes.
func (c *scanner) string(want string) (escaped bool, err error) {
	if c.pos >= len(c.src) || c.src[c.pos] != '"' {
		return false, c.fail(want)
	}
	for c.pos++; c.pos < len(c.src); c.pos++ {
		switch b := c.src[c.pos]; {
		case b == '"':
			c.pos++
			return escaped, nil
		case b == '\\':
			escaped = true
			if err := c.escape(); err != nil {
				return true, err
			}
		case b < 0x20:
			return escaped, c.fail("no control character")
		}
	}
	return escaped, errEnd
}

// escape scans from a backslash to the escape's last byte.
func (c *scanner) escape() error {
	c.pos++
	if c.pos >= len(c.src) {
		return errEnd
	}
	switch c.src[c.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			c.pos++
			if c.pos >= len(c.src) || !isHex(c.src[c.pos]) {
				return c.fail("a hexadecimal digit")
			}
		}
		return nil
	}
	return c.fail("an escape")
}

func (c *scanner) number() error {
	if c.src[c.pos] == '-' {
		c.pos++
	}
	if c.pos < len(c.src) && c.src[c.pos] == '0' {
		c.pos++
	} else if err := c.digits(); err != nil {
		return err
	}
	if c.pos < len(c.src) && c.src[c.pos] == '.' {
		c.pos++
		if err := c.digits(); err != nil {
			return err
		}
	}
	if c.pos < len(c.src) && (c.src[c.pos] == 'e' || c.src[c.pos] == 'E') {
		c.pos++
		if c.pos < len(c.src) && (c.src[c.pos] == '+' || c.src[c.pos] == '-') {
			c.pos++
		}
		return c.digits()
	}
	return nil
}

func (c *scanner) digits() error {
	if c.pos >= len(c.src) || !isDigit(c.src[c.pos]) {
		return c.fail("a digit")
	}
	for c.pos < len(c.src) && isDigit(c.src[c.pos]) {
		c.pos++
	}
	return nil
}

func (c *scanner) space() {
	for c.pos < len(c.src) {
		switch c.src[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isHex(b byte) bool {
	return isDigit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		if b < 0x20 || b == '"' || b == '\\' {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, b)
			start = i + 1
		}
		i++
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
}
