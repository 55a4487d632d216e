package pattern

import (
	"fmt"
	"strings"
)

// Template turns $1 and \$ into what Go writes; a number of more
// digits than there are groups ends where the groups do.
func Template(s string, groups int) (string, bool) {
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
