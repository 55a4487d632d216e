package feel

import (
	"fmt"
	"regexp"
	"strings"
)

// compilePattern translates a regular expression of XPath 2.0 (XQuery and XPath
// Functions, section 7.6.1) to Go's. Matching takes linear time; back-references
// do not exist therefore.
func compilePattern(pattern, flags string) (*regexp.Regexp, error) {
	goFlags := ""
	for _, flag := range flags {
		switch flag {
		case 's', 'm', 'i':
			goFlags += string(flag)
		case 'x', 'q':
		default:
			return nil, fmt.Errorf("%q is not a flag of a pattern; use s, m, i, x or q", flag)
		}
	}
	translated := pattern
	if strings.Contains(flags, "q") {
		translated = regexp.QuoteMeta(pattern)
	} else {
		translated = translatePattern(pattern, strings.Contains(flags, "x"))
	}
	if goFlags != "" {
		translated = "(?" + goFlags + ")" + translated
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %w", pattern, err)
	}
	return re, nil
}

// classes are the escapes that Go writes differently, outside and inside of
// brackets.
var classes = map[byte][2]string{
	'i': {`[\p{L}_:]`, `\p{L}_:`},
	'I': {`[^\p{L}_:]`, ""},
	'c': {`[\p{L}\p{N}_:.\-]`, `\p{L}\p{N}_:.\-`},
	'C': {`[^\p{L}\p{N}_:.\-]`, ""},
	'd': {`\p{Nd}`, `\p{Nd}`},
	'D': {`\P{Nd}`, `\P{Nd}`},
	'w': {`[^\p{P}\p{Z}\p{C}]`, `\p{L}\p{M}\p{N}\p{S}`},
	'W': {`[\p{P}\p{Z}\p{C}]`, `\p{P}\p{Z}\p{C}`},
}

// translatePattern rewrites escapes, and with flag x drops white space outside of
// brackets.
func translatePattern(pattern string, extended bool) string {
	var out strings.Builder
	brackets := 0
	for i := 0; i < len(pattern); i++ {
		ch := pattern[i]
		switch {
		case ch == '\\' && i+1 < len(pattern):
			i++
			if class, ok := classes[pattern[i]]; ok {
				out.WriteString(class[min(brackets, 1)])
				continue
			}
			out.WriteByte('\\')
			out.WriteByte(pattern[i])
			continue
		case ch == '[':
			brackets++
		case ch == ']' && brackets > 0:
			brackets--
		case extended && brackets == 0 && strings.IndexByte(" \t\r\n", ch) >= 0:
			continue
		}
		out.WriteByte(ch)
	}
	return out.String()
}

// replacementTemplate turns $1 and \$ into what Go writes; a number of more
// digits than there are groups ends where the groups do.
func replacementTemplate(s string, groups int) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			if i >= len(s) || s[i] != '$' && s[i] != '\\' {
				return "", false
			}
			if s[i] == '$' {
				out.WriteByte('$')
			}
			out.WriteByte(s[i])
		case '$':
			end := i + 1
			n := 0
			for end < len(s) && isDigit(s[end]) && (end == i+1 || n*10+int(s[end]-'0') <= groups) {
				n = n*10 + int(s[end]-'0')
				end++
			}
			if end == i+1 {
				return "", false
			}
			fmt.Fprintf(&out, "${%d}", n)
			i = end - 1
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String(), true
}
