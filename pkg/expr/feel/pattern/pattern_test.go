package pattern_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr/feel/pattern"
)

func TestMatching(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, flags, text string
		want                 bool
	}{
		{`^a.c$`, "", "abc", true},
		{`a.c`, "", "a\rc", false},
		{`a.c`, "s", "a\rc", true},
		{`a.c`, "q", "a.c", true},
		{`a.c`, "q", "abc", false},
		{`HELLO`, "i", "hello", true},
		{`^b$`, "m", "a\nb", true},
		{`hello\ sworld`, "x", "hello world", true},
		{`[ ]`, "x", " ", true},
		{`[a-z-[aeiou]]`, "", "e", false},
		{`[a-z-[aeiou]]`, "", "f", true},
		{`[^a-[b]]`, "", "b", false},
		{`[A-Z-[OI]]`, "i", "x", true},
		{`[A-Z-[OI]]`, "i", "o", false},
		{`\p{IsGreek}`, "", "λ", true},
		{`^\P{IsGreek}+$`, "", "λ", false},
		{`[\p{Lu}\d]`, "", "7", true},
		{`\d`, "", "٣", true},
		{`\i\c*`, "", "_a-1", true},
		{`[^\s]`, "", "\t", false},
		{`[\W]`, "", "!", true},
		{`\$\^\-\[`, "", "$^-[", true},
		{`(?:ab)+`, "", "abab", true},
	} {
		re, err := pattern.Compile(c.pattern, c.flags)
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.want, re.MatchString(c.text), "%q with %q on %q", c.pattern, c.flags, c.text)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`(a)\1`:        "back-references",
		`[a`:           "not closed",
		`[]`:           "malformed",
		`[a-[b]c]`:     "malformed",
		`\y`:           `\y is not an escape`,
		`a\`:           "ends after a backslash",
		`\p{Klingon}`:  "not a category",
		`\p{IsKlingo}`: "not a block",
		`\pL`:          "in braces",
		`(?=a)`:        "nothing else after",
		`a**`:          "not a pattern",
		`(`:            "not a pattern",
	} {
		_, err := pattern.Compile(text, "")
		require.ErrorContains(t, err, want, text)
	}
	_, err := pattern.Compile("a", "y")
	require.ErrorContains(t, err, "not a flag")
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		`[$1$2]`: "[ab]", `$0!`: "ab!", `\$1`: "$1", `\\`: `\`, `$12`: "a2",
	} {
		translated, ok := pattern.Template(template, 2)
		require.True(t, ok, template)
		require.Equal(t, want, regexp.MustCompile(`(a)(b)`).ReplaceAllString("ab", translated), template)
	}
	for _, template := range []string{`$`, `$x`, `\n`, `\`} {
		_, ok := pattern.Template(template, 2)
		require.False(t, ok, template)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`[a-z-[aeiou]]\d`, `\p{IsGreek}|(?:x){2,3}`, `[^\W\-]`, `a.b`} {
		f.Add(seed, "i")
	}
	f.Fuzz(func(t *testing.T, text, flags string) {
		re, err := pattern.Compile(text, flags)
		if err != nil {
			return
		}
		require.Positive(t, pattern.States(re))
		re.MatchString("Straße 12")
	})
}
