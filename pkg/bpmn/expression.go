package bpmn

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

// isStatic tells whether text is taken literally in the dialect: FEEL starts
// with "=", JUEL has ${…} or #{…} in it. Plain models may write either.
func isStatic(text string, dialect Dialect) bool {
	feel := isFEEL(text)
	switch dialect {
	case Zeebe:
		return !feel
	case Camunda:
		return !juel.IsExpression(text)
	}
	return !feel && !juel.IsExpression(text)
}

func isFEEL(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "=") }

// staticText is text if the dialect takes it literally, else empty.
func (p *parser) staticText(text string) string {
	if isStatic(text, p.dialect) {
		return text
	}
	return ""
}

// expression compiles text in the notation of the dialect, literals included.
// It is nil after a problem.
func (p *parser) expression(e *etree.Element, text string) expr.Expression {
	return p.compiled(e, text, p.compile)
}

// compile picks the language by the dialect's notation.
func (p *parser) compile(text string) (expr.Expression, error) {
	switch {
	case isStatic(text, p.dialect):
		return languages.Literal(text), nil
	case p.dialect != Camunda && isFEEL(text):
		return languages.CompileFEEL(text)
	}
	return languages.CompileJUEL(text)
}

// scriptIn compiles text in a language named by an attribute. It is nil after a
// problem.
func (p *parser) scriptIn(e *etree.Element, language, text string) expr.Expression {
	return p.compiled(e, text, func(text string) (expr.Expression, error) {
		compiled, err := languages.CompileScript(language, text)
		if errors.Is(err, languages.ErrLanguage) {
			p.problem(e, CodeUnsupported, "%v", err)
			return nil, nil
		}
		return compiled, err
	})
}

func (p *parser) compiled(e *etree.Element, text string, compile func(string) (expr.Expression, error)) expr.Expression {
	if len(text) > p.cfg.MaxExpression {
		p.problem(e, CodeLimit, "the expression has %d bytes, the limit is %d: make it shorter", len(text), p.cfg.MaxExpression)
		return nil
	}
	compiled, err := compile(text)
	if err != nil {
		p.problem(e, CodeExpression, "%s", describe(err))
		return nil
	}
	return compiled
}

// describe puts the place last: the reader wants to know what is wrong.
func describe(err error) string {
	var wrong *expr.Error
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	text := fmt.Sprintf("the expression %q is wrong", shorten(wrong.Source))
	if wrong.Position.Line > 1 {
		text += fmt.Sprintf(" in its line %d, column %d", wrong.Position.Line, wrong.Position.Column)
	} else if wrong.Position.Column > 0 {
		text += fmt.Sprintf(" at column %d", wrong.Position.Column)
	}
	return text + ": " + wrong.Message
}

// shorten keeps messages to a line.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:79]) + "…"
	}
	return text
}

// nothing is the value of an empty camunda parameter.
type nothing struct{}

func (nothing) Evaluate(*expr.Env) (expr.Value, error) { return expr.Null(), nil }

func (nothing) Source() string { return "" }

// onDeployment evaluates what start events need before there are variables.
func (p *parser) onDeployment(e *etree.Element, what string, expression expr.Expression) (expr.Value, bool) {
	value, err := expression.Evaluate(&expr.Env{Now: p.cfg.Now})
	if err != nil {
		p.problem(e, CodeExpression, "the %s of a start event is evaluated on deployment, when there are no variables: %s", what, describe(err))
		return expr.Value{}, false
	}
	return value, true
}

// fixedDuration is a duration of ISO 8601 of weeks and smaller units, since
// years and months have no fixed length.
func fixedDuration(text string) (time.Duration, error) {
	epoch := time.Unix(0, 0).UTC()
	date, _, _ := strings.Cut(text, "T")
	end, ok := expr.String(text).AsDuration(epoch)
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is not a duration of ISO 8601: write it as PT30S, PT15M or P1D", shorten(text))
	case strings.ContainsAny(date, "YM"):
		return 0, fmt.Errorf("%q has years or months, which differ in length: use weeks, days or smaller units", shorten(text))
	case !epoch.Add(end.Sub(epoch)).Equal(end):
		return 0, fmt.Errorf("%q is too long: use less than 290 years", shorten(text))
	case end.Before(epoch):
		return 0, fmt.Errorf("%q is negative: use a duration from now on", shorten(text))
	}
	return end.Sub(epoch), nil
}
