package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

type feelCommand struct {
	Expression string `arg:"" optional:"" help:"Evaluate this and exit; without it, what is typed or piped in. One that begins with a minus comes after --."`
	Vars       string `help:"File with variables as a JSON object." type:"existingfile" placeholder:"FILE" env:"-"`
	JUEL       bool   `help:"Read JUEL ($${…}) instead of FEEL." name:"juel"`
	Mode       string `help:"camunda: what the specification calls an error gives null and a warning; strict: it is an error." enum:"camunda,strict" default:"camunda"`
}

// Run evaluates one expression, what is piped in, or what is typed.
func (c *feelCommand) Run(g *globals) error {
	s := &feelSession{out: os.Stdout, strict: c.Mode == "strict", juel: c.JUEL, json: g.JSON}
	if c.Vars != "" {
		if err := s.load(c.Vars); err != nil {
			return err
		}
	}
	switch {
	case c.Expression != "":
		return s.once(g, c.Expression)
	case term.IsTerminal(int(os.Stdin.Fd())):
		return s.interact()
	}
	return s.pipe(os.Stdin)
}

// once evaluates one expression for a script: its value alone, warnings on standard error.
func (s *feelSession) once(g *globals, text string) error {
	answer, err := s.evaluate(text)
	if err != nil {
		return err
	}
	if g.JSON {
		told, err := answer.json()
		if err != nil {
			return err
		}
		return g.print(told, nil)
	}
	for _, warning := range answer.warnings {
		_, _ = fmt.Fprintf(os.Stderr, "warning: %s\n", warning.Message)
	}
	_, err = fmt.Fprintln(s.out, feel.Literal(answer.value))
	return err
}

// pipe reads expressions from a file or a pipe. It goes on after a wrong one and
// fails at the end.
func (s *feelSession) pipe(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	failed := 0
	for lines.Scan() {
		err := s.line(lines.Text())
		if errors.Is(err, errQuit) {
			break
		}
		if err != nil {
			failed++
			_, _ = fmt.Fprintf(os.Stderr, "orchestrator: %v\n", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read expressions: %w", err)
	}
	if s.pending != "" {
		return fmt.Errorf("the input ends within an expression: %s", strings.TrimSpace(s.pending))
	}
	if failed > 0 {
		return fmt.Errorf("%d of the expressions failed", failed)
	}
	return nil
}

// interact is the conversation at a terminal, with line editing and history.
func (s *feelSession) interact() error {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return fmt.Errorf("prepare the terminal: %w", err)
	}
	defer func() { _ = term.Restore(fd, before) }() // nothing better can be done on the way out
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, prompt)
	if width, height, err := term.GetSize(fd); err == nil && width > 0 {
		_ = t.SetSize(width, height)
	}
	past := openHistory()
	defer past.close()
	t.History = past
	s.out = t
	_, _ = fmt.Fprintf(t, "%s. :help lists the commands, :quit or Ctrl-D ends.\n", s.language())
	for {
		t.SetPrompt(prompt)
		if s.pending != "" {
			t.SetPrompt(promptMore)
		}
		line, err := t.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return fmt.Errorf("read a line: %w", err)
		}
		switch err := s.line(line); {
		case errors.Is(err, errQuit):
			return nil
		case err != nil:
			_, _ = fmt.Fprintf(t, "error: %v\n", err)
		}
	}
}

const (
	prompt     = "> "
	promptMore = "… "
)

// load takes variables from a file.
func (s *feelSession) load(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return &usageError{fmt.Sprintf("--vars: %v", err)}
	}
	v, err := expr.FromJSON(text)
	if err != nil {
		return &usageError{fmt.Sprintf("--vars: %s: %v", file, err)}
	}
	all, ok := v.AsContext()
	if !ok {
		return &usageError{fmt.Sprintf("--vars: %s has a %s; want a JSON object such as {\"amount\": 42}", file, v.Kind())}
	}
	s.variables = all
	return nil
}
