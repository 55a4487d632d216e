// Package pattern is the regular expressions of FEEL: those of XPath 2.0 (XQuery
// and XPath Functions, section 7.6.1), translated to Go's.
//
// Matching takes time linear in the text, so back-references do not exist. Start
// reading at Compile.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

// Compile compiles a pattern with flags out of s, m, i, x and q.
func Compile(pattern, flags string) (*regexp.Regexp, error) {
	t := translator{rest: pattern}
	goFlags := ""
	for _, flag := range flags {
		switch flag {
		case 's', 'm', 'i':
			goFlags += string(flag)
		case 'x':
			t.rest = dropSpace(pattern)
		case 'q':
		default:
			return nil, fmt.Errorf("%q is not a flag of a pattern; use s, m, i, x or q", flag)
		}
	}
	t.dotAll, t.fold = strings.Contains(goFlags, "s"), strings.Contains(goFlags, "i")
	if strings.Contains(flags, "q") {
		t.out.WriteString(regexp.QuoteMeta(pattern))
	} else if err := t.translate(); err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %w", pattern, err)
	}
	if goFlags != "" {
		goFlags = "(?" + goFlags + ")"
	}
	re, err := regexp.Compile(goFlags + t.out.String())
	if err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %w", pattern, err)
	}
	return re, nil
}

// States is the size of the automaton of a pattern.
func States(re *regexp.Regexp) int {
	parsed, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return len(re.String())
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return len(re.String())
	}
	return len(program.Inst)
}

// Work is the steps that it takes to compile a pattern and to apply it to an input:
// at worst each state of the automaton is looked at for each character, 60 of which
// take half a microsecond.
func Work(states int, pattern, input string) int {
	return 5 + len(pattern)/16 + len(input)*states/64
}

