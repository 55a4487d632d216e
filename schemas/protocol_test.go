package schemas_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

var example = regexp.MustCompile("(?s)```json ([a-z-]+)\n(.*?)```")

// Fenced examples of docs/protocol.md name their schema: ```json result.
func TestExamplesOfTheProtocolAreValid(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/protocol.md")
	require.NoError(t, err)
	found := map[string]int{}
	for _, m := range example.FindAllSubmatch(doc, -1) {
		name := string(m[1])
		found[name]++
		record, err := jsonschema.UnmarshalJSON(strings.NewReader(string(m[2])))
		require.NoError(t, err, "%s", m[2])
		require.NoError(t, compile(t, name+".schema.json").Validate(record), "%s", m[2])
	}
	require.Equal(t, map[string]int{"task": 1, "result": 4, "message": 1, "status": 1}, found)
}

// The table of events names each event of the schema.
func TestEveryEventIsInTheProtocol(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/protocol.md")
	require.NoError(t, err)
	for kind := range describedEvents(t) {
		require.Contains(t, string(doc), "`"+kind+"`")
	}
}
