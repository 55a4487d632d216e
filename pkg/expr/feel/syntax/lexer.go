package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a part of a name, or a keyword
	tokenQuoted           // a name in backticks
	tokenNumber
	tokenString
	tokenSymbol // an operator or bracket, or a character that only names may have
)

// token is a lexeme. For strings and quoted names text is what they mean, for
// all others what is written.
type token struct {
	kind       tokenKind
	text       string
	start, end int // byte offsets in the source
}

// symbols of more than one character; those of one need no table.
var symbols = []string{"..", "**", "<=", ">=", "!=", "->"}

// lexer splits a source into tokens. Which of them form a name depends on the
// names in scope, so that is for the parser.
type lexer struct {
	source string
	at     int
}

func tokenize(source string) ([]token, error) {
	l := lexer{source: source}
	var tokens []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.kind == tokenEnd {
			return tokens, nil
		}
	}
}

func (l *lexer) errorAt(offset int, format string, args ...any) error {
	return expr.ErrorAt(l.source, offset, format, args...)
}

func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	start := l.at
	if start >= len(l.source) {
		return token{kind: tokenEnd, start: start, end: start}, nil
	}
	r, width := utf8.DecodeRuneInString(l.source[start:])
	switch {
	case r == '"':
		return l.quoted(tokenString, '"')
	case r == '`':
		return l.quoted(tokenQuoted, '`')
	case isDigit(l.source[start]), r == '.' && start+1 < len(l.source) && isDigit(l.source[start+1]):
		l.number()
		return l.token(tokenNumber, start), nil
	case isNameStart(r):
		l.word()
		return l.token(tokenWord, start), nil
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(l.source[start:], symbol) {
			l.at += len(symbol)
			return l.token(tokenSymbol, start), nil
		}
	}
	l.at += width
	return l.token(tokenSymbol, start), nil
}

func (l *lexer) token(kind tokenKind, start int) token {
	return token{kind: kind, text: l.source[start:l.at], start: start, end: l.at}
}

// skip passes white space and comments.
func (l *lexer) skip() error {
	for l.at < len(l.source) {
		r, width := utf8.DecodeRuneInString(l.source[l.at:])
		rest := l.source[l.at:]
		switch {
		case unicode.IsSpace(r) || r == '\uFEFF' || r == '\u180E' || r == '\u200B':
			l.at += width
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return l.errorAt(l.at, "the comment is not closed; add */")
			}
			l.at += end + 2
		default:
			return nil
		}
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isNameStart tells whether a name may begin with r (DMN 1.5 section 10.3.1.2,
// rules 28 and 29).
func isNameStart(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || r >= 0x2070 && r <= 0x218F && !unicode.IsSpace(r) ||
		r >= 0x2C00 && r <= 0x2FEF || r >= 0x10000 && r <= 0xEFFFF || r == 0x200C || r == 0x200D
}

func isNamePart(r rune) bool {
	return isNameStart(r) || unicode.IsDigit(r) || r == 0xB7 || unicode.IsMark(r) || r == 0x203F || r == 0x2040 || r == '$'
}

func (l *lexer) word() {
	for l.at < len(l.source) {
		r, width := utf8.DecodeRuneInString(l.source[l.at:])
		if !isNamePart(r) {
			return
		}
		l.at += width
	}
}

// number passes digits with an optional fraction and exponent. "1..2" is not a
// number with a fraction.
func (l *lexer) number() {
	l.digits()
	if rest := l.source[l.at:]; len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
		l.at++
		l.digits()
	}
	mark := l.at
	if rest := l.source[l.at:]; rest != "" && rest[0]|0x20 == 'e' {
		l.at++
		if strings.HasPrefix(rest[1:], "+") || strings.HasPrefix(rest[1:], "-") {
			l.at++
		}
		if from := l.at; !l.digits() || from == l.at {
			l.at = mark
		}
	}
}

func (l *lexer) digits() bool {
	start := l.at
	for l.at < len(l.source) && isDigit(l.source[l.at]) {
		l.at++
	}
	return l.at > start
}

// quoted reads a string or a quoted name with its escapes.
func (l *lexer) quoted(kind tokenKind, quote byte) (token, error) {
	start := l.at
	l.at++
	var text strings.Builder
	for l.at < len(l.source) {
		c := l.source[l.at]
		switch {
		case c == quote:
			l.at++
			return token{kind: kind, text: text.String(), start: start, end: l.at}, nil
		case c == '\\' && kind == tokenString:
			if err := l.escape(&text); err != nil {
				return token{}, err
			}
		default:
			text.WriteByte(c)
			l.at++
		}
	}
	return token{}, l.errorAt(start, "the %c is not closed", quote)
}

// escape reads \n, \r, \t, \', \", \\, \uXXXX (also as surrogate pairs) and
// \UXXXXXX. A backslash before anything else stands for itself.
func (l *lexer) escape(text *strings.Builder) error {
	start := l.at
	rest := l.source[l.at+1:]
	if rest == "" {
		return l.errorAt(start, "the string ends after a backslash")
	}
	const from, to = `nrt'"\`, "\n\r\t'\"\\"
	if i := strings.IndexByte(from, rest[0]); i >= 0 {
		text.WriteByte(to[i])
		l.at += 2
		return nil
	}
	if rest[0] != 'u' && rest[0] != 'U' {
		text.WriteByte('\\')
		l.at++
		return nil
	}
	r, width := codePoint(rest)
	if width == 0 {
		return l.errorAt(start, `four hexadecimal digits are expected after \u, six after \U`)
	}
	text.WriteRune(r)
	l.at += 1 + width
	return nil
}

// codePoint reads uXXXX, uXXXX\uXXXX (surrogates) or UXXXXXX; width 0 is
// anything else.
func codePoint(s string) (r rune, width int) {
	if s[0] == 'U' {
		r, ok := hex(s[1:], 6)
		if !ok || r > unicode.MaxRune {
			return 0, 0
		}
		return r, 7
	}
	high, ok := hex(s[1:], 4)
	if !ok {
		return 0, 0
	}
	if high >= 0xD800 && high < 0xDC00 && strings.HasPrefix(s[5:], `\u`) {
		if low, ok := hex(s[7:], 4); ok && low >= 0xDC00 && low < 0xE000 {
			return 0x10000 + (high-0xD800)<<10 + (low - 0xDC00), 11
		}
	}
	return high, 5
}

func hex(s string, n int) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	var r rune
	for i := range n {
		digit := strings.IndexByte("0123456789abcdef", lower(s[i]))
		if digit < 0 {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'F' {
		return c + 0x20
	}
	return c
}
