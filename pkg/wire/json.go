package wire

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// object checks that value is one JSON object within the limits, and gives it
// without surrounding space; nil for an empty value, null or {}.
func (l Limits) object(what string, value []byte) ([]byte, error) {
	value = bytes.Trim(value, " \t\r\n")
	if len(value) == 0 || string(value) == "null" || string(value) == "{}" {
		return nil, nil
	}
	// Before the validator: it recurses.
	if tooDeep(value, l.depth()) {
		return nil, &PoisonError{Class: PoisonTooLarge, Message: fmt.Sprintf("%s is nested deeper than %d levels", what, l.depth())}
	}
	if value[0] != '{' {
		return nil, badValue("%s is %s: expected a JSON object of variables", what, excerpt(value))
	}
	if !utf8.Valid(value) {
		return nil, badValue("%s is not valid UTF-8", what)
	}
	if !gjson.ValidBytes(value) {
		return nil, badValue("%s is not valid JSON: %s", what, excerpt(value))
	}
	return value, nil
}

// tooDeep says whether objects and arrays nest beyond limit. On text that is
// not JSON the answer is arbitrary but safe.
func tooDeep(text []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c|0x20 == '{': // { or [
			if depth++; depth > limit {
				return true
			}
		case c|0x20 == '}': // } or ]
			depth--
		}
	}
	return false
}

// validText says whether value is UTF-8 without control characters.
func validText(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(value)
}

// appendString appends text as a JSON string; bytes that are not UTF-8 become
// U+FFFD.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	plain := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if c >= utf8.RuneSelf && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		dst = append(dst, text[plain:i]...)
		dst = appendEscape(dst, c)
		i += size
		plain = i
	}
	dst = append(dst, text[plain:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\t':
		return append(dst, '\\', 't')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, "\ufffd"...)
}
