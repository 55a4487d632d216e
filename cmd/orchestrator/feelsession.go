package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
	"github.com/barnabas-project/barnabas/pkg/expr/languages"
)

// feelSession is a conversation: variables and modes that last from line to line.
type feelSession struct {
	out       io.Writer
	variables *expr.Context
	last      expr.Value
	pending   string // lines of an expression that is not complete
	strict    bool
	juel      bool
	json      bool
}

// errQuit ends a session.
var errQuit = errors.New("quit")

// line takes a line of input: a command, or a part of an expression.
func (s *feelSession) line(text string) error {
	if s.pending == "" && strings.HasPrefix(strings.TrimSpace(text), ":") {
		return s.command(strings.Fields(text))
	}
	text, continues := strings.CutSuffix(text, `\`)
	text = s.pending + text
	if continues || isOpen(text) {
		s.pending = text + "\n"
		return nil
	}
	s.pending = ""
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return s.statement(text)
}

// isOpen tells whether brackets or a string are not closed.
func isOpen(text string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		}
	}
	return depth > 0 || quoted
}

var assignment = regexp.MustCompile(`^\s*([\pL_][\pL\pN_ ]*?)\s*:=`)

// statement evaluates an expression and, for name := expression, keeps its value.
func (s *feelSession) statement(text string) error {
	name := ""
	if m := assignment.FindStringSubmatchIndex(text); m != nil {
		name = text[m[2]:m[3]]
		text = text[m[1]:]
	}
	answer, err := s.evaluate(text)
	if err != nil {
		return err
	}
	s.last = answer.value
	if name != "" {
		b := expr.NewContextBuilder(1)
		if s.variables != nil {
			b.PutAll(s.variables)
		}
		b.Put(name, answer.value)
		s.variables, _ = b.Build().AsContext()
	}
	return s.show(answer)
}

// feelAnswer is a value with the reasons for the nulls on the way.
type feelAnswer struct {
	value    expr.Value
	warnings []expr.Error
}

type feelAnswerJSON struct {
	Value    json.RawMessage `json:"value"`
	Type     string          `json:"type"`
	Warnings []string        `json:"warnings,omitempty"`
}

func (a feelAnswer) json() (feelAnswerJSON, error) {
	text, err := a.value.AppendJSON(nil)
	if err != nil {
		return feelAnswerJSON{}, fmt.Errorf("the value cannot be written as JSON: %w", err)
	}
	told := feelAnswerJSON{Value: text, Type: a.value.Kind().String()}
	for _, warning := range a.warnings {
		told.Warnings = append(told.Warnings, warning.Message)
	}
	return told, nil
}

func (s *feelSession) evaluate(text string) (feelAnswer, error) {
	e, err := s.compile(text)
	if err != nil {
		return feelAnswer{}, err
	}
	now := time.Now()
	var a feelAnswer
	env := expr.Env{Now: now, Seed: uint64(now.UnixNano()), Strict: s.strict, Warnings: &a.warnings}
	if s.variables != nil {
		env.Scope = s.variables
	}
	a.value, err = e.Evaluate(&env)
	return a, err
}

func (s *feelSession) compile(text string) (expr.Expression, error) {
	if s.juel {
		return languages.CompileJUEL(text)
	}
	return feel.CompileWithNames(text, s.names()...)
}

func (s *feelSession) names() []string {
	if s.variables == nil {
		return nil
	}
	names := make([]string, s.variables.Len())
	for i := range names {
		names[i], _ = s.variables.At(i)
	}
	return names
}

// show writes a value and its type.
func (s *feelSession) show(a feelAnswer) error {
	if s.json {
		told, err := a.json()
		if err != nil {
			return err
		}
		line, err := json.Marshal(told)
		if err != nil {
			return fmt.Errorf("write the value: %w", err)
		}
		return s.say("%s", line)
	}
	for _, warning := range a.warnings {
		if err := s.say("warning: %s", warning.Message); err != nil {
			return err
		}
	}
	return s.say("%s : %s", feel.Literal(a.value), a.value.Kind())
}

func (s *feelSession) say(format string, args ...any) error {
	_, err := fmt.Fprintf(s.out, format+"\n", args...)
	return err
}

func (s *feelSession) language() string {
	if s.juel {
		return "JUEL"
	}
	return "FEEL"
}

const feelHelp = `EXPRESSION           its value and type
NAME := EXPRESSION   keeps the value as a variable
:vars                the variables
:type [EXPRESSION]   the type of the expression, or of the last value
:mode [strict|camunda]
                     strict: what gives null for a reason is an error
:lang [feel|juel]    the language
:quit                or Ctrl-D
Open brackets, an open string or a \ at the end go on in the next line.`

// command runs a line that begins with a colon.
func (s *feelSession) command(words []string) error {
	rest := strings.Join(words[1:], " ")
	switch words[0] {
	case ":help", ":h", ":?":
		return s.say("%s", feelHelp)
	case ":vars":
		return s.listVariables()
	case ":type":
		return s.typeOf(rest)
	case ":mode":
		return s.setMode(rest)
	case ":lang":
		return s.setLanguage(rest)
	case ":quit", ":q", ":exit":
		return errQuit
	}
	return fmt.Errorf("there is no command %s; :help lists them", words[0])
}

func (s *feelSession) listVariables() error {
	for _, name := range s.names() {
		v, _ := s.variables.Get(name)
		if err := s.say("%s = %s : %s", name, feel.Literal(v), v.Kind()); err != nil {
			return err
		}
	}
	return nil
}

func (s *feelSession) typeOf(text string) error {
	v := s.last
	if text != "" {
		answer, err := s.evaluate(text)
		if err != nil {
			return err
		}
		v = answer.value
	}
	return s.say("%s", v.Kind())
}

func (s *feelSession) setMode(mode string) error {
	switch mode {
	case "strict", "camunda":
		s.strict = mode == "strict"
	case "":
	default:
		return fmt.Errorf("there is no mode %q; use strict or camunda", mode)
	}
	if s.strict {
		return s.say("strict")
	}
	return s.say("camunda")
}

func (s *feelSession) setLanguage(language string) error {
	switch strings.ToLower(language) {
	case "feel", "juel":
		s.juel = strings.EqualFold(language, "juel")
	case "":
	default:
		return fmt.Errorf("there is no language %q; use feel or juel", language)
	}
	return s.say("%s", s.language())
}
