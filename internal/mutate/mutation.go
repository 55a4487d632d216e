package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mutation takes one guard away.
type mutation struct {
	Name   string
	Guard  string // what no longer holds
	Checks []check
	Edits  []edit
}

// check names tests that must notice: each check of a mutation has to fail.
type check struct{ Package, Run string }

// edit replaces a text that File holds exactly once.
type edit struct{ File, Old, New string }

// parse reads the table. A mutation is a paragraph; lines that begin with # are
// comments:
//
//	mutation: name
//	guard: what no longer holds
//	test: ./package regexp       (each one given must fail)
//	file: path of the file
//	- text to replace, which the file holds exactly once
//	+ what takes its place
//
// Texts of several lines have a mark on each; all between mark, space and end of
// line counts. After + lines another - begins another edit, as does a file line.
func parse(table string) ([]mutation, error) {
	var all []mutation
	var p paragraph
	lines := bufio.NewScanner(strings.NewReader(table))
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		done, err := p.add(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("mutations.txt:%d: %w", n, err)
		}
		if done != nil {
			all = append(all, *done)
		}
	}
	done, err := p.end()
	if err != nil {
		return nil, fmt.Errorf("mutations.txt: %w", err)
	}
	if done != nil {
		all = append(all, *done)
	}
	return all, unique(all)
}

// paragraph is a mutation being read.
type paragraph struct {
	m    *mutation
	file string
	mark byte // of the line before: '-', '+' or 0
}

// add reads a line; an empty one ends the mutation, which it returns.
func (p *paragraph) add(line string) (*mutation, error) {
	if line == "" {
		return p.end()
	}
	if p.m == nil {
		p.m = &mutation{}
	}
	if line[0] == '-' || line[0] == '+' {
		return nil, p.addText(line[0], line[1:])
	}
	p.mark = 0
	field, value, found := strings.Cut(line, ": ")
	switch {
	case found && field == "mutation" && p.m.Name == "":
		p.m.Name = value
	case found && field == "guard":
		p.m.Guard = value
	case found && field == "file":
		p.file = value
	case found && field == "test":
		pkg, tests, named := strings.Cut(value, " ")
		if !named {
			return nil, fmt.Errorf("%q: a package and a regexp for the names of tests are needed", line)
		}
		p.m.Checks = append(p.m.Checks, check{pkg, tests})
	default:
		return nil, fmt.Errorf("%q: mutation, guard, test, file, - or + is expected; an empty line ends a mutation", line)
	}
	return nil, nil
}

func (p *paragraph) addText(mark byte, text string) error {
	if text != "" && text[0] != ' ' {
		return fmt.Errorf("%q: a space is expected after %c", text, mark)
	}
	text = strings.TrimPrefix(text, " ")
	before := p.mark
	p.mark = mark
	if mark == '-' && before != '-' {
		p.m.Edits = append(p.m.Edits, edit{File: p.file, Old: text})
		return nil
	}
	if before == 0 {
		return fmt.Errorf("%q: + without - before it", text)
	}
	e := &p.m.Edits[len(p.m.Edits)-1]
	switch {
	case mark == '-':
		e.Old += "\n" + text
	case before == '-':
		e.New = text
	default:
		e.New += "\n" + text
	}
	return nil
}

func (p *paragraph) end() (*mutation, error) {
	m := p.m
	*p = paragraph{}
	if m == nil {
		return nil, nil
	}
	if m.Name == "" || m.Guard == "" || len(m.Checks) == 0 || len(m.Edits) == 0 {
		return nil, fmt.Errorf("mutation %q: name, guard, test and an edit are needed", m.Name)
	}
	for _, e := range m.Edits {
		if e.File == "" {
			return nil, fmt.Errorf("mutation %s: the file is missing", m.Name)
		}
	}
	return m, nil
}

func unique(all []mutation) error {
	names := make(map[string]bool)
	for _, m := range all {
		if names[m.Name] {
			return fmt.Errorf("mutations.txt: there are two mutations %s", m.Name)
		}
		names[m.Name] = true
	}
	return nil
}

// choose finds the mutation of a name; "": all.
func choose(all []mutation, name string) ([]mutation, error) {
	if name == "" {
		return all, nil
	}
	for _, m := range all {
		if m.Name == name {
			return []mutation{m}, nil
		}
	}
	return nil, fmt.Errorf("there is no mutation %q: --list names them", name)
}

// mutate gives the files that the mutation changes, as they become, by their
// path below root.
func (m *mutation) mutate(root string) (map[string]string, error) {
	changed := make(map[string]string)
	for _, e := range m.Edits {
		source, again := changed[e.File]
		if !again {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, err
			}
			source = string(b)
		}
		if n := strings.Count(source, e.Old); n != 1 {
			return nil, fmt.Errorf("%s holds the text to replace %d times instead of once: %q", e.File, n, e.Old)
		}
		changed[e.File] = strings.Replace(source, e.Old, e.New, 1)
	}
	return changed, nil
}
