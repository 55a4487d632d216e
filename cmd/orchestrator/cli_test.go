package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
)

// invocation is a command line with its surroundings.
type invocation struct {
	args  []string
	env   []string
	stdin string
	dir   string
}

// answered is what a command that has ended wrote, and its exit code.
type answered struct {
	out, errors string
	code        int
}

// run runs a command to its end.
func (i invocation) run(t *testing.T) answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], i.args...)
	command.Env = append(append(os.Environ(), asCommand+"=1"), i.env...)
	command.Dir = i.dir
	var out, errors bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(i.stdin), &out, &errors
	_ = command.Run() // the exit code tells
	return answered{out.String(), errors.String(), command.ProcessState.ExitCode()}
}

func commandLine(t *testing.T, args ...string) answered {
	t.Helper()
	return invocation{args: args}.run(t)
}

// as reads the answer of a command with --json.
func as[T any](t *testing.T, a answered) (v T) {
	t.Helper()
	require.Zero(t, a.code, a.errors)
	d := json.NewDecoder(strings.NewReader(a.out))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), a.out)
	require.False(t, d.More(), "one JSON value: %s", a.out)
	return v
}

// Every verb does what it says, in words and as JSON.
func TestCommandsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.startEngine(t)
	listen := "--listen=" + strings.TrimPrefix(e.client.base, "http://")
	do := func(args ...string) answered { return commandLine(t, append(args, listen)...) }
	text := func(args ...string) string {
		a := do(args...)
		require.Zero(t, a.code, "%s: %s", args, a.errors)
		require.Empty(t, a.errors, args)
		return a.out
	}
	manual := "testdata/manual.bpmn"
	deployed := as[api.Deployment](t, do("deploy", manual, "testdata/hostile.bpmn", "--json"))
	require.Len(t, deployed.Definitions, 3)
	require.Equal(t, "manual", deployed.Definitions[0].ProcessID)
	require.Contains(t, text("deploy", manual), "deployed manual version 1 from manual.bpmn")

	file := filepath.Join(t.TempDir(), "variables.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"from":"file"}`), 0o600))
	started := as[api.Answer](t, do("start", "manual", "--business-key", "b1", "-v", `{"a":1}`, "--json"))
	require.Equal(t, "applied", started.Disposition)
	id := started.Instances[0]
	require.Regexp(t, `^started [0-9a-f-]{36} of manual version 1\n$`, text("start", "manual", "-v", "@"+file, "--process-version", "1"))
	piped := invocation{args: []string{"start", "manual", "-v", "-", "--business-key", "piped", listen}, stdin: `{"from":"pipe"}`}.run(t)
	require.Zero(t, piped.code, piped.errors)

	sent := as[api.Answer](t, do("message", "hold", "k1", "--id", "m1", "--ttl", "PT1M", "-v", `{"x":true}`, "--json"))
	require.Equal(t, "applied", sent.Disposition)
	require.Equal(t, "duplicate \n", text("message", "hold", "k1", "--id", "m1"))

	list := as[struct{ Instances []api.InstanceSummary }](t, do("instances", "list", "--business-key", "b1", "--json"))
	require.Len(t, list.Instances, 1)
	require.Equal(t, id, list.Instances[0].ID)
	require.Contains(t, text("instances", "list", "--limit", "1"), "there are more: raise --limit")
	require.Contains(t, text("instances", "list", "--process", "nothing"), "INSTANCE")
	require.Empty(t, as[struct{ Instances []api.InstanceSummary }](t, do("instances", "list", "--incident", "--json")).Instances)
	shown := as[api.Instance](t, do("instances", "show", id, "--json"))
	require.JSONEq(t, `{"a":1}`, string(shown.Variables))
	require.Contains(t, text("instances", "show", id), "work Work (key 1)")

	s.fail(t, "b1", "no paper")
	eventually(t, "incident", func() bool { return strings.Contains(text("incidents", "list"), "no paper") })
	incidents := as[struct{ Incidents []api.Incident }](t, do("incidents", "list", "--process", "manual", "--json")).Incidents
	require.Len(t, incidents, 1)
	require.Equal(t, "task-retries-exhausted", incidents[0].Kind)
	require.Contains(t, text("instances", "show", id), "task-retries-exhausted: no paper")
	require.Equal(t, "applied", as[api.Answer](t, do("incidents", "resolve", id, "--retries", "2", "-v", `{"paper":true}`, "--json")).Disposition)
	require.Len(t, as[[]api.Answer](t, do("instances", "cancel", id, "--reason", "test", "--json")), 1)
	eventually(t, "history of the end", func() bool { return strings.Contains(text("instances", "history", id), "cancelled") })
	require.Equal(t, "cancelled", as[api.History](t, do("instances", "history", id, "--json")).State)

	require.Zero(t, s.consistent(t).Findings)
	require.Contains(t, text("fsck", "--database", s.database), "checked ")
}