// dropSpace is what flag x does: white space outside of brackets means nothing.
func dropSpace(pattern string) string {
	var out strings.Builder
	brackets := 0
	for i := 0; i < len(pattern); i++ {
		ch := pattern[i]
		switch {
		case ch == '\\' && i+1 < len(pattern) && strings.IndexByte(`[]\`, pattern[i+1]) >= 0:
			out.WriteByte(ch)
			i++
			ch = pattern[i]
		case ch == '[':
			brackets++
		case ch == ']':
			brackets = max(brackets-1, 0)
		case brackets == 0 && strings.IndexByte(" \t\r\n", ch) >= 0:
			continue
		}
		out.WriteByte(ch)
	}
	return out.String()
}

// translator rewrites what Go writes differently: escapes, the dot,
// subtraction of classes, names of blocks.
type translator struct {
	rest   string
	out    strings.Builder
	dotAll bool
	fold   bool
}

var (
	errBackReference = errors.New("back-references such as \\1 are not available")
	errUnclosedClass = errors.New("a bracket is not closed")
	errClass         = errors.New("a class in brackets is malformed")
)

// classes are the escapes that Go does not have or means differently.
var classes = map[byte]string{
	'i': `\p{L}_:`, 'c': `\p{L}\p{N}\p{M}_:.\-`, 'd': `\p{Nd}`, 'w': `\p{L}\p{M}\p{N}\p{S}`, 's': ` \t\n\r`,
}

// blocks are the blocks of Unicode that \p{Is…} may name.
var blocks = map[string]string{
	"BasicLatin": `\x00-\x7F`, "Latin-1Supplement": `\x{80}-\x{FF}`, "LatinExtended-A": `\x{100}-\x{17F}`, "LatinExtended-B": `\x{180}-\x{24F}`,
	"IPAExtensions": `\x{250}-\x{2AF}`, "SpacingModifierLetters": `\x{2B0}-\x{2FF}`, "CombiningDiacriticalMarks": `\x{300}-\x{36F}`,
	"Greek": `\x{370}-\x{3FF}`, "GreekandCoptic": `\x{370}-\x{3FF}`, "Cyrillic": `\x{400}-\x{4FF}`, "Armenian": `\x{530}-\x{58F}`,
	"Hebrew": `\x{590}-\x{5FF}`, "Arabic": `\x{600}-\x{6FF}`, "Devanagari": `\x{900}-\x{97F}`, "Thai": `\x{E00}-\x{E7F}`,
	"Georgian": `\x{10A0}-\x{10FF}`, "LatinExtendedAdditional": `\x{1E00}-\x{1EFF}`, "GreekExtended": `\x{1F00}-\x{1FFF}`,
	"GeneralPunctuation": `\x{2000}-\x{206F}`, "CurrencySymbols": `\x{20A0}-\x{20CF}`, "LetterlikeSymbols": `\x{2100}-\x{214F}`,
	"NumberForms": `\x{2150}-\x{218F}`, "Arrows": `\x{2190}-\x{21FF}`, "MathematicalOperators": `\x{2200}-\x{22FF}`,
	"BoxDrawing": `\x{2500}-\x{257F}`, "GeometricShapes": `\x{25A0}-\x{25FF}`, "Hiragana": `\x{3040}-\x{309F}`, "Katakana": `\x{30A0}-\x{30FF}`,
	"CJKUnifiedIdeographs": `\x{4E00}-\x{9FFF}`, "HangulSyllables": `\x{AC00}-\x{D7AF}`, "PrivateUse": `\x{E000}-\x{F8FF}`,
}

func (t *translator) translate() error {
	for t.rest != "" {
		ch := t.rest[0]
		switch {
		case ch == '\\':
			class, err := t.escape()
			if err != nil {
				return err
			}
			t.out.WriteString(class)
			continue
		case ch == '[':
			set, err := t.class()
			if err != nil {
				return err
			}
			t.out.WriteString(writeClass(set))
			continue
		case ch == '.' && !t.dotAll:
			t.out.WriteString(`[^\n\r]`)
		case strings.HasPrefix(t.rest, "(?") && !strings.HasPrefix(t.rest, "(?:"):
			return errors.New("a group may begin with (?: but nothing else after (?")
		default:
			t.out.WriteByte(ch)
		}
		t.rest = t.rest[1:]
	}
	return nil
}

// escape reads an escape outside of brackets.
func (t *translator) escape() (string, error) {
	if len(t.rest) < 2 {
		return "", errors.New("it ends after a backslash")
	}
	ch := t.rest[1]
	if isDigit(ch) {
		return "", errBackReference
	}
	content, negated, err := t.classEscape()
	switch {
	case err != nil:
		return "", err
	case content == "":
		return t.single()
	case negated:
		return "[^" + content + "]", nil
	}
	return "[" + content + "]", nil
}

// single reads an escaped character.
func (t *translator) single() (string, error) {
	ch := t.rest[1]
	if strings.IndexByte(`nrt\|.?*+(){}-[]^$`, ch) < 0 {
		return "", fmt.Errorf(`\%c is not an escape`, ch)
	}
	t.rest = t.rest[2:]
	return `\` + string(ch), nil
}

// classEscape reads \d, \P{…} and the like as the content of brackets; empty if
// what is next is no such escape.
func (t *translator) classEscape() (content string, negated bool, err error) {
	ch := t.rest[1]
	if ch == 'p' || ch == 'P' {
		content, err = t.category()
		return content, ch == 'P', err
	}
	content, ok := classes[ch|0x20]
	if ok {
		t.rest = t.rest[2:]
	}
	return content, ch < 'a', nil
}

// category reads \p{L} or \p{IsGreek}.
func (t *translator) category() (string, error) {
	end := strings.IndexByte(t.rest, '}')
	if end < 0 || t.rest[2] != '{' {
		return "", errors.New(`\p has to be followed by a category in braces`)
	}
	name := t.rest[3:end]
	t.rest = t.rest[end+1:]
	if block, isBlock := strings.CutPrefix(name, "Is"); isBlock {
		content, ok := blocks[block]
		if !ok {
			return "", fmt.Errorf("%q is not a block of Unicode that is known here", block)
		}
		return content, nil
	}
	if unicode.Categories[name] == nil {
		return "", fmt.Errorf("%q is not a category of Unicode", name)
	}
	return `\p{` + name + `}`, nil
}

// class reads [...] with a subtraction, as pairs of first and last code points.
func (t *translator) class() ([]rune, error) {
	t.rest = t.rest[1:]
	var content strings.Builder
	var subtracted []rune
	if strings.HasPrefix(t.rest, "^") {
		content.WriteByte('^')
		t.rest = t.rest[1:]
	}
	for {
		switch {
		case t.rest == "":
			return nil, errUnclosedClass
		case t.rest[0] == ']':
			t.rest = t.rest[1:]
			return t.ranges(content.String(), subtracted)
		case strings.HasPrefix(t.rest, "-["):
			t.rest = t.rest[1:]
			var err error
			if subtracted, err = t.class(); err != nil {
				return nil, err
			}
			if !strings.HasPrefix(t.rest, "]") {
				return nil, errClass
			}
		case t.rest[0] == '\\':
			if err := t.escapeInClass(&content); err != nil {
				return nil, err
			}
		case t.rest[0] == '[':
			return nil, errClass
		default:
			content.WriteByte(t.rest[0])
			t.rest = t.rest[1:]
		}
	}
}

func (t *translator) escapeInClass(content *strings.Builder) error {
	if len(t.rest) < 2 {
		return errUnclosedClass
	}
	text, negated, err := t.classEscape()
	if err != nil {
		return err
	}
	if text == "" {
		text, err = t.single()
		content.WriteString(text)
		return err
	}
	if negated {
		inside, err := t.ranges("^"+text, nil)
		if err != nil {
			return err
		}
		text = classContent(inside)
	}
	content.WriteString(text)
	return nil
}

// ranges are the code points of a class in Go's notation, less the subtracted.
func (t *translator) ranges(content string, subtracted []rune) ([]rune, error) {
	flags := syntax.Perl | syntax.ClassNL
	if t.fold {
		flags |= syntax.FoldCase
	}
	if content == "" || content == "^" {
		return nil, errClass
	}
	parsed, err := syntax.Parse("["+content+"]", flags)
	if err != nil {
		return nil, errClass
	}
	var set []rune
	switch parsed.Op {
	case syntax.OpCharClass:
		set = parsed.Rune
	case syntax.OpLiteral:
		set = foldedLiteral(parsed)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		set = []rune{0, unicode.MaxRune}
	}
	return subtract(set, subtracted), nil
}

// foldedLiteral is a class of one character, with those that differ in case.
func foldedLiteral(parsed *syntax.Regexp) []rune {
	r := parsed.Rune[0]
	set := []rune{r, r}
	if parsed.Flags&syntax.FoldCase != 0 {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			set = append(set, f, f)
		}
	}
	return set
}

// subtract takes ranges out of ranges.
func subtract(set, out []rune) []rune {
	for i := 0; i+1 < len(out); i += 2 {
		var rest []rune
		for j := 0; j+1 < len(set); j += 2 {
			if low, high := set[j], min(set[j+1], out[i]-1); low <= high {
				rest = append(rest, low, high)
			}
			if low, high := max(set[j], out[i+1]+1), set[j+1]; low <= high {
				rest = append(rest, low, high)
			}
		}
		set = rest
	}
	return set
}

func writeClass(set []rune) string {
	if len(set) == 0 {
		return `[^\x00-\x{10FFFF}]`
	}
	return "[" + classContent(set) + "]"
}

func classContent(set []rune) string {
	var out strings.Builder
	for i := 0; i+1 < len(set); i += 2 {
		fmt.Fprintf(&out, `\x{%X}-\x{%X}`, set[i], set[i+1])
	}
	return out.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
