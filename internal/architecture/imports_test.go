// Package architecture holds the test that the packages depend on each other as
// docs/design.md says. It has no code of its own.
//
// Start reading at mayImport.
package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/barnabas-project/barnabas/"
)

// mayImport says which of our packages a package may import. A package stands
// for its subpackages too, which may import each other. What is not listed here
// is a new package: give it a line, and one in docs/design.md.
var mayImport = map[string][]string{
	"pkg/expr":         {},
	"pkg/xmldoc":       {},
	"pkg/bpmn":         {"pkg/expr", "pkg/xmldoc"},
	"pkg/dmn":          {"pkg/expr", "pkg/xmldoc"},
	"pkg/engine":       {"pkg/bpmn", "pkg/dmn", "pkg/expr"},
	"pkg/wire":         {},
	"pkg/store":        {"pkg/wire", "pkg/engine"},
	"pkg/kafka":        {"pkg/wire", "topics"},
	"pkg/relay":        {"pkg/wire", "pkg/store", "pkg/kafka"},
	"pkg/orchestrator": {"pkg/bpmn", "pkg/dmn", "pkg/engine", "pkg/expr", "pkg/wire", "pkg/store", "pkg/kafka", "pkg/xmldoc"},
	"pkg/history":      {"pkg/wire", "pkg/store"},
	"pkg/worker":       {"pkg/wire", "pkg/kafka"},
	"pkg/api":          {"pkg/orchestrator", "pkg/store", "pkg/bpmn", "pkg/dmn", "pkg/engine", "pkg/expr", "pkg/wire"},
	"pkg/bench":        {"pkg/wire", "topics"},
	"pkg/dev":          {},
	"topics":           {"pkg/wire"},
	// The simulation puts the shell together over a database and a Kafka of its own.
	"pkg/sim":                {"pkg/bpmn", "pkg/engine", "pkg/wire", "pkg/store", "pkg/kafka", "pkg/relay", "pkg/orchestrator", "internal/randomprocess"},
	"internal/randomprocess": {},
	"schemas":                {},
	// Commands put the parts together.
	"cmd/orchestrator": {"pkg/api", "pkg/bench", "pkg/bpmn", "pkg/dev", "pkg/dmn", "pkg/engine", "pkg/expr", "pkg/history", "pkg/kafka", "pkg/orchestrator", "pkg/relay", "pkg/store", "pkg/wire", "pkg/worker", "topics", "examples"},
	"cmd/relay":        {"pkg/kafka", "pkg/relay", "pkg/store", "pkg/wire", "topics"},
	"internal/mutate":  {},
	// The chaos run starts the commands, and otherwise is a user: it knows the protocol and the SDK.
	"internal/chaos": {"pkg/wire", "pkg/worker", "pkg/dev"},
	// Examples are what users write: they know the protocol and the SDK.
	"examples": {"pkg/wire", "pkg/worker", "pkg/dev", "topics"},
}

// mayUse says which of our packages may import a library, by the beginning of
// its path.
var mayUse = []struct {
	library string
	allowed []string
	why     string
}{
	{"github.com/twmb/franz-go", []string{"pkg/kafka", "pkg/worker", "pkg/bench", "pkg/dev", "examples", "internal/chaos"}, "in the engine pkg/kafka alone talks to Kafka"},
	{"github.com/jackc/pgx", []string{"pkg/store", "pkg/bench", "pkg/dev", "cmd", "internal/chaos"}, "pkg/store holds all SQL"},
	{"github.com/danielgtaylor/huma", []string{"pkg/api"}, "pkg/api is the REST interface"},
	{"github.com/alecthomas/kong", []string{"cmd", "examples"}, "packages don't read flags"},
	{"net/http", []string{"pkg/api", "pkg/bench", "pkg/dev", "cmd", "examples", "internal/chaos"}, "the core is reached through Kafka; the rest is pkg/api"},
}

// pure are the packages that decide: the same input gives the same outcome, so
// time, chance and the world come in as arguments.
var pure = []string{"pkg/expr", "pkg/xmldoc", "pkg/bpmn", "pkg/dmn", "pkg/engine"}