// Decisions are deployed with the processes that ask for them; what was decided is
// in the instance and its history.
func TestDecisionsAreDeployedWithProcesses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.startEngine(t)
	listen := "--listen=" + strings.TrimPrefix(e.client.base, "http://")
	text := func(args ...string) string {
		a := commandLine(t, append(args, listen)...)
		require.Zero(t, a.code, "%s: %s", args, a.errors)
		return a.out
	}
	require.Equal(t, "deployed quote version 1 from quote.bpmn\ndeployed decision risk version 1 from premium.dmn\ndeployed decision premium version 1 from premium.dmn\n",
		text("deploy", "../../examples/decision/quote.bpmn", "../../examples/decision/premium.dmn"), "as the examples say")
	text("start", "quote", "--business-key", "q", "-v", "@../../examples/decision/claim.json")
	require.Contains(t, text("instances", "show", uuid.UUID(s.commandFor(t, "send-quote", "q").Instance).String()), `"premium":400.00`)

	process, model := "testdata/underwriting.bpmn", "testdata/risk.dmn"
	require.Contains(t, text("deploy", process), `testdata/underwriting.bpmn:6: warning: assess: no decision "risk" was deployed together with this version of the process, `+
		"to which assess binds it: deploy both in one go for new instances\ndeployed underwriting version 1 from underwriting.bpmn\n")
	text("start", "underwriting", "--business-key", "alone", "-v", `{"amount":1}`)
	eventually(t, "incident", func() bool { return strings.Contains(text("incidents", "list"), "was deployed together") })

	both := "deployed underwriting version 2 from underwriting.bpmn\ndeployed decision risk version 2 from risk.dmn\n"
	require.Equal(t, both, text("deploy", process, model), "other decisions make another version of a process that is bound to them")
	require.Equal(t, both, text("deploy", process, model), "nothing has changed")

	text("start", "underwriting", "--business-key", "together", "-v", `{"amount":250}`)
	id := uuid.UUID(s.commandFor(t, "look", "together").Instance)
	require.Contains(t, text("instances", "show", id.String()), `"risk":"high"`)
	eventually(t, "history", func() bool {
		return strings.Contains(text("instances", "history", id.String(), "--json"), `"decision-evaluated"`)
	})
	require.Contains(t, text("instances", "history", id.String(), "--json"), `"rules"`)
}

// fail makes the task of an instance of manual.bpmn an incident.
func (s *site) fail(t *testing.T, businessKey, why string) {
	t.Helper()
	id := s.commandFor(t, "manual", businessKey)
	s.answer(t, id, "status", "failed", "errorMessage", why)
}

func TestTopicsArePlannedAndApplied(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topics := func(verb string, flags ...string) answered {
		return commandLine(t, append([]string{"topics", verb, "--brokers", strings.Join(s.brokers, ","), "--topics-dir", s.topics, "--json"}, flags...)...)
	}
	type change struct{ Topic, Action, Detail string }
	actions := func(a answered) map[string]string {
		all := make(map[string]string)
		for _, c := range as[[]change](t, a) {
			all[c.Topic] = c.Action
		}
		return all
	}
	require.Equal(t, "create", actions(topics("plan"))[s.names.Results()])
	require.Equal(t, "create", actions(topics("apply"))[s.names.Results()])
	require.NotEqual(t, "create", actions(topics("plan"))[s.names.Results()])

	more := "prefix: " + s.names.Prefix + "\ntopics:\n  - {name: results, partitions: 9, key: k, schema: result.schema.json, retention: P7D}\n  - {name: control, partitions: 9, key: k, schema: control.schema.json, retention: P7D}\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.topics, "topics.yaml"), []byte(more), 0o600))
	refused := topics("apply")
	require.Equal(t, exitRefused, refused.code)
	require.Contains(t, refused.errors, "2 changes were not made")
	require.Zero(t, topics("apply", "--grow").code)
	require.NotContains(t, topics("plan").out, "grow")
	require.Contains(t, commandLine(t, "topics", "plan", "--brokers", s.brokers[0], "--topics-dir", s.topics).out, "TOPIC")
}

