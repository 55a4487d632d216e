package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/dmn"
	"github.com/barnabas-project/barnabas/pkg/expr"
)

type decideCommand struct {
	Model     string    `arg:"" help:"DMN file." type:"existingfile"`
	Decision  string    `help:"Id or name of the decision; default: the one that no other requires." placeholder:"ID"`
	Input     string    `help:"File with the inputs as a JSON object; - reads standard input." placeholder:"FILE" env:"-"`
	Variables variables `short:"v" help:"The inputs as a JSON object; @file reads a file, - standard input." placeholder:"JSON" env:"-"`
	Import    []string  `help:"DMN file that the model imports; again for each, those without imports first." type:"existingfile" placeholder:"FILE" env:"-"`
	Strict    bool      `help:"Fail where a value would otherwise be null for a reason."`
}

// Run evaluates without an engine.
func (c *decideCommand) Run(g *globals) error {
	model, err := c.read()
	if err != nil {
		return err
	}
	decision, err := c.choose(model)
	if err != nil {
		return err
	}
	env, err := c.env()
	if err != nil {
		return err
	}
	result, err := model.Evaluate(decision.ID, env)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Model, err)
	}
	told := api.Explain(decision.ID, &result)
	return g.print(told, func() { printEvaluation(told) })
}

// read compiles the imported models, then the model.
func (c *decideCommand) read() (*dmn.Model, error) {
	var imports []*dmn.Model
	for _, file := range c.Import {
		m, err := readModel(file, imports)
		if err != nil {
			return nil, err
		}
		imports = append(imports, m)
	}
	return readModel(c.Model, imports)
}

func readModel(file string, imports []*dmn.Model) (*dmn.Model, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m, err := dmn.Parse(text, dmn.Config{Imports: imports})
	if err != nil {
		return nil, &refusedError{file + ": " + err.Error()}
	}
	for _, w := range m.Warnings {
		fmt.Fprintf(os.Stderr, "%s: %s\n", file, w)
	}
	return m, nil
}

// choose finds the decision that is meant.
func (c *decideCommand) choose(m *dmn.Model) (dmn.Decision, error) {
	candidates := m.Roots()
	if c.Decision != "" {
		candidates = nil
		for _, d := range m.Decisions {
			if d.ID == c.Decision {
				return d, nil
			}
			if d.Name == c.Decision {
				candidates = append(candidates, d)
			}
		}
	}
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	var known []string
	for _, d := range m.Decisions {
		known = append(known, d.ID)
	}
	if len(known) == 0 {
		return dmn.Decision{}, &refusedError{c.Model + " has no decision: it is there to be imported"}
	}
	return dmn.Decision{}, &usageError{fmt.Sprintf("name a decision of %s by --decision: %s", c.Model, strings.Join(known, ", "))}
}

func (c *decideCommand) env() (*expr.Env, error) {
	now := time.Now()
	env := &expr.Env{Now: now, Seed: uint64(now.UnixNano()), Strict: c.Strict}
	given := c.Variables
	switch {
	case c.Input != "" && c.Variables != "":
		return nil, &usageError{"give the inputs by --input or by --variables, not by both"}
	case c.Input == "-":
		given = "-"
	case c.Input != "":
		given = variables("@" + c.Input)
	}
	text, err := given.read()
	if err != nil || text == nil {
		return env, err
	}
	v, err := expr.FromJSON(text)
	inputs, isObject := v.AsContext()
	if err != nil || !isObject {
		return nil, &usageError{fmt.Sprintf("the inputs are not a JSON object: %v", cmp.Or(err, errors.New(v.Describe())))}
	}
	env.Scope = inputs
	return env, nil
}

// printEvaluation writes a row for each rule that matched, and for each decision
// without a table; then the value.
func printEvaluation(e api.Evaluation) {
	rows := [][]string{{"DECISION", "INPUTS", "RULE", "OUTPUTS", "NOTES"}}
	for i := range e.Decisions {
		rows = append(rows, decisionRows(&e.Decisions[i])...)
	}
	table(rows)
	fmt.Printf("\n%s = %s\n", e.DecisionID, e.Value)
	for _, d := range e.Decisions {
		printWarnings(d.Warnings)
	}
	printWarnings(e.Warnings)
	if e.Omitted > 0 {
		fmt.Printf("and %d more decisions, tables, rules or warnings\n", e.Omitted)
	}
}

func decisionRows(d *api.EvaluatedDecision) [][]string {
	var rows [][]string
	for _, t := range d.Tables {
		if len(t.Matched) == 0 {
			rows = append(rows, []string{d.DecisionID, assignments(t.Inputs), "none", string(t.Value), ""})
		}
		for _, m := range t.Matched {
			rule := strconv.Itoa(m.Index)
			if m.ID != "" {
				rule += " " + m.ID
			}
			rows = append(rows, []string{d.DecisionID, assignments(t.Inputs), rule, assignments(m.Outputs), notes(m.Annotations)})
		}
	}
	if len(rows) == 0 {
		rows = append(rows, []string{d.DecisionID, assignments(d.Inputs), "", string(d.Value), ""})
	}
	return rows
}

func assignments(values []api.NamedValue) string {
	var texts []string
	for _, v := range values {
		text := string(v.Value)
		if v.Name != "" {
			text = v.Name + "=" + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

func notes(annotations []api.Annotation) string {
	var texts []string
	for _, a := range annotations {
		texts = append(texts, a.Text)
	}
	return strings.Join(texts, "; ")
}

func printWarnings(warnings []api.EvaluationWarning) {
	for _, w := range warnings {
		fmt.Printf("warning: %s: %s\n", cmp.Or(w.Element, "inputs"), w.Message)
	}
}
