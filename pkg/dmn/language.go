package dmn

import (
	"errors"
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// language is that of an expression.
type language uint8

const (
	feelLanguage language = iota
	juelLanguage
	otherLanguage // reported already
)

// languageOf is what the element's expressionLanguage says. Every version of DMN
// has a URI of its own for FEEL.
func (p *parser) languageOf(e *etree.Element, otherwise language) language {
	said := strings.TrimSpace(xmldoc.Attr(e, "expressionLanguage"))
	switch lower := strings.ToLower(said); {
	case said == "":
		return otherwise
	case isFEEL(lower):
		return feelLanguage
	case lower == "juel" || strings.HasSuffix(strings.TrimRight(lower, "/"), "/juel"):
		return juelLanguage
	}
	p.flaw(e, CodeUnsupported, `the expression language %q is not supported: write the expression in FEEL, or in JUEL with expressionLanguage="juel"`, shorten(said))
	return otherLanguage
}

func isFEEL(lower string) bool {
	return lower == "feel" || strings.HasPrefix(lower, "feel-scala") || strings.Contains(lower, "omg.org/") && strings.Contains(lower, "/feel")
}

func (p *parser) typeLanguage(e *etree.Element) {
	if said := strings.TrimSpace(xmldoc.Attr(e, "typeLanguage")); said != "" && !isFEEL(strings.ToLower(said)) {
		p.problem(e, CodeUnsupported, "the type language %q is not supported: use the types of FEEL", shorten(said))
	}
}

// literal is an expression of either language.
type literal struct {
	id         string
	expression expr.Expression
}

func (l *literal) evaluate(r *evaluation, s expr.Scope) (expr.Value, error) {
	v, err := l.expression.Evaluate(r.in(s))
	return v, r.done(l.id, err)
}

// constant is a value that was known when the model was compiled.
type constant expr.Value

func (c constant) evaluate(*evaluation, expr.Scope) (expr.Value, error) { return expr.Value(c), nil }

// unusable is logic that did not compile, in a model that is kept nevertheless.
type unusable struct{ id, why string }

func (u unusable) evaluate(r *evaluation, _ expr.Scope) (expr.Value, error) {
	return r.null(u.id, "%s", u.why)
}

// unusable is the logic of e, about which a problem was just reported.
func (p *parser) unusable(e *etree.Element) logic {
	return unusable{id: ownerID(e), why: p.latest}
}

// expression compiles the text of e.
func (p *parser) expression(e *etree.Element, text string) logic {
	in := p.languageOf(e, p.language)
	if len(text) > p.cfg.MaxExpression {
		p.problem(e, CodeLimit, "the expression has %d bytes, the limit is %d: make it shorter", len(text), p.cfg.MaxExpression)
		return p.unusable(e)
	}
	var compiled expr.Expression
	var err error
	switch {
	case in == otherLanguage:
		return p.unusable(e)
	case in == juelLanguage && !juel.IsExpression(text):
		compiled, err = juel.CompileBody(text)
	case in == juelLanguage || isJUEL(text):
		compiled, err = juel.Compile(text)
	default:
		compiled, err = p.options().Compile(text)
	}
	if err != nil {
		p.flaw(e, CodeExpression, "%s", messageOf(err))
		return p.unusable(e)
	}
	return &literal{id: ownerID(e), expression: compiled}
}

// isJUEL recognises the notation, which no expression of FEEL begins with.
func isJUEL(text string) bool {
	return strings.HasPrefix(text, "${") || strings.HasPrefix(text, "#{")
}

func (p *parser) options() feel.Options {
	return feel.Options{Vocabulary: p.known, Types: p.shapes}
}

// messageOf is an error of an expression; the place is counted in its text.
func messageOf(err error) string {
	var e *expr.Error
	if errors.As(err, &e) {
		return "the expression does not compile: " + e.Error()
	}
	return err.Error()
}

// tests are the unary tests of an input entry or of a type; nil ones hold for every
// value.
type tests struct {
	id   string
	text string
	feel *feel.UnaryTests
	juel expr.Expression // true or false, where feel is nil
	also *tests          // have to hold too
	flaw string          // why they can't be applied
}

// unaryTests compiles the tests in e; nil if they hold for every value.
func (p *parser) unaryTests(e *etree.Element, otherwise language) *tests {
	text, in := textOf(e), p.languageOf(e, otherwise)
	t := &tests{id: ownerID(e), text: text}
	if len(text) > p.cfg.MaxExpression {
		p.problem(e, CodeLimit, "the unary tests have %d bytes, the limit is %d: make them shorter", len(text), p.cfg.MaxExpression)
		return t
	}
	var err error
	switch {
	case in == otherLanguage:
		t.flaw = "the unary tests are in a language that is not supported"
	case text == "" || text == "-":
		return nil
	case in == juelLanguage || isJUEL(text):
		compile := juel.CompileBody
		if juel.IsExpression(text) {
			compile = juel.Compile
		}
		t.juel, err = compile(text)
	default:
		t.feel, err = p.options().CompileUnaryTests(text)
	}
	if err != nil {
		t.flaw = messageOf(err)
		p.flaw(e, CodeExpression, "%s", t.flaw)
	}
	return t
}

// String is the text of all that have to hold.
func (t *tests) String() string {
	if t.also == nil {
		return t.text
	}
	return t.also.String() + " and " + t.text
}

// hold applies the tests to a value; what cannot be told does not hold.
func (t *tests) hold(r *evaluation, env *expr.Env, v expr.Value) (bool, error) {
	if t == nil {
		return true, nil
	}
	s := feel.NewSubject(v)
	return t.admit(r, env, &s)
}

// admit is hold for a value that many tests are applied to.
func (t *tests) admit(r *evaluation, env *expr.Env, s *feel.Subject) (bool, error) {
	if t == nil {
		return true, nil
	}
	if t.also != nil {
		if ok, err := t.also.admit(r, env, s); !ok || err != nil {
			return false, err
		}
	}
	if t.feel != nil {
		if holds, ok := t.feel.Holds(env, s); ok {
			return holds, nil
		}
	}
	var result expr.Value
	var err error
	switch {
	case t.flaw != "":
		result, err = r.null(t.id, "%s", t.flaw)
		return result.IsTrue(), err
	case t.feel != nil:
		result, err = t.feel.TestSubject(env, s)
	default:
		result, err = t.juel.Evaluate(env)
	}
	return result.IsTrue(), r.done(t.id, err)
}