// Errors go to standard error, say what to do, and have an exit code of their kind.
func TestErrorsOfCommandsSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.startEngine(t)
	listen := "--listen=" + strings.TrimPrefix(e.client.base, "http://")
	const nobody = "--listen=127.0.0.1:1"
	const never = "0fffffff-ffff-7fff-bfff-ffffffffffff"
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "bad.yaml"), []byte("topics: [{name: results, partitions: -1}]"), 0o600))
	for _, c := range []struct {
		args string
		code int
		says []string
	}{
		{"", exitUsage, []string{"Try: orchestrator --help"}},
		{"explode", exitUsage, []string{"explode", "Try: orchestrator --help"}},
		{"instances list --colour", exitUsage, []string{"--colour"}},
		{"instances list --limit many", exitUsage, []string{"--limit"}},
		{"completion ksh", exitUsage, []string{"bash", "zsh", "fish"}},
		{"deploy", exitUsage, []string{"models"}},
		{"deploy testdata/nothing.bpmn", exitUsage, []string{"testdata/nothing.bpmn", "no such file"}},
		{"deploy testdata/broken.bpmn " + listen, exitRefused, []string{"testdata/broken.bpmn", "line 5: untyped: ", "line 6: unmade: "}},
		{"deploy testdata/broken.dmn " + listen, exitRefused, []string{"the model can't be deployed", "line 3: unwritten: ", "line 5: words: ", "does not compile"}},
		{"deploy testdata/broken.dmn testdata/manual.bpmn testdata/broken.bpmn " + listen, exitRefused, []string{"2 of the models can't be deployed, so none was", "broken.dmn: line 5: words: ", "broken.bpmn: line 5: untyped: "}},
		{"deploy cli_test.go " + listen, exitRefused, []string{"cli_test.go"}},
		{"start nothing " + listen, exitRefused, []string{`no process "nothing" is deployed`}},
		{"start nothing -v [1] " + listen, exitUsage, []string{"want a JSON object such as"}},
		{"start nothing -v @nothing.json " + listen, exitUsage, []string{"nothing.json"}},
		{"message n k --ttl soon " + listen, exitRefused, []string{"ttl soon is not an ISO 8601 duration such as PT30S"}},
		{"instances show x " + listen, exitRefused, []string{"is not a UUID"}},
		{"instances show " + never + " " + listen, exitRefused, []string{"it has ended or never was"}},
		{"instances history " + never + " " + listen, exitRefused, []string{"it never was"}},
		{"instances cancel " + never + " " + listen, exitRefused, []string{"cancel " + never, "it has ended or never was"}},
		{"incidents resolve " + never + " " + listen, exitRefused, []string{"it has ended or never was"}},
		{"instances list " + nobody, exitAway, []string{"no engine answers at http://127.0.0.1:1", "start one (orchestrator dev), or name it with --listen"}},
		{"start p --json " + nobody, exitAway, []string{"no engine answers"}},
		{"topics plan", exitUsage, []string{"topics needs --brokers"}},
		{"topics plan --brokers 127.0.0.1:1", exitAway, []string{"127.0.0.1:1", "--brokers"}},
		{"topics plan --brokers 127.0.0.1:1 --topics-dir " + folder, exitUsage, []string{"results: partitions must be at least 1"}},
		{"topics plan --brokers 127.0.0.1:1 --topics-dir testdata", exitUsage, []string{"holds no *.yaml"}},
		{"fsck --database postgres://nobody@127.0.0.1:1/none?connect_timeout=1", exitAway, []string{"127.0.0.1:1", "--database"}},
		{"fsck --database nonsense://x", exitUsage, []string{"--database"}},
		{"fsck --database " + devtest.Postgres(t), exitRefused, []string{"holds no Barnabas schema"}},
		{"serve", exitUsage, []string{"serve needs --brokers and --database", "orchestrator dev"}},
		{"serve --brokers 127.0.0.1:1", exitUsage, []string{"give both --brokers and --database"}},
		{"serve --brokers b:1 --database postgres://h/d --listen 0.0.0.0:0", exitUsage, []string{"no --token is set", "--insecure"}},
		{"serve --brokers b:1 --database postgres://h/d --listen [::]:0", exitUsage, []string{"no --token is set"}},
		{"serve --brokers b:1 --database postgres://h/d --listen somewhere", exitUsage, []string{"want host:port"}},
		{"serve --brokers b:1 --database postgres://h/d " + listen, exitAway, []string{"choose another address with --listen"}},
		{"serve --brokers b:1 --database postgres://h/d --listen 127.0.0.1:0 --topics-dir " + folder, exitUsage, []string{"results: partitions"}},
		{"serve --brokers b:1 --database nonsense://x --listen 127.0.0.1:0", exitUsage, []string{"--database"}},
		{"serve --brokers b:1 --database postgres://h/d --log-level loud", exitUsage, []string{"--log-level"}},
		{"instances list --config testdata/nothing.yaml", exitUsage, []string{"nothing.yaml"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			a := commandLine(t, strings.Fields(c.args)...)
			require.Equal(t, c.code, a.code, a.errors)
			for _, text := range c.says {
				require.Contains(t, a.errors, text)
			}
			require.Empty(t, a.out, "errors don't go where JSON is expected")
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

func TestServeWaitsForWhatIsAway(t *testing.T) {
	t.Parallel()
	for away, flags := range map[string][]string{
		"database": {"--brokers", "127.0.0.1:1", "--database", "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"},
		"kafka":    {"--brokers", "127.0.0.1:1", "--database", devtest.Postgres(t)},
	} {
		t.Run(away, func(t *testing.T) {
			t.Parallel()
			p := startCommandLine(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
			p.says(t, away+" can't be used yet; trying again")
			a := rest{base: "http://" + p.address(t)}
			require.Equal(t, http.StatusOK, a.call(t, "GET", "/healthz", "").status)
			waits := a.call(t, "GET", "/readyz", "")
			require.Equal(t, http.StatusServiceUnavailable, waits.status)
			require.Contains(t, waits.body, away)
			require.NoError(t, p.Process.Signal(syscall.SIGTERM))
			require.Zero(t, p.code(t), &p.output)
		})
	}
}

func TestValuesComeFromEnvironmentAndFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.startEngine(t, "--token", "secret")
	listen := strings.TrimPrefix(e.client.base, "http://")
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "barnabas.yaml"), []byte("listen: "+listen+"\ntoken: secret\njson: true\n"), 0o600))
	file := "--config=" + filepath.Join(folder, "barnabas.yaml")

	fromFile := invocation{args: []string{"instances", "list", file}}.run(t)
	require.Zero(t, fromFile.code, fromFile.errors)
	require.True(t, json.Valid([]byte(fromFile.out)))
	fromEnvironment := invocation{args: []string{"instances", "list"}, env: []string{"BARNABAS_LISTEN=" + listen, "BARNABAS_TOKEN=secret", "BARNABAS_JSON=true"}}.run(t)
	require.Zero(t, fromEnvironment.code, fromEnvironment.errors)
	require.True(t, json.Valid([]byte(fromEnvironment.out)))
	wrong := invocation{args: []string{"instances", "list", file, "--token", "wrong"}}.run(t)
	require.Equal(t, exitRefused, wrong.code, "a flag goes before the file")
	require.Contains(t, wrong.errors, "send the token")
}

