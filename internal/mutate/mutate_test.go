package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table fits the sources as they are: whoever changes a guard changes its mutation.
func TestEachTextIsFoundOnce(t *testing.T) {
	t.Parallel()
	mutations, err := parse(table)
	require.NoError(t, err)
	for _, m := range mutations {
		_, err := m.mutate("../..")
		require.NoError(t, err, "mutation %s of internal/mutate/mutations.txt", m.Name)
	}
}

func TestDocumentShowsTheTable(t *testing.T) {
	t.Parallel()
	mutations, err := parse(table)
	require.NoError(t, err)
	document, err := os.ReadFile("../../docs/reliability.md")
	require.NoError(t, err)
	require.Contains(t, string(document), markdown(mutations), "replace the table of docs/reliability.md by what go run ./internal/mutate --list prints")
}

func TestEditsOfOneFileAddUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("one\n\ttwo\nthree\n"), 0o600))
	mutations, err := parse("mutation: m\nguard: g\ntest: ./p T\nfile: a.go\n- one\n- \ttwo\n+ 1\n+\n- three\n+ 3\n")
	require.NoError(t, err)
	changed, err := mutations[0].mutate(dir)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a.go": "1\n\n3\n"}, changed)

	mutations[0].Edits[1].Old = "e"
	_, err = mutations[0].mutate(dir)
	require.ErrorContains(t, err, `2 times instead of once: "e"`)
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mutation: m\nspeed: high\n":                     "mutations.txt:2: \"speed: high\": mutation, guard, test, file",
		"mutation: m\n+ new\n":                           `+ without - before it`,
		"mutation: m\n-old\n":                            `a space is expected after -`,
		"mutation: m\ntest: ./p\n":                       `a package and a regexp`,
		"mutation: m\nguard: g\n":                        `mutation "m": name, guard, test and an edit are needed`,
		"mutation: m\nguard: g\ntest: ./p T\n- a\n+ b\n": `mutation m: the file is missing`,
		"mutation: m\nguard: g\ntest: ./p T\nfile: f\n- a\n+ b\n\nmutation: m\nguard: g\ntest: ./p T\nfile: f\n- a\n+ b\n": `there are two mutations m`,
	} {
		_, err := parse(text)
		require.ErrorContains(t, err, want)
	}
}

func TestFailuresNamesTheInnermost(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"TestA/b", "TestA"}, failures("=== RUN   TestA\n=== RUN   TestA/b\n--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n"))
	require.Equal(t, []string{"TestB (panic)"}, failures("=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\npanic: oh\n"))
	require.Equal(t, []string{"TestB (timeout)"}, failures("=== RUN   TestB\npanic: test timed out after 1m0s\n"))
	require.Equal(t, []string{"the test binary"}, failures("killed"))
}
