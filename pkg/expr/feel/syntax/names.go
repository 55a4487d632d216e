package syntax

import "strings"

// vocabulary holds the names in scope as the token sequences they are written
// with. Names of FEEL may contain spaces and operators, so what a name is depends
// on which are known: the longest known one wins.
type vocabulary struct {
	first    branch
	declared []*branch   // where names end, in order of declaration, for undo; nil for what is no name
	outer    *vocabulary // names known besides, nil if there are none
}

// branch is how names that begin alike go on, by their next token. So the time it
// takes to find one does not depend on how many are known.
type branch struct {
	next map[string]*branch
	ends []knownName // names that end here; the last declared is meant
}

// Vocabulary is the names that a host knows while it compiles: variables, which
// come and go with their scopes, and entries of contexts. It may be given to any
// number of texts, one after the other.
type Vocabulary struct {
	// Filters is how many filters the texts are in: there, members of the elements
	// are names of their own.
	Filters int

	names, members *vocabulary
	variables      []string
	count          map[string]int // of each variable
}

// NewVocabulary knows no variables yet. Members are names that may follow a dot.
func NewVocabulary(members []string) *Vocabulary {
	v := &Vocabulary{names: newVocabulary(), members: newVocabulary(), count: map[string]int{}}
	for _, name := range members {
		v.members.declare(name)
	}
	return v
}

// Declare adds variables.
func (v *Vocabulary) Declare(names ...string) {
	for _, name := range names {
		v.names.declare(name)
		v.variables = append(v.variables, name)
		v.count[name]++
	}
}

// Mark is a state to which Undo returns.
func (v *Vocabulary) Mark() int { return len(v.variables) }

// Undo forgets the variables that were declared since mark.
func (v *Vocabulary) Undo(mark int) {
	for _, name := range v.variables[mark:] {
		v.count[name]--
	}
	v.variables = v.variables[:mark]
	v.names.undo(mark)
}

// Declares tells whether a variable has the name. A nil Vocabulary has none.
func (v *Vocabulary) Declares(name string) bool { return v != nil && v.count[name] > 0 }

type knownName struct {
	name string
	call bool // known only where a call follows, as "date and time"
}

func newVocabulary() *vocabulary { return &vocabulary{} }

// declare adds a name; the last one declared is the first that undo removes.
func (v *vocabulary) declare(name string) { v.add(name, false) }

func (v *vocabulary) add(name string, call bool) {
	tokens, err := tokenize(name)
	if err != nil || len(tokens) < 2 {
		v.declared = append(v.declared, nil)
		return
	}
	at := &v.first
	for _, t := range tokens[:len(tokens)-1] {
		at = at.grow(t.text)
	}
	at.ends = append(at.ends, knownName{name, call})
	v.declared = append(v.declared, at)
}

func (b *branch) grow(token string) *branch {
	if b.next == nil {
		b.next = make(map[string]*branch)
	}
	if b.next[token] == nil {
		b.next[token] = new(branch)
	}
	return b.next[token]
}

func (v *vocabulary) mark() int { return len(v.declared) }

// undo forgets what was declared since mark.
func (v *vocabulary) undo(mark int) {
	for _, at := range v.declared[mark:] {
		if at != nil {
			at.ends = at.ends[:len(at.ends)-1]
		}
	}
	v.declared = v.declared[:mark]
}

// known finds the longest known name at the start of what is left to parse.
func (p *parser) known() (name string, n int) {
	rest := p.tokens[p.at:]
	name, n = p.names.longest(rest)
	if p.filters > 0 {
		if member, m := p.members.longest(rest); m > n {
			return member, m
		}
	}
	return name, n
}

// longest finds the longest known name at the start of tokens; n is the number
// of its tokens, 0 if none is known.
func (v *vocabulary) longest(tokens []token) (name string, n int) {
	at := &v.first
	for i, t := range tokens[:len(tokens)-1] {
		if at = at.next[t.text]; at == nil || t.kind == tokenString || t.kind == tokenQuoted {
			break
		}
		if known, ok := at.name(tokens[i+1]); ok {
			name, n = known, i+1
		}
	}
	if v.outer != nil {
		if other, m := v.outer.longest(tokens); m > n {
			return other, m
		}
	}
	return name, n
}

// name is the name that ends here, if one does before the token that follows.
func (b *branch) name(follows token) (string, bool) {
	for i := len(b.ends) - 1; i >= 0; i-- {
		if k := b.ends[i]; !k.call || follows.text == "(" {
			return k.name, true
		}
	}
	return "", false
}

// keywords end a name that is not known.
var keywords = map[string]bool{
	"and": true, "or": true, "in": true, "between": true, "instance": true, "if": true, "then": true, "else": true,
	"for": true, "return": true, "some": true, "every": true, "satisfies": true, "true": true, "false": true, "null": true,
	"function": true,
}

// wordsOfName counts the tokens that make a name which nobody declared: words
// up to the next keyword, numbers among them ("line 2").
func wordsOfName(tokens []token) int {
	n := 0
	for n < len(tokens) {
		t := tokens[n]
		if t.kind == tokenWord && !keywords[t.text] || n > 0 && t.kind == tokenNumber && !strings.Contains(t.text, ".") {
			n++
			continue
		}
		break
	}
	return n
}

// IsPlainName tells whether a name consists of words with a space between them, so
// that it can be written without being known, and is the same when it is read.
func IsPlainName(name string) bool {
	tokens, err := tokenize(name)
	if err != nil || len(tokens) < 2 || wordsOfName(tokens) != len(tokens)-1 {
		return false
	}
	return joinTokens(tokens[:len(tokens)-1]) == name
}

func joinTokens(tokens []token) string {
	parts := make([]string, len(tokens))
	for i, t := range tokens {
		parts[i] = t.text
	}
	return strings.Join(parts, " ")
}

// nameBefore counts the tokens up to the given symbol if all of them can belong
// to one name; 0 otherwise.
func (p *parser) nameBefore(end string) int {
	for n := 0; ; n++ {
		t := p.ahead(n)
		if t.is(end) {
			return n
		}
		isPart := t.kind == tokenWord || t.kind == tokenNumber && n > 0 ||
			n > 0 && t.kind == tokenSymbol && isOneOf(t, []string{".", "/", "-", "'", "+", "*", "’"})
		if t.kind == tokenQuoted && n == 0 && p.ahead(1).is(end) {
			isPart = true
		}
		if !isPart || p.at+n >= len(p.tokens)-1 {
			return 0
		}
	}
}

// textOf is the name that the next n tokens spell, spaces reduced to one.
func (p *parser) textOf(n int) string {
	if n == 1 {
		return p.peek().text
	}
	name := ""
	for i := range n {
		t := p.ahead(i)
		if i > 0 && p.ahead(i-1).end < t.start {
			name += " "
		}
		name += t.text
	}
	return name
}
