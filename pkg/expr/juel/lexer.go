package juel

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenNumber
	tokenString
	tokenSymbol
)

// token is a lexeme. Operators spelt as words are given as their symbols.
type token struct {
	kind  tokenKind
	text  string
	start int // byte offset in the source
}

var wordOperators = map[string]string{
	"and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
	"div": "/", "mod": "%", "empty": "empty",
}

var symbols = []string{"&&", "||", "==", "!=", "<=", ">=", "+=", "->"}

type lexer struct {
	source string
	at     int
}

// body reads the tokens up to the closing brace of an eval expression.
func (l *lexer) body() ([]token, error) {
	var tokens []token
	depth := 0
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		switch {
		case t.kind == tokenEnd:
			return nil, expr.ErrorAt(l.source, t.start, `the expression is not closed; add "}"`)
		case t.kind == tokenSymbol && t.text == "{":
			depth++
		case t.kind == tokenSymbol && t.text == "}":
			if depth == 0 {
				return append(tokens, token{kind: tokenEnd, start: t.start}), nil
			}
			depth--
		}
		tokens = append(tokens, t)
	}
}

// rest reads all tokens to the end of the source.
func (l *lexer) rest() ([]token, error) {
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

func (l *lexer) next() (token, error) {
	l.at += len(l.source[l.at:]) - len(strings.TrimLeftFunc(l.source[l.at:], unicode.IsSpace))
	start := l.at
	if start >= len(l.source) {
		return token{kind: tokenEnd, start: start}, nil
	}
	r, width := utf8.DecodeRuneInString(l.source[start:])
	switch {
	case r == '"' || r == '\'':
		return l.text(byte(r))
	case isDigit(byte(r)) && r < utf8.RuneSelf || r == '.' && start+1 < len(l.source) && isDigit(l.source[start+1]):
		l.number()
		return token{kind: tokenNumber, text: l.source[start:l.at], start: start}, nil
	case isLetter(r):
		return l.word(), nil
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(l.source[start:], symbol) {
			l.at += len(symbol)
			return token{kind: tokenSymbol, text: symbol, start: start}, nil
		}
	}
	l.at += width
	return token{kind: tokenSymbol, text: l.source[start:l.at], start: start}, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

func (l *lexer) word() token {
	start := l.at
	end := strings.IndexFunc(l.source[start:], func(r rune) bool { return !isLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		end = len(l.source) - start
	}
	l.at = start + end
	text := l.source[start:l.at]
	if operator, ok := wordOperators[text]; ok {
		return token{kind: tokenSymbol, text: operator, start: start}
	}
	return token{kind: tokenWord, text: text, start: start}
}

func (l *lexer) number() {
	l.digits()
	if l.at < len(l.source) && l.source[l.at] == '.' {
		l.at++
		l.digits()
	}
	mark := l.at
	if l.at < len(l.source) && l.source[l.at]|0x20 == 'e' {
		l.at++
		if l.at < len(l.source) && (l.source[l.at] == '+' || l.source[l.at] == '-') {
			l.at++
		}
		if !l.digits() {
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

// text reads a string in either kind of quotes; a backslash takes the next
// character as it is.
func (l *lexer) text(quote byte) (token, error) {
	start := l.at
	var b strings.Builder
	for l.at++; l.at < len(l.source); l.at++ {
		c := l.source[l.at]
		switch {
		case c == quote:
			l.at++
			return token{kind: tokenString, text: b.String(), start: start}, nil
		case c == '\\' && l.at+1 < len(l.source) && strings.IndexByte(`\'"`, l.source[l.at+1]) >= 0:
			l.at++
			b.WriteByte(l.source[l.at])
		default:
			b.WriteByte(c)
		}
	}
	return token{}, expr.ErrorAt(l.source, start, "the string is not closed; add %c", quote)
}
