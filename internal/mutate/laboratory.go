package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// laboratory is a copy of the module in which mutations are tried.
type laboratory struct {
	options
	dir    string // everything temporary
	module string // the copy, which stays as it is
	stderr io.Writer
}

// outcome is what became of a mutation.
type outcome struct {
	Mutation string   `json:"mutation"`
	Guard    string   `json:"guard"`
	CaughtBy []string `json:"caughtBy"`
	Seconds  float64  `json:"seconds"`
	// Missed is what passes all the same, Problem why the mutation could not be tried.
	Missed  string `json:"missed,omitempty"`
	Problem string `json:"problem,omitempty"`
}

func (o *outcome) isHole() bool { return o.Missed != "" || o.Problem != "" }

func (o *outcome) line() string {
	by := strings.Join(o.CaughtBy, ", ")
	switch {
	case o.Problem != "":
		by = "NOT TRIED: " + strings.ReplaceAll(o.Problem, "\n", "\n    ")
	case o.Missed != "":
		by = fmt.Sprintf("NOT CAUGHT by %s: %s", o.Missed, o.Guard)
	}
	return fmt.Sprintf("%-36s | %-64s | %5.1f\n", o.Mutation, by, o.Seconds)
}

// newLaboratory copies the sources.
func newLaboratory(ctx context.Context, o options, stderr io.Writer) (*laboratory, error) {
	root, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	l := &laboratory{options: o, dir: dir, module: filepath.Join(dir, "module"), stderr: stderr}
	take := l.copyFiles
	if o.commit != "" {
		take = l.unpackCommit
	}
	if err := take(ctx, strings.TrimSpace(root)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return l, nil
}

// copyFiles copies the files that git knows or would add, as they are now.
func (l *laboratory) copyFiles(ctx context.Context, root string) error {
	names, err := output(ctx, root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(names, "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(l.module, name)); err != nil {
			return err
		}
	}
	return nil
}

func (l *laboratory) unpackCommit(ctx context.Context, root string) error {
	packed := filepath.Join(l.dir, "module.tar")
	if _, err := output(ctx, root, "git", "archive", "--format=tar", "--prefix=module/", "-o", packed, l.commit); err != nil {
		return err
	}
	_, err := output(ctx, l.dir, "tar", "-xf", packed)
	return err
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil // known to git, but removed
	}
	if err != nil {
		return err
	}
	return write(to, content)
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// control requires that the tests pass without any mutation, and that each
// regexp names some: else nothing could be told from their failure.
func (l *laboratory) control(ctx context.Context, mutations []mutation) error {
	tests := make(map[string][]string) // regexps by package
	for _, m := range mutations {
		for _, c := range m.Checks {
			run, _, _ := strings.Cut(c.Run, "/") // subtests are only known when their test runs
			tests[c.Package] = append(tests[c.Package], run)
		}
	}
	for pkg, runs := range tests {
		if err := l.controlPackage(ctx, pkg, runs); err != nil {
			return fmt.Errorf("without any mutation: %w", err)
		}
	}
	return nil
}

func (l *laboratory) controlPackage(ctx context.Context, pkg string, runs []string) error {
	b, err := l.compile(ctx, check{Package: pkg}, l.dir, nil)
	if err != nil {
		return err
	}
	for _, run := range runs {
		listed, err := b.list(ctx, run)
		if err != nil {
			return err
		}
		if listed == "" {
			return fmt.Errorf("%s has no test %s", pkg, run)
		}
	}
	if failed, said := b.test(ctx, "("+strings.Join(runs, ")|(")+")", 5*l.timeout); len(failed) > 0 {
		return fmt.Errorf("%s fails: %s\n%s", pkg, strings.Join(failed, ", "), said)
	}
	return nil
}

// tryAll tries the mutations, so many at a time, and gives each outcome in its place.
func (l *laboratory) tryAll(ctx context.Context, mutations []mutation) []chan outcome {
	pending := make([]chan outcome, len(mutations))
	free := make(chan struct{}, max(l.jobs, 1))
	for i := range mutations {
		pending[i] = make(chan outcome, 1)
	}
	go func() {
		for i := range mutations {
			free <- struct{}{}
			go func() {
				pending[i] <- l.try(ctx, &mutations[i])
				<-free
			}()
		}
	}()
	return pending
}

// try takes the guard away and runs the tests that should notice.
func (l *laboratory) try(ctx context.Context, m *mutation) outcome {
	began := time.Now()
	out := outcome{Mutation: m.Name, Guard: m.Guard}
	if err := l.tryChecks(ctx, m, &out); err != nil {
		out.Problem = err.Error()
	}
	out.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return out
}

func (l *laboratory) tryChecks(ctx context.Context, m *mutation, out *outcome) error {
	changed, err := m.mutate(l.module)
	if err != nil {
		return err
	}
	dir := filepath.Join(l.dir, m.Name)
	defer os.RemoveAll(dir)
	for _, c := range m.Checks {
		b, err := l.compile(ctx, c, dir, changed)
		if err != nil {
			return err
		}
		failed, said := b.test(ctx, c.Run, l.timeout)
		if l.verbose {
			fmt.Fprintf(l.stderr, "=== %s: %s %s\n%s\n", m.Name, c.Package, c.Run, said)
		}
		if len(failed) == 0 {
			out.Missed = c.Package + " " + c.Run
			return nil
		}
		out.CaughtBy = append(out.CaughtBy, strings.TrimPrefix(c.Package, "./pkg/")+"."+failed[0])
	}
	return nil
}

// binary is a compiled package of tests.
type binary struct{ path, dir string }

// compile builds the tests of a package with files replaced. Paths are trimmed
// so that what does not change comes from the build cache, wherever the copy is.
func (l *laboratory) compile(ctx context.Context, c check, dir string, changed map[string]string) (binary, error) {
	b := binary{path: filepath.Join(dir, strings.NewReplacer("/", "-", ".", "").Replace(c.Package)+".test"), dir: filepath.Join(l.module, c.Package)}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for name, content := range changed {
		mutated := filepath.Join(dir, "changed", name)
		if err := write(mutated, []byte(content)); err != nil {
			return b, err
		}
		overlay.Replace[filepath.Join(l.module, name)] = mutated
	}
	list, err := json.Marshal(overlay)
	if err == nil {
		err = write(filepath.Join(dir, "overlay.json"), list)
	}
	if err == nil {
		_, err = output(ctx, l.module, "go", "test", "-c", "-vet=off", "-trimpath", "-overlay", filepath.Join(dir, "overlay.json"), "-o", b.path, c.Package)
	}
	if err != nil {
		return b, fmt.Errorf("compile %s: %w", c.Package, err)
	}
	return b, nil
}

// list names the tests that a regexp selects.
func (b *binary) list(ctx context.Context, tests string) (string, error) {
	return output(ctx, b.dir, b.path, "-test.list", tests)
}

// test runs tests up to the first that fails and names those that did, with all that was said.
func (b *binary) test(ctx context.Context, tests string, timeout time.Duration) (failed []string, said string) {
	cmd := exec.CommandContext(ctx, b.path, "-test.run", tests, "-test.v", "-test.failfast", "-test.count=1", "-test.timeout", timeout.String())
	cmd.Dir = b.dir
	all, err := cmd.CombinedOutput()
	if err == nil {
		return nil, string(all)
	}
	return failures(string(all)), string(all)
}

var (
	began = regexp.MustCompile(`(?m)^=== RUN +(\S+)`)
	ended = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)
)

// failures names the tests that failed, the innermost first; of tests that a
// panic or the timeout has ended, those that were running.
func failures(said string) (failed []string) {
	over := make(map[string]bool)
	for _, m := range ended.FindAllStringSubmatch(said, -1) {
		over[m[2]] = true
		if m[1] == "FAIL" {
			failed = append(failed, m[2])
		}
	}
	if len(failed) == 0 {
		how := " (ended)"
		switch {
		case strings.Contains(said, "panic: test timed out"):
			how = " (timeout)"
		case strings.Contains(said, "panic: "):
			how = " (panic)"
		}
		for _, m := range began.FindAllStringSubmatch(said, -1) {
			if !over[m[1]] {
				failed = append(failed, m[1]+how)
			}
		}
	}
	slices.SortStableFunc(failed, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	if len(failed) == 0 {
		failed = []string{"the test binary"}
	}
	return failed
}

// output runs a command and gives what it prints; an error has what it said.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, args[0], err, exit.Stderr, out)
	}
	return string(out), err
}