var impureImports = []string{"bufio", "context", "crypto/rand", "io/fs", "log", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "sync", "sync/atomic", "syscall"}

var impureCalls = []string{"time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Sleep", "time.Tick"}

// tolerated are exceptions, each with its reason.
var tolerated = map[string]string{
	"pkg/expr/feel sync":        "compiled expressions are shared by goroutines; pools and caches do not show in results",
	"pkg/expr/feel sync/atomic": "likewise",
	"pkg/expr/script sync":      "likewise",
	"pkg/bpmn time.Now":         "the default of Config.Now, against which constant dates of a model are checked",
}

// file is a parsed Go file of ours that is no test.
type file struct {
	path, folder string // relative to the root
	syntax       *ast.File
}

func TestPackagesImportEachOtherOneWay(t *testing.T) {
	t.Parallel()
	files := sources(t)
	for _, f := range files {
		from := listed(f.folder)
		require.NotEmpty(t, from, "%s: the package is not in mayImport: say what it may import", f.path)
		for _, path := range f.imports(t) {
			own, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			to := listed(own)
			allowed := from == to && !strings.HasPrefix(from, "cmd/") || slices.Contains(mayImport[from], to)
			require.True(t, allowed, "%s imports %s: %s may import %v only, see docs/design.md", f.path, own, from, mayImport[from])
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		for _, path := range f.imports(t) {
			for _, rule := range mayUse {
				if under(path, rule.library) {
					ok := slices.ContainsFunc(rule.allowed, func(p string) bool { return under(f.folder, p) })
					require.True(t, ok, "%s imports %s: %s; allowed in %v", f.path, path, rule.why, rule.allowed)
				}
			}
		}
	}
}

func TestTheCoreIsPure(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, f := range sources(t) {
		if !slices.ContainsFunc(pure, func(p string) bool { return under(f.folder, p) }) {
			continue
		}
		for _, what := range append(f.imports(t), f.calls()...) {
			if !slices.Contains(impureImports, what) && !slices.Contains(impureCalls, what) {
				continue
			}
			exception := f.folder + " " + what
			used[exception] = true
			require.Contains(t, tolerated, exception, "%s uses %s: time, chance and the world come in as arguments", f.path, what)
		}
	}
	for exception := range tolerated {
		require.True(t, used[exception], "the exception %q is not needed any more: remove it", exception)
	}
}

// TestMayImportHasNoCycle: Go refuses cycles of packages, not of families of them.
func TestMayImportHasNoCycle(t *testing.T) {
	t.Parallel()
	var visit func(p string, path []string)
	visit = func(p string, path []string) {
		require.NotContains(t, path, p, "mayImport has a cycle")
		for _, next := range mayImport[p] {
			require.Contains(t, mayImport, strings.TrimSuffix(next, "/"), "%s may import %s, which has no line of its own", p, next)
			visit(next, append(slices.Clone(path), p))
		}
	}
	for p := range mayImport {
		visit(p, nil)
	}
}

// sources parses every Go file of the module that is no test.
func sources(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skipped(entry.Name(), relative) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		files = append(files, file{relative, filepath.ToSlash(filepath.Dir(relative)), syntax})
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(files), 100, "the module is not at %s", root)
	return files
}

// skipped are folders that hold no packages of the module: hidden ones, test
// data, and modules of their own. devtest serves tests only.
func skipped(name, relative string) bool {
	return relative != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") ||
		relative == filepath.Join("deploy", "tools") || relative == filepath.Join("pkg", "dev", "devtest")
}

func (f *file) imports(t *testing.T) []string {
	t.Helper()
	paths := make([]string, 0, len(f.syntax.Imports))
	for _, i := range f.syntax.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		require.NoError(t, err)
		paths = append(paths, path)
	}
	return paths
}

// calls are the functions and methods called, as written.
func (f *file) calls() []string {
	var calls []string
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				calls = append(calls, x.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return calls
}

// listed is the entry of mayImport a package belongs to; "": none.
func listed(path string) string {
	for p := range mayImport {
		if under(path, p) {
			return p
		}
	}
	return ""
}

// under tells whether path is parent or below it.
func under(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}