func TestHelpAndCompletion(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{
		"", "dev", "serve", "demo", "deploy", "decide", "start", "message", "instances", "instances list", "instances show", "instances history", "instances cancel",
		"incidents", "incidents list", "incidents resolve", "topics", "topics plan", "topics apply", "bench", "fsck", "completion",
	} {
		a := commandLine(t, append(strings.Fields(verb), "--help")...)
		require.Zero(t, a.code, verb)
		require.Contains(t, a.out, "Usage: orchestrator "+verb, verb)
		require.Empty(t, a.errors, verb)
	}
	require.Zero(t, commandLine(t, "--version").code)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		a := commandLine(t, "completion", shell)
		require.Zero(t, a.code, a.errors)
		require.Contains(t, a.out, "resolve", shell)
	}
	script := filepath.Join(t.TempDir(), "completion")
	require.NoError(t, os.WriteFile(script, []byte(commandLine(t, "completion", "bash").out), 0o600))
	out, err := exec.CommandContext(t.Context(), "bash", "-c", ". "+script+`; COMP_WORDS=(orchestrator instances ca) COMP_CWORD=2; _orchestrator; echo "${COMPREPLY[@]}"`).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "cancel\n", string(out))
}

// A decision is evaluated from its file, without an engine.
func TestDecide(t *testing.T) {
	t.Parallel()
	premium, claim := "../../examples/decision/premium.dmn", "../../examples/decision/claim.json"
	input, err := os.ReadFile(claim)
	require.NoError(t, err)
	table := `DECISION  INPUTS                         RULE     OUTPUTS         NOTES
risk      driver.age=22 driver.claims=1  2 young  level="medium"  little practice
premium   car value=18000 risk="medium"           400.00          

premium = 400.00
`
	require.Equal(t, table, commandLine(t, "decide", premium, "--input", claim).out)
	require.Equal(t, table, invocation{args: []string{"decide", premium, "--input", "-"}, stdin: string(input)}.run(t).out)
	require.Equal(t, table, commandLine(t, "decide", premium, "-v", string(input), "--decision", "premium").out)
	told := as[api.Evaluation](t, commandLine(t, "decide", premium, "--input", claim, "--json", "--decision", "risk"))
	require.Equal(t, `"medium"`, string(told.Value))
	require.Equal(t, 2, told.Decisions[0].Tables[0].Matched[0].Index)

	warned := commandLine(t, "decide", premium, "-v", `{"driver":{"age":7,"claims":0}}`)
	require.Zero(t, warned.code)
	require.Contains(t, warned.out, "premium = null\nwarning: ")
	require.Contains(t, warned.out, "warning: driver-data: the input driver.age is the number 7; allowed is [18..120]")

	importing := filepath.Join(t.TempDir(), "double.dmn")
	require.NoError(t, os.WriteFile(importing, []byte(`<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="m" name="M" namespace="urn:double">
		<import name="insurance" namespace="https://barnabas-project.github.io/examples/premium" importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>
		<decision id="double" name="double"><informationRequirement><requiredDecision href="https://barnabas-project.github.io/examples/premium#premium"/></informationRequirement>
		<literalExpression><text>2 * insurance.premium</text></literalExpression></decision></definitions>`), 0o600))
	require.Contains(t, commandLine(t, "decide", importing, "--import", premium, "--input", claim).out, "double = 800.00\n")

	shapes := "../../pkg/engine/testdata/businessrule/shapes.dmn"
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{}, exitUsage, "model"},
		{[]string{"testdata/nothing.dmn"}, exitUsage, "no such file"},
		{[]string{"testdata/broken.dmn"}, exitRefused, "line 5: words: the expression does not compile"},
		{[]string{"testdata/manual.bpmn"}, exitRefused, "the root element is <definitions>"},
		{[]string{importing}, exitRefused, "no model of namespace"},
		{[]string{shapes}, exitUsage, "by --decision: discounts, terms, greeting, laborious, endless"},
		{[]string{shapes, "--decision", "nothing"}, exitUsage, "by --decision: discounts"},
		{[]string{shapes, "--decision", "endless"}, exitFailed, `evaluate "endless": expression`},
		{[]string{shapes, "--decision", "greeting", "--strict"}, exitFailed, `no variable is named "name"`},
		{[]string{premium, "-v", "[1]"}, exitUsage, "want a JSON object such as"},
		{[]string{premium, "--input", "nothing.json"}, exitUsage, "nothing.json"},
		{[]string{premium, "--input", claim, "-v", "{}"}, exitUsage, "not by both"},
	} {
		a := commandLine(t, append([]string{"decide"}, c.args...)...)
		require.Equal(t, c.code, a.code, "%s: %s", c.args, a.errors)
		require.Contains(t, a.errors, c.says, c.args)
		require.Empty(t, a.out, c.args)
	}
}
