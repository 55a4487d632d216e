package randomprocess

import "strings"

// Words splits a line of the notation at spaces, except within double quotes.
func Words(line string) []string {
	var all []string
	var word strings.Builder
	quoted := false
	for _, c := range line + " " {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			if word.Len() > 0 {
				all = append(all, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(c)
		}
	}
	return all
}
